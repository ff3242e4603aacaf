"""From a bound spec to the text of its Triton file."""

from collections.abc import Sequence

from xdsl.passes import ModulePass

from attnc.codegen.triton.choice import print_choice
from attnc.codegen.triton.config import TritonConfig, TritonSource
from attnc.codegen.triton.source import Gradients, print_triton
from attnc.compiler.dialects.tile import KernelOp
from attnc.compiler.elaborate import Sizes, elaborate
from attnc.compiler.facts import attentions
from attnc.compiler.inline import sink_expression
from attnc.compiler.pipeline import Tiling, backward_passes, choice_passes, passes, run, unplanned
from attnc.dsl.program import Bound
from attnc.dsl.route_sets import as_sets
from attnc.runtime.lower import header

TILE = (128, 64)
# Proofs say nothing to a printer, and a GPU computes residue classes as any other pattern.
LEFT_OUT = ("prove", "split-residues")


def triton_source(
    bound: Bound,
    sizes: Sizes,
    tile: tuple[int, int] = TILE,
    config: TritonConfig | None = None,
    backward: tuple[int, int] | None = None,
    wanted: Sequence[str] | None = None,
    planned: bool = True,
) -> TritonSource:
    """The file for tiles of this many queries and keys: forward, and both passes with `backward`.

    `backward` are the owned and the visited rows of a tile of its kernels, `wanted` the inputs
    whose gradients they give: by default all that the spec declares `grad`. With `sizes.rows`, the
    kernel for few queries: its rows are those, and hold `sizes.packed` heads. With that or
    `sizes.sequences`, a call may say where each sequence lies. What is not `planned` visits
    one tile: it is made to see whether it can be.

    Raises `NotBuiltForTarget`: the printer lacks something that the spec needs.
    """
    few = Tiling((sizes.rows,), (100,), tile[1], sizes.packed, split=True)
    bound = as_sets(bound)
    steps = passes(few if sizes.rows else Tiling((tile[0],), (100,), tile[1], boxes=True))
    sink = sink_expression(bound, sizes.heads or None, sizes.kv_heads or None)
    config = config or TritonConfig()
    if wanted is None:
        wanted = [name for name, declared in bound.inputs.items() if declared.grad]
    gradients: Gradients | None = None
    if backward:
        gradients = _gradients(bound, sizes, backward, config, tuple(wanted), planned)
    kernel = _kernel(bound, sizes, steps, planned)
    return print_triton(kernel, config, header(bound), sink, gradients, sizes.sequences)


def choice_source(
    bound: Bound,
    sizes: Sizes,
    tile: tuple[int, int],
    config: TritonConfig,
    assume: tuple[str, ...] = (),
) -> TritonSource:
    """The file that keeps the `sizes.best` greatest products of each query with its keys.

    `assume` are facts about lengths and run-time integers, in isl's notation.
    """
    steps = choice_passes(Tiling((tile[0],), (100,), tile[1]), sizes.best, assume)
    return print_choice(_kernel(bound, sizes, steps, planned=True), config, header(bound))


def grid_boxes(
    bound: Bound, sizes: Sizes, tile: tuple[int, int]
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The points along each axis of a grid of tiles of queries and of keys."""
    module = elaborate(bound, sizes)
    sequence = passes(Tiling((tile[0],), (100,), tile[1], boxes=True))
    end = next(i for i, step in enumerate(sequence) if step.name == "choose-tiles")
    run(module, [step for step in sequence[: end + 1] if step.name not in LEFT_OUT])
    (attention,) = attentions(module)
    owned, visited = zip(*((axis.rows, axis.visited) for axis in attention.axes), strict=True)
    return tuple(n.value.data for n in owned), tuple(n.value.data for n in visited)


def _gradients(
    bound: Bound,
    sizes: Sizes,
    tile: tuple[int, int],
    config: TritonConfig,
    wanted: tuple[str, ...],
    planned: bool,
) -> Gradients:
    """Both kernels of the backward pass."""
    tiling = Tiling((tile[0],), (100,), tile[1], boxes=True)
    queries, keys = (
        _kernel(bound, sizes, backward_passes(tiling, wanted, apart=owner), planned)
        for owner in "qk"
    )
    return Gradients(queries, keys, wanted, config)


def _kernel(bound: Bound, sizes: Sizes, steps: Sequence[ModulePass], planned: bool) -> KernelOp:
    """The one kernel that passes leave."""
    module = elaborate(bound, sizes)
    steps = steps if planned else unplanned(steps)
    run(module, [step for step in steps if step.name not in LEFT_OUT])
    (kernel,) = (op for op in module.body.block.ops if isinstance(op, KernelOp))
    return kernel
