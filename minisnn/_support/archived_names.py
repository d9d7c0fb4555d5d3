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
    arrays = {key: np.frombuffer(json.dumps(t).encode(), np.uint8) for key, t in known.items()}
    return header, arrays


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
    try:
        texts = json.loads(archive.array(key, [np.uint8], (None,)).tobytes())
    except RecursionError as error:
        raise ValueError(f"{key} is no list of texts") from error
    return check_names(texts, len(texts), key)
