"""Names of inputs and outputs in an archive: arrays of bytes, each of them a JSON list.

The header says which there are: lists of names may be longer than a header.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from .archive import Archive
from .arrays import Array
from .columns import Names, check_names

_KEYS = "input_names", "output_names"


def pack_names(names: Sequence[Names | None]) -> tuple[dict[str, Any], dict[str, Array]]:
    """Return the header's entries for the names of inputs and outputs, and their arrays."""
    known = {key: texts for key, texts in zip(_KEYS, names, strict=True) if texts is not None}
    header = {"names": list(known)} if known else {}
    return header, {key: pack_text(texts) for key, texts in known.items()}


def unpack_names(archive: Archive) -> list[Names | None]:
    """Return the names of inputs and of outputs that an archive holds.

    Raises
    ------
    ValueError, TypeError
        If they are not different texts.
    """
    there = archive.entry("names", list) if "names" in archive.header else []
    return [_texts(archive, key) if key in there else None for key in _KEYS]


def _texts(archive: Archive, key: str) -> Names:
    texts = unpack_text(archive, key)
    return check_names(texts, len(texts), key)


def pack_text(value: Any) -> Array:
    """Return a value as JSON in an array of bytes."""
    return np.frombuffer(json.dumps(value).encode(), np.uint8)


def unpack_text(archive: Archive, key: str) -> Any:
    """Return the value that such an array holds."""
    try:
        return json.loads(archive.array(key, [np.uint8], (None,)).tobytes())
    except RecursionError as error:
        raise ValueError(f"{key} is nested too deeply") from error
