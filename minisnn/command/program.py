"""Start and end of a program: an error is one line on standard error, not a traceback."""

from __future__ import annotations

import argparse
import re
import sys
import textwrap
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from .._support import console
from .._support.files import replace_file, replace_text
from .._support.messages import did_you_mean
from .full_speed import restart_at_full_speed

INTERRUPTED = 130  # the shell's code for Ctrl-C


def run(
    main: Callable[[list[str] | None], int | None],
    argv: list[str] | None = None,
    *,
    hint: str = "reinstall minisnn: pip install --force-reinstall minisnn",
    at_full_speed: bool = False,
) -> int:
    """Call a program's function with its arguments; return the exit code.

    Its output is lost where nobody reads it, and that is no error.

    Parameters
    ----------
    main : callable
        Takes the arguments, or None for those of the process; returns the exit code, None for 0.
    argv : list of str, optional
        The arguments.
    hint : str
        Advice where a module is missing.
    at_full_speed : bool
        Whether it compares with BLAS, which is then to be at its best.

    Returns
    -------
    int
        1 after an error, which is reported in one line; 130 after Ctrl-C.
    """
    with console.forgiving():
        try:
            if at_full_speed:
                restart_at_full_speed()
            code = main(argv) or 0
            sys.stdout.flush()
            return code
        except ModuleNotFoundError as error:
            console.say(f"error: {error}; {hint}")
        except (
            ValueError, TypeError, LookupError, ArithmeticError, ImportError, OSError, RuntimeError,
            MemoryError,
        ) as error:  # fmt: skip
            console.say(f"error: {error}")
        except KeyboardInterrupt:
            return INTERRUPTED
    return 1


class Help(argparse.HelpFormatter):
    """Help whose paragraphs are as wide as the terminal; indented lines stay as they are."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        parts = text.strip("\n").split("\n\n")
        return "\n\n".join(
            part
            if "\n " in part or part.startswith(" ")
            else textwrap.fill(part, width, initial_indent=indent, subsequent_indent=indent)
            for part in parts
        )


class Parser(argparse.ArgumentParser):
    """A parser whose errors are one line, with a choice that is near to what was given."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"formatter_class": Help, **options})

    def error(self, message: str) -> NoReturn:
        """End the program with a message."""
        wrong = re.search(r"invalid choice: '(.*)' \(choose from (.*)\)$", message)
        if wrong:
            message += did_you_mean(wrong[1], re.findall(r"[\w.-]+", wrong[2]))
        self.exit(2, f"{self.prog}: error: {message}\n")


def show_warnings_in_one_line() -> None:
    """Print warnings without the line of code that they come from."""

    def show(message: Warning | str, *_: object, **__: object) -> None:
        console.say(f"warning: {message}")

    warnings.showwarning = show


def write_text(path: Path, text: str) -> None:
    """Write a file that is there whole, or as it was before."""
    with replace_text(path) as file:
        file.write(text)


def save_figure(figure: Any, path: Path) -> None:
    """Write a picture of matplotlib's in the same way; the file's ending names its format."""
    with replace_file(path) as file:
        figure.savefig(file, format=path.suffix[1:])
