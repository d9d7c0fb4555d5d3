"""Programs of scripts/, run within this process: to start one takes a second."""

from __future__ import annotations

import io
import os
import runpy
import sys
import warnings
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from subprocess import CompletedProcess
from unittest import mock

import pytest
from threadpoolctl import threadpool_limits

import minisnn as snn
from minisnn.command import full_speed


def run(script: Path, *options: str, cwd: Path) -> CompletedProcess[str]:
    """Return how a program ended, and what it printed; what it sets for its process is undone."""
    out, err = io.StringIO(), io.StringIO()
    n_threads = snn.get_num_threads()
    with (
        pytest.MonkeyPatch.context() as patch,
        mock.patch.dict(os.environ),
        threadpool_limits(),
        redirect_stdout(out),
        redirect_stderr(err),
    ):
        patch.chdir(cwd)
        patch.setattr(sys, "argv", [str(script), *options])
        patch.setattr(warnings, "showwarning", warnings.showwarning)
        for name in full_speed.SLOWED:  # with them a program would start anew
            os.environ.pop(name, None)
        try:
            with pytest.raises(SystemExit) as end:
                runpy.run_path(str(script), run_name="__main__")
        finally:
            snn.set_num_threads(n_threads)
    code = end.value.code
    if isinstance(code, str):  # as the interpreter would
        print(code, file=err)
        code = 1
    return CompletedProcess([str(script), *options], int(code or 0), out.getvalue(), err.getvalue())


def refusal(script: Path, *options: str) -> str:
    """Return what a program prints that ends with an error; fail if it ends in any other way."""
    done = run(script, *options, cwd=Path.cwd())
    assert done.returncode != 0
    return done.stdout + done.stderr
