"""Features of the CPU that kernels are compiled for.

Numba chooses the CPU: this machine's, or the one that NUMBA_CPU_NAME, NUMBA_CPU_FEATURES and
NUMBA_ENABLE_AVX ask for. There is no table of names and features. The machine code of four short
functions shows which registers the compiler uses, and for which operations it calls a library or
has one instruction::

    CPU                           register   registers   fused   rounds   spreads
    AVX-512 of Ice Lake or Zen 4  64 bytes   32          yes     yes      yes
    AVX-512 (Skylake)             64 bytes   32          yes     yes      no
    AVX2 with FMA (Haswell)       32 bytes   16          yes     yes      no
    AVX (Sandy Bridge)            32 bytes   16          no      yes      no
    SSE4.1 (Nehalem)              16 bytes   16          no      yes      no
    any x86-64                    16 bytes   16          no      no       no
    aarch64                       16 bytes   32          yes     yes      no
"""

from __future__ import annotations

from dataclasses import dataclass

import llvmlite.binding as llvm
from numba.core.registry import cpu_target

_PROBE = """
target triple = "{triple}"
declare <16 x float> @llvm.fma.v16f32(<16 x float>, <16 x float>, <16 x float>)
declare <16 x float> @llvm.floor.v16f32(<16 x float>)
declare <16 x i8> @llvm.masked.expandload.v16i8(ptr, <16 x i1>, <16 x i8>)
define void @sum(ptr %p) {{
    %x = load <16 x float>, ptr %p
    %y = fadd <16 x float> %x, %x
    store <16 x float> %y, ptr %p
    ret void
}}
define void @fused(ptr %p) {{
    %x = load <16 x float>, ptr %p
    %y = call <16 x float> @llvm.fma.v16f32(<16 x float> %x, <16 x float> %x, <16 x float> %x)
    store <16 x float> %y, ptr %p
    ret void
}}
define void @rounded(ptr %p) {{
    %x = load <16 x float>, ptr %p
    %y = call <16 x float> @llvm.floor.v16f32(<16 x float> %x)
    store <16 x float> %y, ptr %p
    ret void
}}
define void @spread(ptr %p, <16 x i1> %m, <16 x i8> %z) {{
    %x = call <16 x i8> @llvm.masked.expandload.v16i8(ptr %p, <16 x i1> %m, <16 x i8> %z)
    store <16 x i8> %x, ptr %p
    ret void
}}
"""


@dataclass(frozen=True)
class CPU:
    """A CPU as kernels see it.

    Attributes
    ----------
    name
        As LLVM calls it.
    architecture
        ``"x86-64"``, ``"aarch64"`` or another: that of the process, which may not be the system's.
    register_bytes
        Bytes of a vector register.
    registers
        Number of vector registers.
    fuses
        Whether one instruction multiplies, adds and rounds once.
    rounds
        Whether one instruction rounds to a whole number.
    spreads
        Whether one instruction puts bytes that lie side by side where a mask has ones.
    """

    name: str
    architecture: str
    register_bytes: int
    registers: int
    fuses: bool
    rounds: bool
    spreads: bool


def describe(triple: str, name: str, features: str) -> CPU:
    """Return the features of LLVM's target for a triple, a CPU's name and a list of features."""
    target = llvm.Target.from_triple(triple)
    machine = target.create_target_machine(cpu=name, features=features)
    text = machine.emit_assembly(llvm.parse_assembly(_PROBE.format(triple=triple)))
    wide = "%zmm" in text
    return CPU(
        name=name,
        architecture=target.name,
        register_bytes=64 if wide else 32 if "%ymm" in text else 16,
        registers=32 if wide or target.name != "x86-64" else 16,
        fuses="fmaf" not in text,
        rounds="floorf" not in text,
        spreads="vpexpandb" in text,
    )


TARGET = describe(*cpu_target.target_context.codegen().magic_tuple())
"""The CPU that this process compiles for."""
