"""Tables in the format of svmlight and LIBSVM: of each row a label, and the values but zeros."""

from __future__ import annotations

import numpy as np
import scipy

from .._support.arrays import Array
from .._support.delimited import number_in, read_text
from .._support.messages import few, shown


def read_svmlight(path: str) -> tuple[scipy.sparse.csr_array, Array]:
    """Return the values as a sparse array, and the labels.

    A line is ``LABEL COLUMN:VALUE ...``, columns counted from 1 and ascending; a ``#`` begins a
    comment. A file that counts from 0 is refused: where it has no 0, nothing would tell.

    Parameters
    ----------
    path : str
        The file.

    Returns
    -------
    X : csr_array of float64, shape (rows, columns)
    labels : array of str, shape (rows,)
        As they are written; all are numbers.

    Raises
    ------
    OSError
        If there is no such file.
    ValueError
        If a line is another.
    """
    labels: list[str] = []
    columns: list[int] = []
    values: list[float] = []
    ends = [0]
    for number, line in enumerate(read_text(path).splitlines(), start=1):
        label, *pairs = line.partition("#")[0].split() or [""]
        if not label:
            continue
        try:
            number_in(label)
            row = [
                (int(column), number_in(value)) for column, value in (p.split(":") for p in pairs)
            ]
        except ValueError:
            raise ValueError(
                f"{path} must have lines of a label and COLUMN:VALUE, got {shown(line)} in line "
                f"{number}"
            ) from None
        labels.append(label)
        here = [column for column, _ in row]
        if any(a >= b for a, b in zip([0, *here], here, strict=False)):
            raise ValueError(
                f"{path} must have columns that are counted from 1 and ascend in each line, got "
                f"{few(here)} in line {number}"
            )
        columns += here
        values += [value for _, value in row]
        ends.append(len(columns))
    if not labels:
        raise ValueError(f"{path} must have a row at least, got none")
    width = max(columns, default=1)
    if width >= 2**31:
        raise ValueError(f"{path} must have fewer than 2**31 columns, got {width}")
    indices = np.array(columns, dtype=np.int32) - 1
    parts = np.array(values, dtype=np.float64), indices, np.array(ends)
    return scipy.sparse.csr_array(parts, (len(labels), width)), np.array(labels)
