"""Learning rates that were tried: a table, and how often the best was the last of a grid."""

from __future__ import annotations

from collections.abc import Sequence

from .findings import Table
from .trainings import RATES, Training

_HEAD = [
    "recipe", "hidden", "layers", "pixels", "fan", "dropout", "epochs", "best rate", "which is",
    "held out, % (rate)",
]  # fmt: skip
_END = {-1: "the lowest tried", 0: "between others", 1: "the highest tried"}


def rates_table(trainings: Sequence[Training]) -> Table:
    """Return a row for each kind of network: its best rate, and all that were tried."""
    rows = []
    for about, scores in _kinds(trainings).items():
        best, side = _best(scores)
        tried = ", ".join(f"{score:.2f} ({rate:.3g})" for rate, score in scores.items())
        rows.append([*about, f"{best:.3g}", _END[side], tried])
    return Table("Rates", _HEAD, rows)


def rates_at_an_end(trainings: Sequence[Training]) -> str:
    """Return for how many kinds a better rate may lie beyond those tried; nothing without tries."""
    found = [_best(scores)[1] for scores in _kinds(trainings).values()]
    if not found:
        return ""
    return (
        f"The best rate was at the end of the grid for {len(found) - found.count(0)} of "
        f"{len(found)} kinds: the highest tried for {found.count(1)}, the lowest for "
        f"{found.count(-1)}. A better one may lie beyond."
    )


def _kinds(trainings: Sequence[Training]) -> dict[tuple[str, ...], dict[float, float]]:
    """Return the accuracy on samples held out, in per cent, by kind and by rising rate."""
    kinds: dict[tuple[str, ...], dict[float, float]] = {}
    for row in trainings:
        if row.experiments == RATES:
            pixels = "in order" if row.order is None else "shuffled"
            kind = (
                row.recipe,
                row.hidden,
                row.layers,
                pixels,
                row.fan,
                row.dropout,
                str(row.epochs),
            )
            kinds.setdefault(kind, {})[row.rate] = 100 * row.accuracy
    return {kind: dict(sorted(by_rate.items())) for kind, by_rate in kinds.items()}


def _best(scores: dict[float, float]) -> tuple[float, int]:
    """Return the best rate, of equal ones the lowest, and the end of the grid that it is."""
    best = max(scores, key=lambda rate: scores[rate])
    return best, (best == max(scores)) - (best == min(scores))
