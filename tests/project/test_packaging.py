"""Contents of a release: built, installed in a fresh environment, imported outside the checkout."""

from __future__ import annotations

import json
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.packaging
REPOSITORY = Path(__file__).resolve().parents[2]

PROGRAM = """
import hashlib, pathlib, sys
import minisnn as snn
from minisnn import data, kernels
from minisnn.kernels.program.engine import execute
for module in (snn, data, kernels):
    assert pathlib.Path(module.__file__).is_relative_to(sys.argv[1]), module.__file__
for name in ("kernels", "data"):
    try:
        __import__(name)
    except ImportError:
        continue
    raise AssertionError(f"the wheel installs a top-level {name}")
digits = snn.datasets.load_mnist("sample")
for first in (snn.topology.fibonacci_rotating(784, 80, 20), snn.topology.dense(784, 80)):
    net = snn.MLP([first, snn.topology.dense(80, 10)], seed=0)
    snn.train(net, digits.train_images[::8], digits.train_labels[::8], batch_size=64, epochs=5,
              optimizer=snn.NesterovSGD(3.0), input_scale=1 / 255, dropout=0.1, seed=0)
    print(hashlib.sha256(net.parameters.tobytes()).hexdigest())
print(snn.__version__)
print(sum(execute.stats.cache_hits.values()), sum(execute.stats.cache_misses.values()))
"""


def run(*command: str, cwd: Path) -> str:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from the source distribution, as a release would be."""
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--outdir", str(folder), str(REPOSITORY), cwd=folder)
    (path,) = folder.glob("*.whl")
    return path


def test_contents(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.partition("/")[0] for name in names}
    assert tops == {"minisnn", next(top for top in tops if top.endswith(".dist-info"))}
    for wanted in (
        "minisnn/py.typed",
        "minisnn/kernels/layers/sparse.py",
        "minisnn/data/train-images-idx3-ubyte.gz",
        "minisnn/data/README.md",
    ):
        assert wanted in names
    assert not [name for name in names if "__pycache__" in name or "test" in name]
    sources = {
        f"{prefix}{path.relative_to(REPOSITORY)}"
        for folder, prefix in (("minisnn", ""), ("kernels", "minisnn/"))
        for path in (REPOSITORY / folder).rglob("*.py")
    }
    assert sources <= set(names)


def test_contents_of_the_source_distribution(wheel: Path, tmp_path: Path) -> None:
    """It has what its tests need, and can be imported as it is unpacked, without any link."""
    (path,) = wheel.parent.glob("*.tar.gz")
    with tarfile.open(path) as archive:
        assert not [member.name for member in archive if not (member.isfile() or member.isdir())]
        archive.extractall(tmp_path, filter="data")
    (tree,) = tmp_path.iterdir()
    for wanted in (
        "CHANGELOG.md", "CITATION.cff", "LICENSE", "SECURITY.md", "docs/errors.md", ".ci/oldest",
        "kernels/layers/sparse.py", "scripts/run_mnist.py", "tests/project/error_messages.md",
        "packaging/recipe.yaml", ".github/workflows/tests.yml",
    ):  # fmt: skip
        assert (tree / wanted).is_file(), wanted
    assert not [*tree.rglob("__pycache__")]
    place = "import minisnn.kernels.machine.jit as module; print(module.__file__)"
    printed = run(sys.executable, "-c", place, cwd=tree)
    assert printed.strip() == str(tree / "kernels" / "machine" / "jit.py")


def test_installed_in_a_fresh_environment(
    wheel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There one process compiles, the next one loads, and both have the same bits.

    What was compiled is not in the package: it would stay when that is uninstalled, and a folder
    without modules hides an editable install.
    """
    environment = tmp_path / "environment"
    venv.create(environment, with_pip=True)
    python = environment / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    run(str(python), "-E", "-m", "pip", "install", "--quiet", str(wheel), cwd=tmp_path)
    (tmp_path / "program.py").write_text(PROGRAM)
    (package,) = environment.rglob("site-packages/minisnn")
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    for name in ("XDG_CACHE_HOME", "HOME", "LOCALAPPDATA"):
        monkeypatch.setenv(name, str(tmp_path / "home"))

    def run_program() -> list[str]:
        return run(str(python), "-E", "program.py", str(environment), cwd=tmp_path).splitlines()

    *compiled, version, first = run_program()
    *loaded, _, second = run_program()
    assert version in wheel.name
    assert (first, second) == ("0 1", "1 0")
    assert compiled == loaded
    assert len(set(compiled)) == 2
    assert list((tmp_path / "home").rglob("*.kernel"))
    command = python.with_name("minisnn")
    rows = "".join(f"{k % 7},{k % 5},{'no' if k % 7 < 3 else 'yes'}\n" for k in range(70))
    (tmp_path / "table.csv").write_text(f"a,b,answer\n{rows}", encoding="utf-8")
    trained = ("train", "table.csv", "--target", "answer", "--output", "net.npz", "--json")
    assert json.loads(run(str(command), *trained, cwd=tmp_path))["held_out"]["accuracy"] > 0.9
    predicted = run(str(command), "predict", "net.npz", "table.csv", cwd=tmp_path).splitlines()
    assert predicted[0] == "prediction,probability of no,probability of yes"
    assert len(predicted) == 71
    assert run(str(python), "-m", "minisnn", "--version", cwd=tmp_path) == f"minisnn {version}\n"
    run(str(python), "-E", "-m", "pip", "uninstall", "--yes", "minisnn", cwd=tmp_path)
    assert not package.exists()
