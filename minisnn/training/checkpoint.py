"""Checkpoints: the state of a training in a file, written atomically and read as untrusted input.

The file is an archive (`minisnn._support.archive`): a .npz without pickle. Its header has the
fingerprint of the training that it belongs to; format 2 has the names of its columns, too. The
other arrays are the states of its parts (steps, loop, callbacks), named ``PART.NAME``. Their shapes
and dtypes must be those that the resumed training has itself, so that no file can make it allocate
more; but for the history, which has a row for each planned epoch.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Mapping, Sequence
from itertools import zip_longest
from time import perf_counter
from typing import Any, NamedTuple, Protocol

import numpy as np

from .._support.archive import FileFormatError, entry, read_archive, write_archive
from .._support.archived_names import pack_names, unpack_names
from .._support.arrays import Array
from .._support.columns import Known, Names, known_of
from .._support.files import replace_file
from .._support.messages import counted, shown
from .._support.seeds import seed_of
from ..network.samples import Network
from .optimizer_state import OptimizerState

KIND, FORMAT, FORMAT_WITH_NAMES = "checkpoint", 1, 2

EXTEND = "extend"
"""To resume with another number of epochs."""

_BY_EPOCH = ("loop", "history")


class Part(Protocol):
    """A part of a training that has a state."""

    def state(self) -> dict[str, Array]:
        """Return the state, as arrays whose names, shapes and dtypes stay the same."""
        ...

    def restore(self, state: Mapping[str, Array]) -> None:
        """Go on from a state."""


class Drawn(Protocol):
    """Random draws that preceded the training."""

    initial_seed: int | None
    """Seed of the draws; None if it is not known."""


class Recorded(NamedTuple):
    """Seed and names that a resuming call takes from the checkpoint if it has none itself."""

    seed: int | None = None
    names: Sequence[Names | None] = (None, None)
    """Of inputs, and of outputs."""
    path: str | os.PathLike[str] | None = None

    def known(self, net: Network) -> list[Known]:
        """Return the names that columns are matched by: the network's, else the checkpoint's.

        A checkpoint for another width gives none; it will be refused.
        """
        lengths = net.n_in, net.n_out
        return [
            own._replace(names=kept, owner=f"the checkpoint {self.path}")
            if own.names is own.labels is None and kept is not None and len(kept) == length
            else own
            for own, kept, length in zip(known_of(net), self.names, lengths, strict=True)
        ]


def recorded(path: str | os.PathLike[str]) -> Recorded:
    """Return a checkpoint's record of its training; nothing if there is no such file.

    Raises
    ------
    OSError, FileFormatError
        If `Checkpoint.restore` raises it.
    """
    if not os.path.isfile(path):
        return Recorded()
    with read_archive(path, KIND, [FORMAT, FORMAT_WITH_NAMES], whole=False) as archive:
        seed = seed_of(int(entry(archive.entry("fingerprint", dict), "seed", str)))
        return Recorded(seed, unpack_names(archive), path)


class Checkpoint:
    """The file that a training is kept in.

    Parameters
    ----------
    path : path
        The file.
    every : float
        Seconds between two writes.
    fingerprint : function of a number of epochs
        Returns the properties that tell this training, with so many epochs, from others: a mapping
        of str to str.
    epochs : int
        Number of its epochs.
    rates : function of (epoch, epochs)
        Returns the learning rates of the steps of an epoch, from 0, in a training of ``epochs``.
    parts : mapping of str to Part
        Parts to keep; ``steps`` is among them. They are restored in this order.
    drawn : Drawn
        Random draws whose seed is kept, too: restored weights come with the seed that they were
        drawn with.
    names : sequence of two tuples of str, or None
        Names of inputs and outputs.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        every: float,
        fingerprint: Callable[[int], Mapping[str, str]],
        epochs: int,
        rates: Callable[[int, int], Array],
        parts: Mapping[str, Part],
        drawn: Drawn,
        names: Sequence[Names | None],
    ) -> None:
        self._path, self._every = path, every
        self._fingerprint, self._own = fingerprint, dict(fingerprint(epochs))
        self._epochs, self._rates, self._parts, self._drawn = epochs, rates, parts, drawn
        self._names = names
        self._due = perf_counter() + every
        self._layouts: dict[str, dict[str, str]] = {}  # of the states when first asked for

    @property
    def due(self) -> bool:
        """True if it is time to write."""
        return perf_counter() >= self._due

    def begin(self, resume: bool | str) -> None:
        """Resume from the file if it exists and ``resume`` is set; else write the first one.

        With ``EXTEND``, the file may be of another number of epochs.

        Raises
        ------
        FileExistsError
            If the file exists, and is not to be resumed from.
        OSError, FileFormatError
            If `write` or `restore` raises it.
        """
        exists = os.path.isfile(self._path)
        if exists and not resume:
            raise FileExistsError(
                f"the checkpoint {self._path} is there already; pass resume=True to go on from it, "
                "or remove it to begin anew"
            )
        if exists:
            self.restore(extend=resume == EXTEND)
        else:
            self.write()

    def write(self) -> None:
        """Write the state of all parts, in place of the previous file.

        Raises
        ------
        OSError
            If it cannot be written; the previous file is still there.
        TypeError, ValueError
            If a callback's state is one that a resumed training could not read.
        """
        arrays = {
            f"{part}.{name}": array
            for part, state in self._states().items()
            for name, array in state.items()
        }
        named, names = pack_names(self._names)
        header = {"fingerprint": self._own, "initial_seed": self._drawn.initial_seed, **named}
        number = FORMAT_WITH_NAMES if names else FORMAT
        try:
            with replace_file(self._path) as file:
                write_archive(file, KIND, number, header, arrays | names)
        except OSError as error:
            before = ". The one that was written before is still there"
            raise OSError(
                f"cannot write the checkpoint {self._path}: {error}"
                f"{before * os.path.isfile(self._path)}"
            ) from error
        self._due = perf_counter() + self._every

    def restore(self, *, extend: bool = False) -> None:
        """Restore all parts from the file.

        Parameters
        ----------
        extend : bool
            Whether it may be of a training of another number of epochs: one whose steps so far had
            the learning rates that they would have had in this one.

        Raises
        ------
        OSError
            If it cannot be read.
        FileFormatError
            If it is not a checkpoint, is damaged, or belongs to another training; the parts stay as
            they are.

        Warns
        -----
        UserWarning
            If this training has more epochs, and a callback ended it before: nothing is left.
        """
        with read_archive(self._path, KIND, [FORMAT, FORMAT_WITH_NAMES]) as archive:
            found = archive.entry("fingerprint", dict)
            mine = self._states()
            part, name = _BY_EPOCH
            rows = mine[part][name]
            history = archive.array(f"{part}.{name}", [rows.dtype], (None, *rows.shape[1:]))
            self._compare(found, unpack_names(archive), len(history))
            states = {
                part: {
                    name: history
                    if (part, name) == _BY_EPOCH
                    else archive.array(f"{part}.{name}", [array.dtype], array.shape)
                    for name, array in state.items()
                }
                for part, state in mine.items()
            }
            if len(history) != self._epochs:
                self._check_epochs(len(history), states["loop"]["place"].tolist(), extend)
            for name, array in states["steps"].items():
                if not np.isfinite(array).all():
                    raise ValueError(f"steps.{name} is not finite")
            OptimizerState.from_arrays(states["steps"]).check_for(states["steps"]["parameters"])
            drawn = archive.header.get("initial_seed")
            initial_seed = None if drawn is None else seed_of(drawn)
            archive.check_all_read()
            self._warn_of_its_end(len(history), states["loop"]["place"].tolist())
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
            self._drawn.initial_seed = initial_seed

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

    def _compare(
        self, found: Mapping[str, object], names: Sequence[Names | None], epochs: int
    ) -> None:
        """Raise unless the file is of this training, if this one had as many epochs."""
        if epochs == 0:
            raise ValueError("its training has no epoch")
        mine = self._own if epochs == self._epochs else self._fingerprint(epochs)
        different = [
            f"names of {of}: {_first_difference(own or (), kept)}"
            for of, own, kept in zip(("inputs", "outputs"), self._names, names, strict=True)
            if kept is not None and kept != own  # of a training on arrays there are none
        ]
        different += [
            f"{name!s:.40}: {_difference(mine.get(name, 'none'), str(found.get(name, 'none')))}"
            for name in {**mine, **found}
            if found.get(name) != mine.get(name)
        ]
        if different:
            raise FileFormatError(
                f"the checkpoint {self._path} is of another training. {'; '.join(different)}. "
                "Resume with what it was begun with, or name another file"
            )

    def _check_epochs(self, planned: int, place: list[int], extend: bool) -> None:
        """Raise unless other epochs are allowed, and the steps so far would have been the same."""
        n_epochs, n_steps, _ = place
        begun = n_epochs + (n_steps > 0)
        if not 0 <= begun <= planned:
            return  # of which the loop will say that there is no such place
        if begun > self._epochs:
            after = f"{counted(n_epochs, 'epoch')}{' and some steps' * (n_steps > 0)}"
            raise FileFormatError(
                f"the checkpoint {self._path} stands after {after}, this call has "
                f"epochs={self._epochs}: pass epochs={planned}, as the call that wrote it had"
            )
        of_another = (
            f"the checkpoint {self._path} is of a training of {counted(planned, 'epoch')}, this "
            f"call has epochs={self._epochs}"
        )
        for epoch in range(begun):
            as_planned, now = (self._rates(epoch, n) for n in (planned, self._epochs))
            if not np.array_equal(as_planned, now):
                raise FileFormatError(
                    f"{of_another}, and the learning rate is stretched over all epochs: the steps "
                    f"so far would have had other rates. Resume with epochs={planned}; to train on "
                    "after that, save the network with its optimizer_state, or take a rate that "
                    "does not depend on the number of epochs"
                )
        if not extend:
            raise FileFormatError(
                f"{of_another}. Pass epochs={planned}, or resume={EXTEND!r} to go on as if it had "
                f"been begun with {self._epochs}"
            )

    def _warn_of_its_end(self, planned: int, place: list[int]) -> None:
        """Warn where more epochs are asked for, and a callback has ended the training."""
        n_epochs, _, stopped = place
        if stopped and self._epochs > planned:
            warnings.warn(
                f"nothing is trained: a callback ended the training of {self._path} after "
                f"{counted(n_epochs, 'epoch')}, as it would one of {self._epochs}. To train on, "
                "call train without this checkpoint, with optimizer_state=history.optimizer_state",
                stacklevel=8,  # where train is called
            )


def _difference(mine: str, found: str) -> str:
    """Return the difference in words, without a checksum at the end."""
    alike = mine.rpartition(" ")[0]
    if alike and alike == found.rpartition(" ")[0]:
        return f"this call has {alike} ... as the checkpoint has, but with other contents"
    return f"this call has {mine}, the checkpoint has {found:.200}"


def _first_difference(mine: Names, found: Names) -> str:
    """Return the difference between names, in words."""
    pairs = enumerate(zip_longest(mine, found))
    number, pair = next((number, pair) for number, pair in pairs if pair[0] != pair[1])
    has, had = ("none" if label is None else shown(label) for label in pair)
    return f"this call has {has} as number {number}, the checkpoint has {had}"
