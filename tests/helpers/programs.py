"""Programs of scripts/, run within this process: to start one takes a second."""

from __future__ import annotations

import io
import runpy
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import full_speed
import pytest


def refusal(script: Path, *options: str) -> str:
    """Return what a program prints that ends with an error; fail if it ends in any other way."""
    printed = io.StringIO()
    with (
        pytest.MonkeyPatch.context() as patch,
        redirect_stdout(printed),
        redirect_stderr(printed),
    ):
        patch.setattr(sys, "argv", [str(script), *options])
        for name in full_speed.SLOWED:  # with them a program would start anew
            patch.delenv(name, raising=False)
        with pytest.raises(SystemExit) as end:
            runpy.run_path(str(script), run_name="__main__")
    assert end.value.code not in (0, None)
    return f"{printed.getvalue()}{end.value.code}"
