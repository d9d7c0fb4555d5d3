"""How the programs here begin and end: an error is one line on standard error, no traceback."""

from __future__ import annotations

import sys
from collections.abc import Callable

INTERRUPTED = 130  # the shell's code for Ctrl-C


def run(
    main: Callable[[list[str] | None], int | None], extra: str, argv: list[str] | None = None
) -> int:
    """Call a program's function with its arguments; return the exit code.

    The extra of minisnn is named where a module is missing.
    """
    try:
        return main(argv) or 0
    except ModuleNotFoundError as error:
        hint = f'; in the repository, run: pip install -e ".[{extra}]"'
        print(f"error: {error}{hint}", file=sys.stderr)
    except (
        ValueError, TypeError, LookupError, ArithmeticError, ImportError, OSError, RuntimeError,
        MemoryError,
    ) as error:  # fmt: skip
        print(f"error: {error}", file=sys.stderr)
    except KeyboardInterrupt:
        return INTERRUPTED
    return 1
