"""Train a sparse network and its fully connected twin on MNIST: the command ``minisnn mnist``."""

from __future__ import annotations

import sys

from program import run


def main(argv: list[str] | None = None) -> int:
    """Run; return the exit code."""
    from minisnn.command import mnist

    return mnist.main(argv, prog="python scripts/run_mnist.py")


if __name__ == "__main__":
    sys.exit(run(main, "mnist", at_full_speed=True))
