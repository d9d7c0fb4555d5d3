"""Tables in text files: CSV and TSV with a header."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

from .checks import open_file
from .messages import counted, few

DELIMITERS = {".csv": ",", ".tsv": "\t"}
"""By the ending of the file's name."""


def read_delimited(path: str, of: str) -> Mapping[str, Sequence[str]]:
    """Return the columns of a file by the labels in its first row, as texts.

    Spaces around labels and values are not theirs: of "a, b" the second is "b".

    Parameters
    ----------
    path : str
        File whose name ends in .csv or .tsv.
    of : str
        Rows as the message about a file without any calls one, such as ``"an edge"``.

    Raises
    ------
    OSError
        If there is no such file.
    ValueError
        If it is no table, has no row, or two columns have the same label.
    """
    delimiter = DELIMITERS[Path(path).suffix.lower()]
    with io.StringIO(read_text(path), newline="") as text:
        try:
            reader = csv.reader(text, delimiter=delimiter, skipinitialspace=True, strict=True)
            rows = [[*map(str.strip, row)] for row in reader if row]
        except csv.Error as error:
            raise ValueError(f"{path} is not a table of text: {error}") from error
    if len(rows) < 2:
        raise ValueError(
            f"{path} must have a header and {of} at least, got {counted(len(rows), 'line')}"
        )
    header = rows[0]
    if len(set(header)) < len(header):
        raise ValueError(f"{path} must have columns of different names, got {few(header)}")
    for number, row in enumerate(rows, start=1):
        if len(row) != len(header):
            raise ValueError(
                f"{path} has {counted(len(row), 'field')} in row {number}, where its header has "
                f"{len(header)}"
            )
    return dict(zip(header, zip(*rows[1:], strict=True), strict=True))


def read_text(path: str) -> str:
    """Return the text of a file in UTF-8.

    Raises
    ------
    OSError
        If there is no such file.
    ValueError
        If it is not such text.
    """
    with open_file(path) as file:
        try:
            return file.read().decode("utf-8-sig")  # Excel begins with a mark of the byte order
        except UnicodeDecodeError as error:
            raise ValueError(f"{path} is not text in UTF-8: {error}") from error


def number_in(text: str) -> float:
    """Return the number that a text is.

    Raises
    ------
    ValueError
        If it is none. Python's own ``float`` takes "1_2" for 12.
    """
    if "_" in text:
        raise ValueError(f"could not convert string to float: {text!r}")
    return float(text)
