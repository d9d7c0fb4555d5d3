"""``minisnn machine``: this machine as minisnn sees it."""

from __future__ import annotations

import json

from ..measurement.machine import machine_sections, show_machine
from .program import Parser

DESCRIPTION = """\
Show this machine as minisnn sees it: CPU, caches, threads, memory, BLAS, versions, the folder of
compiled kernels, and environment variables that matter. Nothing is measured. A report of a slow run
has this with it.
"""


def main(argv: list[str]) -> int:
    """Run; return the exit code."""
    parser = Parser(prog="minisnn machine", description=DESCRIPTION)
    add_arguments(parser)
    options = parser.parse_args(argv)
    if not options.json:
        show_machine()
        return 0
    print(
        json.dumps({title: by_name(rows) for title, rows in machine_sections().items()}, indent=2)
    )
    return 0


def add_arguments(parser: Parser) -> None:
    """Add all options."""
    parser.add_argument("--json", action="store_true", help="print JSON")


def by_name(rows: list[tuple[str, str]]) -> dict[str, str]:
    """Return values by their names; a name that comes again gets a number, as of a second BLAS."""
    found: dict[str, str] = {}
    for name, value in rows:
        number = sum(key == name or key.startswith(f"{name} (") for key in found)
        found[f"{name} ({number + 1})" if number else name] = value
    return found
