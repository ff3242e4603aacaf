"""From a bound spec to the text of its CPU kernel, and every stage on the way."""

from dataclasses import dataclass, replace

from xdsl.dialects.builtin import ModuleOp

from attnc.codegen.tvm.kernel import KernelSource, print_kernel
from attnc.codegen.tvm.machine import Machine
from attnc.compiler import fold
from attnc.compiler.dialects.attn import AttentionOp, RelationOp, TilingOp
from attnc.compiler.dialects.axes import step_of
from attnc.compiler.dialects.tile import KernelOp
from attnc.compiler.elaborate import Sizes, elaborate
from attnc.compiler.facts import attentions, the
from attnc.compiler.grid_analysis import GridTiles
from attnc.compiler.inline import mask_condition, score_expression, sink_expression
from attnc.compiler.pipeline import (
    Tiling,
    Watcher,
    backward_passes,
    passes,
    run,
    unit_passes,
)
from attnc.compiler.residues import Classes
from attnc.dsl.errors import HeadsMissing
from attnc.dsl.parser import parse_expression
from attnc.dsl.program import Bound
from attnc.dsl.route_sets import as_sets
from attnc.runtime.cpu.costs import GRADIENT_SHARES, costs
from attnc.runtime.cpu.few import few_tiling
from attnc.version import __version__


def tiling(machine: Machine, sizes: Sizes) -> Tiling:
    """The tiles that a machine's registers allow, or the one that a call of few queries wants."""
    machine = machine.computing(sizes.dtype, whole=not sizes.best)
    if sizes.rows:
        return few_tiling(machine, sizes.rows, sizes.packed)
    if sizes.height:
        return Tiling((sizes.height,), (100,), machine.keys)
    shares = costs(machine).shares
    step = machine.matrices or 1
    heights = range(machine.vectors - step * (len(shares) - 1), machine.vectors + 1, step)
    return Tiling(tuple(machine.lanes * height for height in heights), shares, machine.keys)


def unit_tile(machine: Machine, sizes: Sizes) -> tuple[int, int]:
    """Queries and keys of a tile of a unit, which is cut into as few tiles as hold it."""
    machine = machine.computing(sizes.dtype, whole=False)
    vectors, queries = machine.units
    tiles = -(-sizes.unit // (vectors * machine.lanes))
    return queries, -(-sizes.unit // (tiles * machine.lanes)) * machine.lanes


def gradient_tiling(machine: Machine, sizes: Sizes) -> Tiling:
    """The tiles of keys of the backward pass.

    The greatest height only: lower tiles visit less, but five products want registers. Those of the
    matrix unit are no registers.
    """
    found, own = tiling(machine, sizes), machine.computing(sizes.dtype)
    if own.matrices:
        rows = tuple(own.lanes * vectors for vectors in GRADIENT_SHARES)
        return replace(found, rows=rows, costs=tuple(GRADIENT_SHARES.values()))
    return replace(found, rows=found.rows[-1:], costs=found.costs[-1:])


def needs_heads(bound: Bound) -> bool:
    """Whether the spec's text depends on the head counts or its mask on the head."""
    bound = as_sets(bound)
    try:
        condition = mask_condition(bound, None, None)
        score_expression(bound, None, None)
        sink_expression(bound, None, None)
    except HeadsMissing:
        return True
    return "h" in fold.names(condition)


def sizes_for(
    bound: Bound,
    *,
    dtype: str,
    head_dim: int,
    value_dim: int | None = None,
    heads: int | None = None,
    kv_heads: int | None = None,
    cropped: bool = False,
) -> Sizes:
    """What a kernel is specialised on: head counts only where the spec depends on them."""
    wanted = needs_heads(bound)
    return Sizes(
        heads=(heads or 0) if wanted else 0,
        kv_heads=(kv_heads or heads or 0) if wanted else 0,
        head_dim=head_dim,
        value_dim=value_dim or head_dim,
        cropped=cropped,
        dtype=dtype,
    )


def chosen_tile(
    bound: Bound, sizes: Sizes, machine: Machine
) -> tuple[tuple[int, int], Classes | None]:
    """Rows and keys of the tile that `choose-tiles` takes, and the classes that it is for."""
    attention = tiled(bound, sizes, machine)
    found = the(attention, TilingOp)
    classes = None
    if step_of(attention.axes) > 1:
        condition = parse_expression(the(attention, RelationOp).condition.data)
        classes = Classes(step_of(attention.axes), condition)
    return (int(found.q.value.data), int(found.k.value.data)), classes


def grid_tiles(bound: Bound, sizes: Sizes, machine: Machine) -> GridTiles:
    """The tiles that `choose-tiles` takes on a grid."""
    attention = tiled(bound, sizes, machine)
    axes, keys = list(attention.axes), int(the(attention, TilingOp).k.value.data)
    return GridTiles(
        parse_expression(the(attention, RelationOp).condition.data),
        queries=tuple(int(axis.rows.value.data) for axis in axes),
        keys=(*(1 for _ in axes[1:]), keys),
        steps=tuple(int(axis.step.value.data) for axis in axes),
    )


def tiled(bound: Bound, sizes: Sizes, machine: Machine) -> AttentionOp:
    """The attention as it is when `choose-tiles` has run."""
    module = elaborate(as_sets(bound), sizes)
    sequence = passes(tiling(machine, sizes))
    end = next(i for i, step in enumerate(sequence) if step.name == "choose-tiles")
    run(module, [s for s in sequence[: end + 1] if s.name != "prove"])
    (attention,) = attentions(module)
    return attention


def lower(bound: Bound, sizes: Sizes, machine: Machine, watch: Watcher | None = None) -> ModuleOp:
    """The module of the `tile` dialect; `watch` sees it elaborated and after each pass."""
    module = elaborate(as_sets(bound), sizes)
    if watch is not None:
        watch("elaborate", module)
    if sizes.unit:
        run(module, unit_passes(sizes.unit, *unit_tile(machine, sizes)), watch)
        return module
    run(module, passes(tiling(machine, sizes), sizes.cropped, sizes.best, sizes.units), watch)
    return module


def lower_backward(
    bound: Bound,
    sizes: Sizes,
    machine: Machine,
    inputs: tuple[str, ...] = (),
    watch: Watcher | None = None,
) -> ModuleOp:
    """The module with the kernel of the gradients, those of `inputs` among them."""
    module = elaborate(as_sets(bound), sizes)
    if watch is not None:
        watch("elaborate", module)
    if sizes.unit:
        run(module, unit_passes(sizes.unit, *unit_tile(machine, sizes), inputs), watch)
        return module
    tiles, only = gradient_tiling(machine, sizes), ("dv",) if sizes.sums else ()
    run(module, backward_passes(tiles, inputs, sizes.cropped, only=only), watch)
    return module


def print_module(module: ModuleOp, bound: Bound, machine: Machine) -> KernelSource:
    """The TVMScript of the one kernel of a module."""
    (kernel,) = (op for op in module.body.block.ops if isinstance(op, KernelOp))
    return print_kernel(kernel, machine, header(bound))


def header(bound: Bound) -> str:
    """What the first line of every generated file says."""
    values = ", ".join(f"{name} = {value}" for name, value in bound.values.items())
    return f"{bound.name}({values}), written by attnc {__version__}"


@dataclass(frozen=True, slots=True)
class Stages:
    """The text of every stage of one spec, by name, in order."""

    texts: dict[str, str]


def stages(bound: Bound, sizes: Sizes, machine: Machine, backward: bool = False) -> Stages:
    """The IR after each pass, and the TVMScript; the later stages need a build.

    With `backward`, those of the kernel of all gradients that the spec declares.
    """
    texts: dict[str, str] = {}

    def keep(name: str, module: ModuleOp) -> None:
        texts[name] = str(module) + "\n"

    if backward:
        inputs = tuple(name for name, declared in bound.inputs.items() if declared.grad)
        module = lower_backward(bound, sizes, machine, inputs, keep)
    else:
        module = lower(bound, sizes, machine, keep)
    texts["tvm"] = print_module(module, bound, machine).text
    return Stages(texts)
