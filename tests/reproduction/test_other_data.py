"""Profiles of other images and of tables."""

from __future__ import annotations

from pathlib import Path

import pytest

from minisnn.experiments.training import graphs_of
from minisnn.reproduction import EXPERIMENTS, PROFILES, Profile, experiments_of, reproduce

OTHERS = [profile for profile in PROFILES.values() if profile.keys]
IMAGES = [profile for profile in OTHERS if profile.hidden == PROFILES["full"].hidden]
TABLES = [profile for profile in OTHERS if profile not in IMAGES]


def test_profiles_are_for_their_experiments() -> None:
    for name in ("quick", "full"):
        assert experiments_of(PROFILES[name]) == [*EXPERIMENTS.values()]
    assert len(OTHERS) == 9
    for profile in OTHERS:
        assert [e.key for e in experiments_of(profile)] == ["E2", "E9", "E11"]
        assert [e.key for e in experiments_of(profile, ["E11"])] == ["E11"]
        assert str(profile).endswith("5 seeds")


def test_experiments_that_a_profile_is_not_for(tmp_path: Path) -> None:
    profile, message = (
        PROFILES["fashion"],
        r"'fashion' is for the experiments E2, E9, E11, got 'E3'",
    )
    with pytest.raises(ValueError, match=message):
        experiments_of(profile, ["E2", "E3"])
    with pytest.raises(ValueError, match=message):
        reproduce(profile, tmp_path / "out", [EXPERIMENTS["E3"]])
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("profile", IMAGES, ids=lambda profile: profile.name)
def test_other_images_are_trained_on_as_all_of_mnist_is(profile: Profile) -> None:
    for key in profile.keys:
        of_mnist, others = (EXPERIMENTS[key].runs(each) for each in (PROFILES["full"], profile))
        assert {run.data.name for run in others} == {profile.data}
        assert [run.layers for run in others] == [run.layers for run in of_mnist]
        assert [run.hidden for run in others] == [run.hidden for run in of_mnist]


@pytest.mark.parametrize("profile", TABLES, ids=lambda profile: profile.name)
def test_there_are_graphs_for_all_runs(profile: Profile) -> None:
    """A degree must fit the widths, which are those of the data."""
    made = set()
    for key in profile.keys:
        for run in EXPERIMENTS[key].runs(profile):
            if run.seed == 0 and run.data.order is None and (run.hidden, run.layers) not in made:
                made.add((run.hidden, run.layers))
                assert [g.shape for g in graphs_of(run)] == [*run.shapes]
    assert len(made) > 30
