"""The command ``minisnn``, also ``python -m minisnn``: one module for each of its subcommands.

``minisnn --help`` lists them. The programs of the repository's ``scripts/`` have their start, their
end and some of their options from here.
"""

from __future__ import annotations

import sys
from argparse import SUPPRESS
from importlib import import_module

from .._version import __version__
from .program import Parser, run

__all__ = ["main"]

COMMANDS = {
    "train": "train a network on a table, and write it with a report",
    "predict": "predict the rows of a table with a trained network",
    "show": "summarise a network or a wiring, and draw it",
    "export": "write a network as C, ONNX or plain arrays",
    "mnist": "compare a sparse network with its fully connected twin, on images",
    "bench": "measure the density below which sparse is faster on this machine",
    "machine": "show this machine as minisnn sees it",
    "completion": "print a script that completes commands and options in a shell",
}
"""Subcommands, in the order of --help: the names of modules, and what each does."""

COMPARING = ("mnist", "bench")
"""Those that compare with dense networks on BLAS."""


def main(argv: list[str] | None = None) -> int:
    """Run the command; return the exit code.

    Parameters
    ----------
    argv : list of str, optional
        The arguments; by default those of the process.

    Returns
    -------
    int
        0, 1 after an error, 2 after a wrong argument, 130 after Ctrl-C.

    Examples
    --------
    >>> from minisnn.command import main
    >>> main(["machine"])  # doctest: +ELLIPSIS
    CPU
      name ...
    0
    """
    listed = "\n".join(f"  {name:{max(map(len, COMMANDS))}}  {COMMANDS[name]}" for name in COMMANDS)
    parser = Parser(
        prog="minisnn",
        usage="%(prog)s [--help] [--version] COMMAND ...",
        description="Neural networks whose wiring is sparse and fixed before training.",
        epilog=f"commands:\n{listed}\n\n%(prog)s COMMAND --help tells more.",
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    parser.add_argument("command", metavar="COMMAND", choices=COMMANDS, help=SUPPRESS)

    given = sys.argv[1:] if argv is None else argv

    def called(_: list[str] | None) -> int:
        options = parser.parse_args(given[:1])
        code: int = import_module(f".{options.command}", __name__).main(given[1:])
        return code

    try:
        return run(called, at_full_speed=given[:1] in [[name] for name in COMPARING])
    except SystemExit as end:  # argparse's
        return int(end.code or 0)
