"""All experiments, by their keys."""

from __future__ import annotations

from collections.abc import Sequence

from .._support.checks import as_list, check_choice, check_kind
from . import comparisons, connectivity, degrees, locality
from .findings import Experiment
from .profiles import Profile

EXPERIMENTS: dict[str, Experiment] = {
    experiment.key: experiment
    for experiment in sorted(
        (
            *degrees.EXPERIMENTS,
            *comparisons.EXPERIMENTS,
            *connectivity.EXPERIMENTS,
            *locality.EXPERIMENTS,
        ),
        key=lambda experiment: int(experiment.key[1:]),
    )
}
"""E1 to E10 of the paper, and our own E11 to E13."""


def experiments_of(profile: Profile, keys: Sequence[str] = ()) -> list[Experiment]:
    """Return the experiments with these keys, by default all that a profile is for.

    Parameters
    ----------
    profile : Profile
        Such as PROFILES["full"].
    keys : sequence of str
        Such as ["E2", "E9"].

    Returns
    -------
    list of Experiment

    Raises
    ------
    ValueError
        If an experiment is unknown, or the profile is not for it.

    Examples
    --------
    >>> from minisnn.reproduction import PROFILES, experiments_of
    >>> [experiment.key for experiment in experiments_of(PROFILES["fashion"])]
    ['E2', 'E9', 'E11']
    """
    check_kind(profile, Profile, "profile")
    chosen = select(keys or profile.keys)
    profile.check(experiment.key for experiment in chosen)
    return chosen


def select(keys: Sequence[str]) -> list[Experiment]:
    """Return the experiments with these keys, or all where there is none.

    Parameters
    ----------
    keys : sequence of str
        Such as ["E2", "E9"].

    Returns
    -------
    list of Experiment

    Raises
    ------
    ValueError
        If the experiment is unknown.

    Examples
    --------
    >>> from minisnn.reproduction import select
    >>> [experiment.title for experiment in select(["E9"])]
    ['Connectivity']
    """
    chosen = as_list(keys, "keys", "experiments' keys") or EXPERIMENTS
    return [EXPERIMENTS[check_choice(key, "an experiment", EXPERIMENTS)] for key in chosen]
