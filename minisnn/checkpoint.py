"""A training's state as a file: written whole or not at all, and read without trust.

The file is an `minisnn.archive`, a .npz without pickle. Its header has the fingerprint of the
training that it belongs to; the arrays are the states of its parts (steps, loop, callbacks), named
``PART.NAME``. Their shapes and dtypes must be those that the resumed training has itself, so that
no file can make it allocate more.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from time import perf_counter
from typing import Any, Protocol

import numpy as np

from .archive import FileFormatError, entry, read_archive, write_archive
from .arguments import shown
from .atomic import replace_file
from .graph import Array
from .optimizer_state import OptimizerState
from .seeds import seed_of

KIND, FORMAT = "checkpoint", 1


class Part(Protocol):
    """A part of a training that has a state."""

    def state(self) -> dict[str, Array]:
        """Return the state, as arrays whose names, shapes and dtypes stay the same."""
        ...

    def restore(self, state: Mapping[str, Array]) -> None:
        """Go on from a state."""


def recorded_seed(path: str | os.PathLike[str]) -> int | None:
    """Return the seed of the training that a checkpoint is of; None where there is no such file.

    Raises
    ------
    OSError, FileFormatError
        As `Checkpoint.restore`.
    """
    if not os.path.isfile(path):
        return None
    with read_archive(path, KIND, [FORMAT], whole=False) as archive:
        return seed_of(int(entry(archive.entry("fingerprint", dict), "seed", str)))


class Checkpoint:
    """The file that a training is kept in.

    Parameters
    ----------
    path : path
        The file.
    every : float
        Seconds between two writes.
    fingerprint : mapping of str to str
        What tells this training from others.
    parts : mapping of str to Part
        What is kept; ``steps`` is among them. They are restored in this order.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        every: float,
        fingerprint: Mapping[str, str],
        parts: Mapping[str, Part],
    ) -> None:
        self._path, self._every = path, every
        self._fingerprint, self._parts = dict(fingerprint), parts
        self._due = perf_counter() + every
        self._layouts: dict[str, dict[str, str]] = {}  # of the states when first asked for

    @property
    def due(self) -> bool:
        """Whether it is time to write."""
        return perf_counter() >= self._due

    def begin(self, resume: bool) -> None:
        """Go on from the file, if there is one and that is wanted; else write the first.

        Raises
        ------
        FileExistsError
            Where there is one, and it is not wanted.
        OSError, FileFormatError
            As `write` and `restore`.
        """
        exists = os.path.isfile(self._path)
        if exists and not resume:
            raise FileExistsError(
                f"the checkpoint {self._path} is there already; pass resume=True to go on from it, "
                "or remove it to begin anew"
            )
        if exists:
            self.restore()
        else:
            self.write()

    def write(self) -> None:
        """Write the state of all parts, in place of what was written before.

        Raises
        ------
        OSError
            Where it cannot be written; what was written before is still there.
        TypeError, ValueError
            Where a callback's state is one that no resumed training could read.
        """
        arrays = {
            f"{part}.{name}": array
            for part, state in self._states().items()
            for name, array in state.items()
        }
        try:
            with replace_file(self._path) as file:
                write_archive(file, KIND, FORMAT, {"fingerprint": self._fingerprint}, arrays)
        except OSError as error:
            before = ". The one that was written before is still there"
            raise OSError(
                f"cannot write the checkpoint {self._path}: {error}"
                f"{before * os.path.isfile(self._path)}"
            ) from error
        self._due = perf_counter() + self._every

    def restore(self) -> None:
        """Let all parts go on from what the file says.

        Raises
        ------
        OSError
            Where it cannot be read.
        FileFormatError
            Where it is no checkpoint, is damaged, or is one of another training; the parts stay as
            they are.
        """
        with read_archive(self._path, KIND, [FORMAT]) as archive:
            self._compare(archive.entry("fingerprint", dict))
            states = {
                part: {
                    name: archive.array(f"{part}.{name}", [array.dtype], array.shape)
                    for name, array in state.items()
                }
                for part, state in self._states().items()
            }
            for name, array in states["steps"].items():
                if not np.isfinite(array).all():
                    raise ValueError(f"steps.{name} is not finite")
            OptimizerState.from_arrays(states["steps"]).check_for(states["steps"]["parameters"])
            archive.check_all_read()
            before = {
                part: {name: array.copy() for name, array in state.items()}
                for part, state in self._states().items()
            }
            try:
                for part, state in states.items():
                    self._parts[part].restore(state)
            except BaseException:
                for part, state in before.items():
                    self._parts[part].restore(state)
                raise

    def _states(self) -> dict[str, dict[str, Array]]:
        """Return the states of all parts, if they are arrays like those of the first time."""
        states: dict[str, dict[str, Array]] = {}
        for part, it in self._parts.items():
            found: Any = it.state()
            if not isinstance(found, Mapping):
                raise TypeError(
                    f"state() of {it!r} must return a dictionary of arrays, got {shown(found)}"
                )
            states[part] = {name: np.asarray(value) for name, value in found.items()}
            layout = {
                name: f"{array.dtype} of shape {array.shape}"
                for name, array in states[part].items()
            }
            for name, array in states[part].items():
                if array.dtype.kind not in "uif":
                    raise TypeError(
                        f"state() of {it!r} must return arrays of numbers, got {layout[name]} "
                        f"as {name!r}"
                    )
            first = self._layouts.setdefault(part, layout)
            if layout != first:
                raise ValueError(
                    f"state() of {it!r} must return arrays whose names, shapes and dtypes stay the "
                    f"same, so that a resumed training can read them: first {first}, then {layout}"
                )
        return states

    def _compare(self, found: Mapping[str, object]) -> None:
        mine = self._fingerprint
        different = [
            f"{name!s:.40} was {found.get(name, 'not there')!s:.200}, "
            f"is {mine.get(name, 'not there')}"
            for name in {**mine, **found}
            if found.get(name) != mine.get(name)
        ]
        if different:
            raise FileFormatError(
                f"the checkpoint {self._path} is of another training: {'; '.join(different)}. "
                "Resume with what it was begun with, or name another file"
            )
