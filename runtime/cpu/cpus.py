"""The CPUs that kernels are compiled for."""

import platform
from dataclasses import dataclass
from functools import cache

import torch

from attnc.codegen.tvm.machine import AMX, AVX2, AVX512, AVX512_BF16, GENERIC, NEON, Machine


@dataclass(frozen=True, slots=True)
class Host:
    """LLVM's name of a CPU, the instruction sets that kernels use, and its machine model.

    `triple` names an architecture, where it may not be that of this process.
    """

    cpu: str
    features: tuple[str, ...]
    machine: Machine
    triple: str = ""


OWN = "cpu"  # the target that is the CPU of this process
LEVEL_4 = ("avx512f", "avx512bw", "avx512dq", "avx512vl")
PAIRS = (*LEVEL_4, "avx512bf16")
X86 = {
    "cpu:amx": Host("sapphirerapids", (*PAIRS, "amx-tile", "amx-bf16"), AMX),
    "cpu:avx512_bf16": Host("cooperlake", PAIRS, AVX512_BF16),
    "cpu:avx512": Host("x86-64-v4", LEVEL_4, AVX512),
    "cpu:avx2": Host("x86-64-v3", ("avx2", "fma"), AVX2),
    "cpu:generic": Host("x86-64", ("sse2",), GENERIC),
}
ARM = {"cpu:neon": Host("generic", ("neon",), NEON, "aarch64-linux-gnu")}
CPUS = X86 | ARM
TARGETS = (OWN, *CPUS)


@cache
def host_machine() -> Machine:
    """The machine model of this CPU, by what torch says of it: no tvm is imported."""
    if platform.machine() in ("aarch64", "arm64"):
        return NEON
    found = torch.backends.cpu.get_cpu_capability()
    if found == "AVX512" and torch.cpu._is_avx512_bf16_supported():
        # Linux gives a process the matrix unit's registers when it asks for them.
        matrices = torch.cpu._is_amx_tile_supported() and torch.cpu._init_amx()
        return AMX if matrices else AVX512_BF16
    return {"AVX512": AVX512, "AVX2": AVX2}.get(found, GENERIC)


def measured_machine() -> Machine:
    """The machine model whose costs are measured: this CPU for float32."""
    return host_machine().computing("float32")


def machine_of(target: str) -> Machine:
    """The machine model of a target."""
    return host_machine() if target == OWN else CPUS[target].machine


def runnable() -> tuple[str, ...]:
    """The targets whose instructions this CPU has: itself, its machine model and lower ones."""
    own = f"cpu:{host_machine().name}"
    family = tuple(X86 if own in X86 else ARM)
    return (OWN, *family[family.index(own) :])


@cache
def model() -> str:
    """The name of this CPU, as its maker writes it."""
    try:
        with open("/proc/cpuinfo") as file:
            names = [line.partition(":")[2] for line in file if line.startswith("model name")]
    except OSError:
        names = []
    return names[0].strip() if names else platform.processor() or platform.machine()
