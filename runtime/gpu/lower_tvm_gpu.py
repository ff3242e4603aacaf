"""From a bound spec to the source of its GPU kernel in OpenCL, CUDA or Metal, through TVM."""

from attnc.codegen.tvm_gpu.kernel import GpuSource, print_gpu
from attnc.codegen.tvm_gpu.layout import Layout
from attnc.compiler.dialects.tile import KernelOp
from attnc.compiler.elaborate import Sizes, elaborate
from attnc.compiler.inline import sink_expression
from attnc.compiler.pipeline import Tiling, passes, run, unplanned
from attnc.dsl.errors import NotBuiltForTarget
from attnc.dsl.program import Bound
from attnc.runtime.cpu.build import tvm
from attnc.runtime.cpu.lower import header
from attnc.runtime.cpu.scalars import OPTIONS
from attnc.runtime.cpu.script import read

TILES = (32, 16)  # queries and keys; the greatest that fits into shared memory is taken
LEFT_OUT = ("prove", "split-residues")


def gpu_script(bound: Bound, sizes: Sizes, planned: bool = True) -> GpuSource:
    """The TVMScript of the forward pass; what is not `planned` visits one tile, as a trial.

    Raises `NotBuiltForTarget` for what the printer lacks.
    """
    if bound.routes:
        raise NotBuiltForTarget("a mask whose keys a route chooses", "tvm for GPUs", ("cpu",))
    dims = sizes.head_dim, sizes.value_dim
    size = next((n for n in TILES if Layout(n, n, *dims).fits), TILES[-1])
    module = elaborate(bound, sizes)
    tiling = Tiling((size,), (100,), size)
    steps = passes(tiling) if planned else unplanned(passes(tiling))
    run(module, [step for step in steps if step.name not in LEFT_OUT])
    (kernel,) = (op for op in module.body.block.ops if isinstance(op, KernelOp))
    sink = sink_expression(bound, sizes.heads or None, sizes.kv_heads or None)
    return print_gpu(kernel, header(bound), sink)


def device_source(source: GpuSource, target: str) -> str:
    """The source text in one of `LANGUAGES`; needs neither its compiler nor a device."""
    kind = {"kind": target, **({"arch": "sm_80"} if target == "cuda" else {})}
    found = tvm().target.Target(kind, host="llvm")
    script = read(tvm(), source.text)
    with tvm().transform.PassContext(config=OPTIONS):
        (device,) = tvm().compile(script, target=found).mod.imports
    return f"{_usage(source)}{str(device.inspect_source()).rstrip()}\n"


def _usage(source: GpuSource) -> str:
    """What the tensors are, and how the kernels are launched, as a comment."""
    layout = source.layout
    rows, columns = f"ceil(Nq / {layout.rows})", f"ceil(Nk / {layout.keys})"
    lines = [
        source.text.partition("\n")[0].removeprefix("# "),
        "q_rows, out [B, H, Nq, .], k_rows, v_rows [B, Hkv, Nk, .], lse [B, H, Nq]: contiguous",
        "group: H / Hkv; q_start: the position of the first query, Nk - Nq by default",
        f"attention_kernel: ({rows}, H, B) groups of {source.items}",
    ]
    if source.tables:
        heads, batch = "H" if source.by_head else "1", "B" if source.by_batch else "1"
        lines += [
            f"before it, plan_kernel: ({rows}, {heads}, {batch}) groups of 1",
            f"lists of tiles: num_blocks [{batch}, {heads}, {rows}], indices [.., plan_columns],",
            f"plan_columns: {columns}; plan_sb, plan_sh: strides of num_blocks, 0 along axes of 1",
        ]
    return "".join(f"// {line}\n" for line in lines)
