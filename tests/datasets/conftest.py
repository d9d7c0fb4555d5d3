"""Shared fixtures of the tests of data sets: an empty cache, a web server, a folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tiny_datasets import Mirror

from minisnn import datasets


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The cache, empty; MINISNN_DATA is not set."""
    import pooch

    monkeypatch.setattr(pooch, "os_cache", lambda name: tmp_path / "cache" / name)
    monkeypatch.delenv(datasets.ENVIRONMENT_VARIABLE, raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    return tmp_path / "cache" / "minisnn"


@pytest.fixture
def mirror(cache: Path) -> Iterator[Mirror]:
    made = Mirror()
    yield made
    made.close()


@pytest.fixture
def folder(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that MINISNN_DATA names."""
    folder = tmp_path / "data"
    monkeypatch.setenv(datasets.ENVIRONMENT_VARIABLE, str(folder))
    return folder
