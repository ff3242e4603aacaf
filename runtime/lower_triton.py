"""From a bound spec to the text of its Triton file."""

from attnc.codegen.triton.config import TritonConfig, TritonSource
from attnc.codegen.triton.source import print_triton
from attnc.compiler.dialects.tile import KernelOp
from attnc.compiler.elaborate import Sizes, elaborate
from attnc.compiler.inline import sink_expression
from attnc.compiler.pipeline import Tiling, passes, run
from attnc.dsl.program import Bound
from attnc.runtime.lower import header

TILE = (128, 64)
# Proofs say nothing to a printer, and a GPU computes residue classes as any other pattern.
LEFT_OUT = ("prove", "split-residues")


def triton_source(
    bound: Bound,
    sizes: Sizes,
    tile: tuple[int, int] = TILE,
    config: TritonConfig | None = None,
) -> TritonSource:
    """The forward file for tiles of this many queries and keys.

    Raises `NotBuiltForTarget`: the printer lacks something that the spec needs.
    """
    module = elaborate(bound, sizes)
    steps = passes(Tiling((tile[0],), (100,), tile[1]))
    run(module, [step for step in steps if step.name not in LEFT_OUT])
    (kernel,) = (op for op in module.body.block.ops if isinstance(op, KernelOp))
    sink = sink_expression(bound, sizes.heads or None, sizes.kv_heads or None)
    return print_triton(kernel, config or TritonConfig(), header(bound), sink)
