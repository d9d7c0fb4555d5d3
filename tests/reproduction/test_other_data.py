"""Profiles of other images and of tables."""

from __future__ import annotations

import pytest

from minisnn.experiments.training import graphs_of
from minisnn.reproduction import EXPERIMENTS, PROFILES, Profile

OTHERS = [profile for profile in PROFILES.values() if profile.keys]


def test_profiles_are_for_their_experiments() -> None:
    assert all(PROFILES[name].is_for(key) for name in ("quick", "full") for key in EXPERIMENTS)
    assert len(OTHERS) == 9
    for profile in OTHERS:
        assert [key for key in EXPERIMENTS if profile.is_for(key)] == ["E2", "E9", "E11"]
        assert str(profile).endswith("5 seeds")


def test_other_images_are_trained_on_as_all_of_mnist_is() -> None:
    for key in PROFILES["fashion"].keys:
        of_mnist, of_clothes = (
            EXPERIMENTS[key].runs(PROFILES[name]) for name in ("full", "fashion")
        )
        assert {run.data.name for run in of_clothes} == {"fashion"}
        assert [run.layers for run in of_clothes] == [run.layers for run in of_mnist]
        assert [run.optimizer for run in of_clothes] == [run.optimizer for run in of_mnist]


@pytest.mark.parametrize("profile", OTHERS, ids=lambda profile: profile.name)
def test_there_are_graphs_for_all_runs(profile: Profile) -> None:
    """A degree must fit the widths, which are those of the data."""
    made = set()
    for key in profile.keys:
        for run in EXPERIMENTS[key].runs(profile):
            if run.seed == 0 and run.data.order is None and (run.hidden, run.layers) not in made:
                made.add((run.hidden, run.layers))
                assert [g.shape for g in graphs_of(run)] == [*run.shapes]
    assert len(made) > 30
