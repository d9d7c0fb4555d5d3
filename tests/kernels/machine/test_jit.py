"""The one factory of compiled functions."""

from __future__ import annotations

import re
from pathlib import Path

from compiled import COMPILED_ONLY

from minisnn.kernels.machine.jit import FASTMATH, jit

REPOSITORY = Path(__file__).resolve().parents[3]


def test_no_function_is_compiled_but_by_the_factory() -> None:
    sources = [*REPOSITORY.glob("kernels/**/*.py"), *REPOSITORY.glob("minisnn/**/*.py")]
    assert len(sources) > 20
    for path in sources:
        if path != REPOSITORY / "kernels" / "machine" / "jit.py":
            text = re.sub(r"from [.\w]*\bjit import", "", path.read_text())
            found = re.search(r"numba\.\w*(jit|vectorize|stencil|cfunc)|import .*jit", text)
            assert found is None, f"{path} compiles by itself: {found}"


@COMPILED_ONLY
def test_flags() -> None:
    @jit
    def nothing() -> None:
        pass

    options = nothing.targetoptions
    assert options["fastmath"] == set(FASTMATH)
    assert {"nsz"} == FASTMATH, "any other lets the bits depend on how work was cut"
    assert options["error_model"] == "numpy"
