"""Rates that were tried, and those of them that say too little."""

from __future__ import annotations

from minisnn.reproduction.grids import rates_at_an_end, rates_table
from minisnn.reproduction.trainings import RATES, Training


def tries(layers: str, accuracies: dict[float, float], order: int | None = None) -> list[Training]:
    return [
        Training(
            profile="quick", experiments=RATES, run=f"{layers}{rate}{order}", data="mnist",
            order=order, judged="held out", hidden="100", layers=layers, wiring="any", degree=1,
            density=0.1, fan="degree", dropout="0 0", epochs=3, seed=0, rate=rate, weights=7,
            accuracy=accuracy, quarter=0.1, loss=0.1, lowest=0.0, highest=1.0, deviation=0.5,
            seconds=1.0, commit="", version="", cpu="",
        )
        for rate, accuracy in accuracies.items()
    ]  # fmt: skip


ROWS = [
    *tries("constant_degree:1,dense", {2.0: 0.7, 1.0: 0.6, 4.0: 0.5}),
    *tries("constant_degree:1,dense", {2.0: 0.8, 1.0: 0.8}, order=7),  # of equal ones the lowest
    *tries("dense,dense", {1.0: 0.8, 2.0: 0.9, 4.0: 0.95}),
    *tries("dense,dense,dense", {1.0: 0.1, 2.0: 0.9, 4.0: 0.95}),
]


def test_the_table_says_where_the_best_rate_lies() -> None:
    assert [row[2:4] + row[7:] for row in rates_table(ROWS).rows] == [
        ["constant_degree:1,dense", "in order", "2", "between others",
         "60.00 (1), 70.00 (2), 50.00 (4)"],
        ["constant_degree:1,dense", "shuffled", "1", "the lowest tried", "80.00 (1), 80.00 (2)"],
        ["dense,dense", "in order", "4", "the highest tried",
         "80.00 (1), 90.00 (2), 95.00 (4)"],
        ["dense,dense,dense", "in order", "4", "the highest tried",
         "10.00 (1), 90.00 (2), 95.00 (4)"],
    ]  # fmt: skip


def test_those_at_an_end_are_counted() -> None:
    assert rates_at_an_end(ROWS).startswith(
        "The best rate was at the end of the grid for 3 of 4 kinds: the highest tried for 2, the "
        "lowest for 1."
    )
    assert rates_at_an_end(ROWS[:3]).startswith("The best rate was at the end of the grid for 0 of")


def test_without_tries_nothing_is_said() -> None:
    assert rates_at_an_end([]) == ""
    assert rates_table([]).rows == []
