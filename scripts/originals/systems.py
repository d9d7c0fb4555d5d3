"""The systems by name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from . import binn, cellmaps_vnn, gennet, keras, masks
from .base import Case

WITH_DATA: dict[str, Callable[[Path, int], Case]] = {
    "binn": binn.case,
    "cellmaps_vnn": cellmaps_vnn.case,
    "gennet": gennet.case,
    "gennet_large": gennet.large,
}
"""Those that need a clone of their repository."""

ALONE: dict[str, Callable[[int], Case]] = {"keras": keras.case, "masks": masks.case}

SYSTEMS = (*WITH_DATA, *ALONE)


def make(system: str, repository: Path | None, threads: int) -> Case:
    """Return the comparison with a system, for a number of threads.

    Raises
    ------
    ValueError
        If the repository is missing, or given without need.
    ImportError
        If the system is not installed.
    """
    if system in ALONE:
        if repository is not None:
            raise ValueError(f"{system} has no example data; leave out --repository")
        return ALONE[system](threads)
    if repository is None:
        raise ValueError(f"{system} needs --repository, a clone that has its example data")
    return WITH_DATA[system](repository, threads)
