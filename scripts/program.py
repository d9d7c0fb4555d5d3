"""Entry point of the programs: an error is one line on standard error, not a traceback."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

INTERRUPTED = 130  # the shell's code for Ctrl-C


def run(
    main: Callable[[list[str] | None], int | None],
    extra: str,
    argv: list[str] | None = None,
    *,
    first: Callable[[], None] = lambda: None,
) -> int:
    """Call a program's function with its arguments, and another before it; return the exit code.

    The extra of minisnn is named where a module is missing. What they print is lost where nobody
    reads it, and is no error.
    """
    hint = f'; in the repository, run: pip install -e ".[{extra}]"'
    try:
        from minisnn._support import console
    except ModuleNotFoundError as error:
        print(f"error: {error}{hint}", file=sys.stderr)
        return 1
    with console.forgiving():
        try:
            first()
            code = main(argv) or 0
            sys.stdout.flush()
            return code
        except ModuleNotFoundError as error:
            console.say(f"error: {error}{hint}")
        except (
            ValueError, TypeError, LookupError, ArithmeticError, ImportError, OSError, RuntimeError,
            MemoryError,
        ) as error:  # fmt: skip
            console.say(f"error: {error}")
        except KeyboardInterrupt:
            return INTERRUPTED
    return 1


class Parser(argparse.ArgumentParser):
    """A parser that answers a choice that is nearly right with the one that was meant."""

    def error(self, message: str) -> NoReturn:
        """End the program with a message."""
        wrong = re.search(r"invalid choice: '(.*)' \(choose from (.*)\)$", message)
        if wrong:
            from minisnn._support.messages import did_you_mean

            message += did_you_mean(wrong[1], re.findall(r"[\w.-]+", wrong[2]))
        super().error(message)


def write_text(path: Path, text: str) -> None:
    """Write a file that is there whole, or as it was before."""
    from minisnn._support.files import replace_text

    with replace_text(path) as file:
        file.write(text)


def save_figure(figure: Any, path: Path) -> None:
    """Write a picture of matplotlib's in the same way."""
    from minisnn._support.files import replace_file

    with replace_file(path) as file:
        figure.savefig(file, format=path.suffix[1:])
