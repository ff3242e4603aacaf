"""From a bound spec to the text of its Triton file."""

from collections.abc import Sequence
from dataclasses import dataclass

from xdsl.passes import ModulePass

from attnc.codegen.triton.choice import print_choice
from attnc.codegen.triton.config import TritonConfig, TritonSource
from attnc.codegen.triton.source import Gradients, print_gradient, print_triton
from attnc.compiler.dialects.tile import KernelOp
from attnc.compiler.elaborate import Sizes, elaborate
from attnc.compiler.facts import attentions
from attnc.compiler.inline import sink_expression
from attnc.compiler.pipeline import Tiling, backward_passes, choice_passes, passes, run, unplanned
from attnc.dsl.program import Bound
from attnc.dsl.route_sets import as_sets
from attnc.runtime.cpu.lower import header

TILE = (128, 64)
# Proofs say nothing to a printer, and a GPU computes residue classes as any other pattern.
LEFT_OUT = ("prove", "split-residues")


@dataclass(frozen=True, slots=True)
class Backward:
    """How the kernel of dQ is tiled and launched, and that of dK and dV.

    Tiles are of so many queries and keys, whichever side they own.
    """

    q_tile: tuple[int, int]
    k_tile: tuple[int, int]
    q_config: TritonConfig
    k_config: TritonConfig

    @classmethod
    def alike(cls, *tile: int, config: TritonConfig | None = None) -> "Backward":
        """One tile, of so many queries and keys, and one launch for both."""
        queries, keys = tile
        config = config or TritonConfig()
        return cls((queries, keys), (queries, keys), config, config)


def triton_source(
    bound: Bound,
    sizes: Sizes,
    tile: tuple[int, int] = TILE,
    config: TritonConfig | None = None,
    backward: Backward | None = None,
    wanted: Sequence[str] | None = None,
    planned: bool = True,
) -> TritonSource:
    """The file for tiles of this many queries and keys: forward, and both passes with `backward`.

    `wanted` are the inputs whose gradients its kernels give: by default all that the spec declares
    `grad`. With `sizes.rows`, the
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
    gradients: Gradients | None = None
    if backward:
        names = declared_grad(bound) if wanted is None else tuple(wanted)
        gradients = Gradients(
            (_gradient(bound, sizes, "q", backward.q_tile, names, planned), backward.q_config),
            (_gradient(bound, sizes, "k", backward.k_tile, names, planned), backward.k_config),
            names,
        )
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


def gradient_source(
    bound: Bound,
    sizes: Sizes,
    owner: str,
    tile: tuple[int, int],
    config: TritonConfig,
    wanted: Sequence[str],
) -> TritonSource:
    """A file with the backward kernel alone that owns queries or keys; see `triton_source`."""
    bound = as_sets(bound)
    sink = sink_expression(bound, sizes.heads or None, sizes.kv_heads or None)
    kernel = _gradient(bound, sizes, owner, tile, tuple(wanted), planned=True)
    return print_gradient(kernel, config, tuple(wanted), sink, sizes.sequences)


def declared_grad(bound: Bound) -> tuple[str, ...]:
    """The inputs whose gradients a spec declares."""
    return tuple(name for name, declared in bound.inputs.items() if declared.grad)


def _gradient(
    bound: Bound,
    sizes: Sizes,
    owner: str,
    tile: tuple[int, int],
    wanted: tuple[str, ...],
    planned: bool,
) -> KernelOp:
    """The kernel of the backward pass that owns queries or keys, for a tile of both."""
    owned, visited = tile if owner == "q" else (tile[1], tile[0])
    tiling = Tiling((owned,), (100,), visited, boxes=True)
    return _kernel(bound, sizes, backward_passes(tiling, wanted, apart=owner), planned)


def _kernel(bound: Bound, sizes: Sizes, steps: Sequence[ModulePass], planned: bool) -> KernelOp:
    """The one kernel that passes leave."""
    module = elaborate(bound, sizes)
    steps = steps if planned else unplanned(steps)
    run(module, [step for step in steps if step.name not in LEFT_OUT])
    (kernel,) = (op for op in module.body.block.ops if isinstance(op, KernelOp))
    return kernel
