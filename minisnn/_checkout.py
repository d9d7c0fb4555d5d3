"""Packages of a source tree that has no symbolic links, as on most Windows systems.

minisnn/kernels and minisnn/data are links to folders beside minisnn. Where there are no links, Git
writes each as a text file, and a source distribution lacks them. This module then makes the
packages from the folders themselves, so that an import from the root of the tree finds the same
modules everywhere. `minisnn` imports it first. An installed minisnn has the folders inside.
"""

from __future__ import annotations

import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

_HERE = Path(__file__).parent


def _import_beside(name: str) -> None:
    """Import a package of minisnn from the folder beside minisnn, if there is one."""
    folder, full = _HERE.parent / name, f"{__package__}.{name}"
    start = folder / "__init__.py"
    spec = spec_from_file_location(full, start, submodule_search_locations=[str(folder)])
    if not start.is_file() or spec is None or spec.loader is None:
        return  # as in an archive, which Python's own import reads
    module = sys.modules[full] = module_from_spec(spec)
    spec.loader.exec_module(module)
    setattr(sys.modules[__package__], name, module)


for _name in ("kernels", "data"):
    if not (_HERE / _name).is_dir():
        _import_beside(_name)
