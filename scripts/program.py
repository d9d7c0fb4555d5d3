"""Entry point of the programs: they need minisnn, and say so where it is not installed."""

from __future__ import annotations

import sys
from collections.abc import Callable

try:
    from minisnn.command import program
    from minisnn.command.program import INTERRUPTED, Parser, save_figure, write_text
except ModuleNotFoundError as error:
    sys.exit(f'error: {error}; in the repository, run: pip install -e ".[mnist]"')

__all__ = ["INTERRUPTED", "Parser", "run", "save_figure", "write_text"]


def run(
    main: Callable[[list[str] | None], int | None],
    extra: str,
    argv: list[str] | None = None,
    *,
    at_full_speed: bool = False,
) -> int:
    """Call a program's function; see `minisnn.command.program.run`.

    The extra of minisnn is named where a module is missing.
    """
    hint = f'in the repository, run: pip install -e ".[{extra}]"'
    return program.run(main, argv, hint=hint, at_full_speed=at_full_speed)
