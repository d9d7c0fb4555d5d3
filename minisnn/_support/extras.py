"""Import of optional dependencies on first use, with an error that names the extra."""

from __future__ import annotations

import importlib
from typing import Any


def require(module: str, extra: str, purpose: str) -> Any:
    """Return an optional module.

    Raises
    ------
    ImportError
        If it is not installed; the message names the extra of minisnn that brings it.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        package = module.partition(".")[0]
        raise ImportError(
            f"{purpose} needs {package}, which is not installed; "
            f"get it with: pip install 'minisnn[{extra}]'"
        ) from error
