"""Disk cache of compiled kernels: one folder, a file for each kernel and signature.

A file's name is a hash of all that its machine code was made from: the sources of *all* kernels
(Numba's own cache looks at the file of the cached function alone, and would go on using code into
which an older version of a callee was inlined), the arguments, Numba, Python, the CPU's name and
features, and whether indices are checked. So a file that is found is the right one, even if another
version, another environment or another CPU writes to the same folder at the same time.

* The folder is ``minisnn`` in the one that NUMBA_CACHE_DIR names, else ``minisnn/kernels`` in the
  user's cache. It is never inside the package: pip leaves files behind that it did not install, and
  a folder ``minisnn`` without modules hides the package that is installed later.
* It holds `LIMIT` bytes and what one process adds; the least recently used files are removed.
* A cache that cannot be read or was damaged costs time and nothing else. One that cannot be
  written costs it in every process: a warning says so, once.
* Where there are no .py files, .pyc files take their place, or, in a frozen program, the code that
  the import system finds in its archive. Without any of them nothing is kept.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.util
import os
import pickle
import pkgutil
import sys
import uuid
import warnings
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import CodeType
from typing import Any

import numba
from numba.core import caching, compiler, sigutils
from numba.core.serialize import dumps

from . import compiling

LIMIT = 256 * 2**20
"""Bytes. All variants of one version for one CPU take a tenth of that."""

CHECKS_BOUNDS = bool(numba.config.BOUNDSCHECK)  # type: ignore[attr-defined]

_SUFFIX = ".kernel"
_NOT_KEPT = (
    "compiled kernels cannot be kept on disk ({}): every process will compile them again. Name a "
    "folder that can be written in the environment variable NUMBA_CACHE_DIR"
)
_NO_STAMP = "the sources of the kernels cannot be found"


def folder() -> Path:
    """Return the folder of compiled kernels.

    Raises
    ------
    OSError
        If there is no home folder to have a cache in.
    """
    named: str = numba.config.CACHE_DIR  # type: ignore[attr-defined]
    if named:
        return Path(named).absolute() / "minisnn"
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or "~/AppData/Local"
    elif sys.platform == "darwin":
        base = "~/Library/Caches"
    else:
        base = os.environ.get("XDG_CACHE_HOME", "")
        base = base if os.path.isabs(base) else "~/.cache"
    try:
        return Path(base).expanduser() / "minisnn" / "kernels"
    except RuntimeError as error:
        raise FileNotFoundError(str(error)) from error


def source_stamp(folder: Path) -> str | None:
    """Return the SHA-256 over names and contents of the modules in a folder, or None.

    Of the .py files, sub-folders included, and of .pyc files that stand in the place of one.
    """
    digest = hashlib.sha256()
    files = [*folder.rglob("*.py"), *folder.rglob("*.pyc")]
    names = {path.relative_to(folder).as_posix() for path in files}
    names = {name for name in names if "__pycache__/" not in name}
    for name in sorted(names):
        digest.update(name.encode() + b"\0" + (folder / name).read_bytes() + b"\0")
    return digest.hexdigest() if names else None


def code_stamp(package: str) -> str | None:
    """Return a SHA-256 over the code of a package's modules, as the import system finds it."""
    digest = hashlib.sha256()
    codes = _codes_of(package)
    for name in sorted(codes):
        digest.update(name.encode() + b"\0")
        _feed(digest.update, codes[name])
    return digest.hexdigest() if codes else None


def _codes_of(package: str) -> dict[str, CodeType]:
    """Return the code of each module of a package, or nothing if one has none."""
    codes = {}
    for module in pkgutil.walk_packages(sys.modules[package].__path__, f"{package}."):
        spec = importlib.util.find_spec(module.name)
        try:
            code = spec.loader.get_code(module.name)  # type: ignore[union-attr]
        except (AttributeError, ImportError):
            code = None
        if code is None:
            return {}
        codes[module.name] = code
    return codes


def _feed(update: Callable[[bytes], None], code: CodeType) -> None:
    """Hash code; the bytes of marshal may differ from one call to the next."""
    names = (code.co_name, code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars)
    update(code.co_code + repr(names).encode())
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            _feed(update, constant)
        else:
            in_order = isinstance(constant, frozenset)
            update(repr(sorted(map(repr, constant)) if in_order else constant).encode())


_KERNELS = __package__.rpartition(".")[0]  # all of them: one kernel is compiled into another
_SOURCES = source_stamp(Path(__file__).parents[1])  # of what is imported now: files may be replaced


@functools.cache
def _stamp() -> str | None:
    return _SOURCES or code_stamp(_KERNELS)


def _stamp_of(function: Callable[..., Any]) -> str | None:
    """Return the stamp for a function, which may be outside the kernels, as in a benchmark."""
    stamp = _stamp()
    if stamp is None or function.__module__.startswith(f"{_KERNELS}."):
        return stamp
    try:
        source = Path(function.__code__.co_filename).read_bytes()
    except OSError:  # it was typed
        return None
    return stamp + hashlib.sha256(source).hexdigest()


class KernelCache(caching.NullCache):
    """Cache object that Numba asks before it compiles a function, and that it saves to afterwards.

    Parameters
    ----------
    function : callable
        The function that is compiled.
    bare : bool
        Whether it is compiled for kernels alone, so that Python cannot call it.
    """

    def __init__(self, function: Callable[..., Any], *, bare: bool = False) -> None:
        self._function, self._bare = function, bare

    @property
    def cache_path(self) -> str | None:
        """The folder, for the dispatcher's ``stats``."""
        try:
            return str(folder())
        except OSError:
            return None

    def _path(self, sig: Any, codegen: Any) -> Path | None:
        """Return the file name of the function's code for these arguments."""
        function, stamp = self._function, _stamp_of(self._function)
        if stamp is None:
            return None
        closure = [cell.cell_contents for cell in function.__closure__ or ()]
        made_from = (
            stamp, numba.__version__, sys.implementation.cache_tag, codegen.magic_tuple(),
            CHECKS_BOUNDS, self._bare, function.__module__, function.__qualname__,
            function.__code__.co_firstlineno, str(sigutils.normalize_signature(sig)[0]),
            dumps(closure) if closure else None,
        )  # fmt: skip
        digest = hashlib.sha256(repr(made_from).encode()).hexdigest()
        return folder() / f"{function.__name__}-{digest[:32]}{_SUFFIX}"

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Return the code compiled for these arguments, or None."""
        target_context.refresh()
        try:
            path = self._path(sig, target_context.codegen())
            if path is None:
                return None
            payload = pickle.loads(path.read_bytes())
            found = compiler.CompileResult._rebuild(target_context, *payload)
        except Exception:  # there is none; or it was damaged, which raises anything
            return None
        if found.signature.args != sigutils.normalize_signature(sig)[0]:
            return None
        with suppress(OSError):
            os.utime(path)  # it was used
        return found

    def save_overload(self, sig: Any, data: Any) -> None:
        """Save the code compiled for these arguments."""
        if data.library.has_dynamic_globals:
            return  # it holds addresses of this process
        try:
            path = self._path(sig, data.codegen)
            if path is not None:
                write(path, dumps(data._reduce()))
                _trim_once()
            elif _stamp() is None:
                _Failure.reason = _NO_STAMP
        except OSError as error:
            _Failure.reason = str(error)
        if _Failure.reason and not compiling.under_way():
            _Failure.warn()


def check_writable() -> None:
    """Raise where nothing that is compiled now will be kept.

    Raises
    ------
    OSError
        If the folder cannot be written, or the kernels' sources cannot be found.
    """
    try:
        probe = folder() / f"{uuid.uuid4().hex[:8]}.new"
        probe.parent.mkdir(parents=True, exist_ok=True)
        probe.touch(exist_ok=False)
        probe.unlink()
        reason = "" if _stamp() else _NO_STAMP
    except OSError as error:
        reason = str(error)
    if reason:
        raise OSError(_NOT_KEPT.format(reason))


def size() -> tuple[int, int]:
    """Return the number of files in the folder, and their bytes."""
    sizes = [path.stat().st_size for path in folder().glob(f"*{_SUFFIX}")]
    return len(sizes), sum(sizes)


class _Failure:
    """Reason why nothing can be cached. It is reported once, after everything is compiled."""

    reason: str | None = None
    said = False

    @classmethod
    def warn(cls) -> None:
        if not cls.said:
            cls.said = True
            warnings.warn(_NOT_KEPT.format(cls.reason), RuntimeWarning, stacklevel=3)


def write(path: Path, content: bytes) -> None:
    """Put a file there, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_suffix(f".{uuid.uuid4().hex[:8]}.new")
    try:
        with open(new, "xb") as file:
            file.write(content)
        new.replace(path)
    except BaseException:
        with suppress(OSError):
            new.unlink()
        raise


def trim(folder: Path, limit: int = LIMIT) -> None:
    """Remove the least recently used files until a folder is within a limit of bytes."""
    files = []
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.endswith((_SUFFIX, ".new")):
                with suppress(OSError):  # another process has removed it
                    status = entry.stat()
                    files.append((status.st_mtime, status.st_size, entry.path))
    size = sum(size for _, size, _ in files)
    for _, bytes_, path in sorted(files):
        if size <= limit:
            break
        with suppress(OSError):
            os.unlink(path)
        size -= bytes_


@functools.cache
def _trim_once() -> None:
    with suppress(OSError):
        trim(folder())
