"""Mark of tests that need compiled kernels."""

from __future__ import annotations

import pytest

from minisnn.kernels.machine.jit import DISABLED

COMPILED_ONLY = pytest.mark.skipif(DISABLED, reason="kernels are plain Python here")
