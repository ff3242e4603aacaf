"""Why each target takes a spec or refuses it: what `compile` and `attnc emit` would say."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from importlib.util import find_spec

from attnc.codegen.tvm.support import refuse_unprintable
from attnc.codegen.tvm_gpu import LANGUAGES
from attnc.compiler.dialects.tile import KernelOp
from attnc.compiler.elaborate import Sizes, elaborate
from attnc.compiler.pipeline import passes, run, unplanned
from attnc.dsl.errors import AnalysisTooComplex, AttnError, NotBuiltForTarget
from attnc.dsl.program import Bound
from attnc.dsl.route_sets import as_sets
from attnc.runtime.cpu.cpus import TARGETS, host_machine, runnable
from attnc.runtime.cpu.lower import tiling
from attnc.runtime.gpu.configs import fits_any
from attnc.runtime.gpu.lower_triton import TILE, Backward, triton_source
from attnc.runtime.gpu.lower_tvm_gpu import gpu_script
from attnc.runtime.gpu.targets import GPUS, Gpu

ACCEPTS = "accepts"
GPU_DTYPE = "bfloat16"
CANNOT_RUN = "compiles; this CPU cannot run it"
EMITTED = tuple(f"emit {language}" for language in LANGUAGES)


def backends(bound: Bound, sizes: Sizes) -> dict[str, str]:
    """What every target says of a spec without segments, branches or an output.

    CPUs are asked for float32, Triton for the forward and the backward kernels in bfloat16;
    `emit LANGUAGE` are the languages in which TVM writes a forward kernel. Nothing is compiled: on
    a GPU, each tile may still turn out to need too many registers.
    """
    try:
        cpu = _refusal(lambda: _print_cpu(bound, sizes))
    except AnalysisTooComplex as error:
        return dict.fromkeys([*TARGETS, *GPUS, *EMITTED], f"refuses: {error}")
    found = {target: cpu or (ACCEPTS if target in runnable() else CANNOT_RUN) for target in TARGETS}
    many = replace(sizes, dtype=GPU_DTYPE)
    triton = _triton(bound, many)
    for target, gpu in GPUS.items():
        found[target] = triton if triton.startswith("refuses") else _fitting(gpu, many) or triton
    tvm = _refusal(lambda: gpu_script(bound, sizes, planned=False))
    return found | dict.fromkeys(EMITTED, tvm or ACCEPTS)


def of_parts(parts: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """What targets say of several attentions: the first that says more than that it accepts.

    A file holds one attention.
    """
    found: dict[str, str] = {}
    for part in parts:
        for target, says in part.items():
            if found.get(target, ACCEPTS) == ACCEPTS:
                found[target] = says
    why = "refuses: each pair of parts of the tokens is an attention of its own"
    return found | dict.fromkeys(EMITTED, why)


def _refusal(build: Callable[[], object]) -> str:
    """Why a printer refuses, empty if it does not; what is too complex is for every target."""
    try:
        build()
    except NotBuiltForTarget as error:
        return f"refuses: {error.feature} is not built"
    except AnalysisTooComplex:
        raise
    except AttnError as error:
        return f"refuses: {error}"
    return ""


def _print_cpu(bound: Bound, sizes: Sizes) -> None:
    """The CPU printer's look at the kernel."""
    module = elaborate(as_sets(bound), sizes)
    steps = unplanned(passes(tiling(host_machine(), sizes)), classified=True)
    run(module, [step for step in steps if step.name != "prove"])
    (kernel,) = (op for op in module.body.block.ops if isinstance(op, KernelOp))
    refuse_unprintable(kernel)


def _triton(bound: Bound, sizes: Sizes) -> str:
    """What Triton's printer says, whatever the GPU."""
    if find_spec("triton") is None:
        return "refuses: the package `triton` is not installed"
    scores = bound.score is not None or bound.sink is not None
    # Gradients of a plain softmax are never refused.
    backward = Backward.alike(*TILE) if scores else None
    both = _refusal(lambda: triton_source(bound, sizes, backward=backward, planned=False))
    if not both:
        return ACCEPTS
    forward = _refusal(lambda: triton_source(bound, sizes, planned=False))
    return forward or f"{ACCEPTS}; of gradients it {both}"


def _fitting(gpu: Gpu, sizes: Sizes) -> str:
    """Why no tile fits this GPU; empty if some do."""
    if fits_any(gpu, sizes):
        return ""
    dims = f"{sizes.head_dim} and {sizes.value_dim} columns"
    return f"refuses: no tile of {dims} fits its registers and shared memory"
