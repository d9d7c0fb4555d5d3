"""Programs that exports are compared with."""

from __future__ import annotations

import shutil

import pytest


@pytest.fixture(scope="session")
def gcc() -> str:
    compiler = shutil.which("gcc")
    if compiler is None:
        pytest.skip("no gcc here to compile C with")
    return compiler
