"""Compilation of kernels: each as a whole, with the functions that it calls as parts of it.

Numba compiles a function that a kernel calls as it does the kernel itself: LLVM optimises it and
makes machine code of it, and optimises it once more where it is inlined. Of a part there is only
typed code here. It is linked into every kernel that needs it, and optimised there with the rest: a
first training takes less than half of the time. Some of Numba's passes are left out: most of the
time is theirs, not LLVM's.

A part can be called by parts and kernels, but not by functions that Numba compiles in its own way.
"""

from __future__ import annotations

from typing import Any, ClassVar

from numba import _dynfunc  # type: ignore[attr-defined]
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import CompilerBase, DefaultPassBuilder, Flags
from numba.core.compiler_machinery import register_pass
from numba.core.typed_passes import InlineOverloads, NativeLowering, NopythonRewrites
from numba.core.untyped_passes import InlineClosureLikes


class _KernelCode(JITCodeLibrary):
    """Code of a kernel and its parts."""

    def add_linking_library(self, library: Any) -> None:
        super().add_linking_library(library)
        if isinstance(library, _PartCode):
            self._linking_libraries += library._linking_libraries

    def _optimize_functions(self, ll_module: Any) -> None:
        ll_module.data_layout = self._codegen._data_layout  # all is optimised at the end


class _PartCode(_KernelCode):
    """Code of a part, for kernels to be linked with."""

    def finalize(self) -> None:
        self._finalize_dynamic_globals()
        for function in self.get_defined_functions():
            function.linkage = "linkonce_odr"  # it may be in several kernels
        self._shared_module = self._final_module
        self._finalized = True


@register_pass(mutates_CFG=True, analysis_only=False)
class _LowerKernel(NativeLowering):
    _name = "lower_kernel"

    def run_pass(self, state: Any) -> bool:
        state.library = _KernelCode(state.targetctx.codegen(), state.func_id.func_qualname)
        state.library.enable_object_caching()
        return bool(super().run_pass(state))


@register_pass(mutates_CFG=True, analysis_only=False)
class _LowerPart(NativeLowering):
    _name = "lower_part"

    def run_pass(self, state: Any) -> bool:
        context, flags = state.targetctx, state.flags
        state.library = _PartCode(context.codegen(), state.func_id.func_qualname)
        flags.no_compile = flags.no_cpython_wrapper = flags.no_cfunc_wrapper = True
        super().run_pass(state)
        made = state.cr
        # Numba finds the code of a function by such an object. This one cannot be called.
        key = _dynfunc.make_function(
            made.fndesc.lookup_module(), state.func_id.func_name, "", 0, made.env, (state.library,)
        )
        context.insert_user_function(key, made.fndesc, [state.library])
        state.cr = made._replace(cfunc=key)
        return True


class _Flags(Flags):
    """Flags of a compilation, compared at once: Numba does so for each call that it resolves."""

    __slots__ = ()

    def __hash__(self) -> int:
        return 0

    def __eq__(self, other: object) -> bool:
        if isinstance(other, _Flags) and self._values == other._values:
            return True
        return bool(super().__eq__(other))


_NOT_NEEDED = (InlineClosureLikes, InlineOverloads, NopythonRewrites)
"""Passes for what kernels do not have: closures, comprehensions, expressions of whole arrays."""


class Kernel(CompilerBase):
    """Numba's compiler, for a kernel."""

    lowering: ClassVar[type[NativeLowering]] = _LowerKernel

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.state.flags = _Flags(self.state.flags)

    def define_pipelines(self) -> list[Any]:
        """Return Numba's passes, less some, with another at the end."""
        passes = DefaultPassBuilder.define_nopython_pipeline(self.state)
        passes.passes = [
            (self.lowering if step is NativeLowering else step, what)
            for step, what in passes.passes
            if step not in _NOT_NEEDED
        ]
        passes._ENFORCING = False  # do not work out again, after each pass, how long variables live
        passes.finalize()
        return [passes]


class Part(Kernel):
    """The same for a part."""

    lowering = _LowerPart
