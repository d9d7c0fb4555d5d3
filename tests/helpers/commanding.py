"""Types of the fixture that calls the command ``minisnn``."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple


class Done(NamedTuple):
    """Exit code of a command, and what it printed."""

    code: int
    out: str
    err: str


Command = Callable[..., Done]
