"""Full speed of NumPy and PyTorch, for fair comparisons with dense networks."""

from __future__ import annotations

import os
import sys

from .._support.console import say

SLOWED = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")


def restart_at_full_speed() -> None:
    """Start anew without variables that make OpenBLAS slower than it is on this machine.

    It reads them as it is loaded; the comparison is to be with the best that there is.
    """
    found = [name for name in SLOWED if name in os.environ]
    if found:
        say(f"without {' and '.join(found)}, so that BLAS is at its best")
        environment = {k: v for k, v in os.environ.items() if k not in found}
        os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], environment)
