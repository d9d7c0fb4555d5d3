"""Files of a data set: found in a folder or downloaded into the cache, checked, and read."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np

from .._support.arrays import Array, frozen
from .download import Fetch
from .idx import DatasetError, gzip_size, idx_size, inflate, parse_idx, read_idx
from .table import Row
from .zip_members import read_members

_PACKED = (".gz", ".zip")


def from_folders(row: Row, folders: Sequence[Path], hint: str) -> list[Array]:
    """Return images and labels for training and testing from the user's folders.

    Parameters
    ----------
    row : Row
        The data set.
    folders : sequence of Path
        Possible folders of each file, in order of preference.
    hint : str
        Advice if one is missing.

    Raises
    ------
    DatasetError
        If a file is missing, damaged, or not the one it should be.
    """
    return [array for name in row.sums for array in _read(row, name, _find(name, folders, hint))]


def from_cache(row: Row, folder: Path, fetch: Fetch) -> list[Array]:
    """Return the same from a folder of the cache, downloaded if needed.

    Parameters
    ----------
    row : Row
        The data set.
    folder : Path
        That folder.
    fetch : Fetch
        Function that downloads.

    Raises
    ------
    DatasetError
        If a file cannot be downloaded.
    """
    arrays = []
    for name in row.sums:
        path = folder / (name if name.endswith(_PACKED) else f"{name}.gz")
        arrays += fetch(path, row.addresses, row.largest(name), partial(_read, row, name))
    return arrays


def _find(name: str, folders: Sequence[Path], hint: str) -> Path:
    ends = ("",) if name.endswith(_PACKED) else (".gz", "")
    others = (name, name.replace("-idx", ".idx"))  # as some programs name them that unpack them
    for folder in folders:
        for path in (folder / f"{each}{end}" for each in others for end in ends):
            if path.is_file():
                return path
    either = " or ".join(f"{name}{end}" for end in reversed(ends))
    where = " or ".join(map(str, folders))
    unpacked = name.removesuffix(".gz")
    if unpacked != name and any((folder / unpacked).is_file() for folder in folders):
        where += f" ({unpacked} will not do: the SHA-256 that is known is that of {name})"
    raise DatasetError(f"no {either} in {where}; {hint}")


def _read(row: Row, name: str, path: Path) -> list[Array]:
    """Return the one array of an IDX file, or the four of an archive."""
    shapes, sha256 = row.shapes, row.sums[name]
    if not row.members:
        array = read_idx(path, sha256, shapes[name], as_it_lies=name.endswith(_PACKED))
        return [_converted(row, array, path)]
    limits = {member: gzip_size(idx_size(shape)) for member, shape in shapes.items()}
    arrays = []
    members = read_members(path, sha256, row.largest(name), limits)
    for (label, content), shape in zip(members, shapes.values(), strict=True):
        array = parse_idx(inflate(content, idx_size(shape), label), label, shape)
        arrays.append(_converted(row, array, label))
    return arrays


def _converted(row: Row, array: Array, name: Path | str) -> Array:
    """Return images as rows of pixels, upright, or labels that count from 0."""
    if array.ndim > 1:
        upright = array.transpose(0, 2, 1) if row.transposed else array
        array = upright.reshape(len(array), -1)
    elif row.first_label:
        array = array - np.uint8(row.first_label)
    if array.ndim == 1 and array.max() >= len(row.classes):
        raise DatasetError(f"{name} has labels that are none of {row.title}'s")
    return frozen(array)
