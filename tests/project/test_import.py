"""Modules that ``import minisnn`` loads, and those that it defers."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import minisnn as snn

LATER = ("baselines", "experiments", "plots", "spectral")


def test_all_names_are_there_and_are_what_is_offered() -> None:
    assert dir(snn) == sorted(snn.__all__)
    for name in snn.__all__:
        assert getattr(snn, name) is not None


def test_what_not_all_need_is_imported_where_it_is_first_used() -> None:
    program = f"""if True:
        import sys, minisnn
        later = {LATER}
        others = ("matplotlib", "pooch", "scipy.sparse", "scipy.special", "scipy.stats", "torch")
        for module in (*(f"minisnn.{{name}}" for name in later), *others):
            assert module not in sys.modules, module
        for name in later:
            print(minisnn.__getattr__(name).__name__)  # another may have imported it
    """
    folder = Path(snn.__file__).parents[1]
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.stdout.split() == [f"minisnn.{name}" for name in LATER], done.stderr


def test_unknown_names() -> None:
    with pytest.raises(AttributeError, match="module 'minisnn' has no attribute 'spektral'"):
        snn.spektral  # noqa: B018
