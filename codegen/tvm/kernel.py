"""One kernel of the `tile` dialect as a TVMScript module for CPUs.

The module's function `main` takes, in this order:

    the tensors          see `bindings`
    rows                 int32 [sequences, columns]: where each sequence (each residue class of an
                         entry, each grid) lies, see `signature.row_columns`
    f, lists             scratch of each thread: numbers and int32 [threads, ...] (see `context`)
    order                (forward) int32 [units]: which query tile of which head and sequence starts
                         when: unit (s * heads + h) * tiles + t is tile t of head h of sequence s
    chosen               (instead of `order`, where queries are gathered) int32 [n, 1 or heads,
                         q_rows, choices]: the units of keys that each query chose; below 0: none.
                         forward, `out` and `lse` are of the queries' other keys, and are added to
    parts                (instead of `order`, where the kernel is split) see `shares`; its units
                         are shares of query tiles, the packed heads of a group being one
    offsets, table       only where the kernel is tabled: see `planner`
    inputs               [n, axes...], any strides
    gradients            of inputs, for each thread: [threads, n, axes...], any strides
    run-time numbers     in the order of the spec
    scale, threads
    tiles                owned tiles of the longest sequence
    key_tiles            (query_tiles where keys are owned) room in a list
    units, stretch       (where queries are gathered) how many units of keys there are, and how many
                         queries a thread takes at a time; `tiles` are then the stretches of a head.
                         (Backward: how many ints of scratch the sorted queries of a head take)
    splits               (backward pass) how many units share the key tiles of a head
    sets                 (handles, after the gradients) of each: see `marks`; its number of marks
                         follows all other numbers
    shares               (where the kernel is split) how many units share the keys of a query tile
"""

from dataclasses import dataclass

from xdsl.dialects.builtin import StringAttr
from xdsl.ir import Operation

from attnc.codegen.emitter import Emitter
from attnc.codegen.tvm.axes import QUERIES
from attnc.codegen.tvm.backward import backward_parts, emit_backward_worker
from attnc.codegen.tvm.bindings import bind_tensors, scheduling, tensors_of
from attnc.codegen.tvm.body import emit_tile, forward_parts
from attnc.codegen.tvm.collect import gradients
from attnc.codegen.tvm.context import Context
from attnc.codegen.tvm.held import LOCAL
from attnc.codegen.tvm.listed import lists_of
from attnc.codegen.tvm.machine import Machine
from attnc.codegen.tvm.marks import emit_list_scratch, list_handles, list_scalars
from attnc.codegen.tvm.placement import fitted, place_tile
from attnc.codegen.tvm.planner import (
    emit_planner,
    plan_depends_on_head,
)
from attnc.codegen.tvm.pooled import head_count, own_head
from attnc.codegen.tvm.rows import emit_owned_tile
from attnc.codegen.tvm.running import state_numbers
from attnc.codegen.tvm.shares import emit_merge
from attnc.codegen.tvm.signature import (
    ANY,
    emit_row,
    number_arguments,
    number_inputs,
    tensor_inputs,
)
from attnc.codegen.tvm.spread import padded
from attnc.codegen.tvm.stretches import emit_gathered_worker
from attnc.codegen.tvm.support import refuse_unprintable
from attnc.codegen.tvm.unit_tile import emit_unit_tile, unit_parts
from attnc.codegen.tvm.units import each_unit, parallel
from attnc.compiler.dialects import tile
from attnc.compiler.ranges import exact_length
from attnc.dsl.parser import parse_expression
from attnc.dsl.syntax import Expr

LET = "{0}: T.let = {1}"  # a plain assignment would be a variable in memory


@dataclass(frozen=True, slots=True)
class KernelFacts:
    """What a caller must provide: scratch of a thread, tile sizes, inputs in argument order.

    No position may exceed `longest`, beyond which 32-bit arithmetic would overflow. The module's
    function `plan` (of forward and of tabled kernels) counts the tiles to visit, for every head
    where `plan_by_head`, else for all at once; a `tabled` kernel reads them from a table, which
    `plan` fills. `gradients` names the inputs whose gradients are asked for, in argument order;
    `width` are the columns of a row of dQ, with padding. `owner` is the side whose tiles the
    kernel owns. A tile holds `tile_q` queries of `packed` heads; several threads can share the key
    tiles of a `split` kernel. A tile is of one unit of so many `gathered` keys, if not 0, and a
    query that is gathered takes so many numbers of scratch: `state`. `axes` are those of the
    kernel: label, rows of an owned tile, step. `lists` names the sets, each mark of which takes
    `words`.
    """

    floats: int
    ints: int
    tile_q: int
    tile_k: int
    inputs: tuple[str, ...]
    numbers: tuple[str, ...]
    longest: int
    tabled: bool
    plan_by_head: bool
    gradients: tuple[str, ...] = ()
    owner: str = "q"
    width: int = 0
    packed: int = 1
    split: bool = False
    gathered: int = 0
    axes: tuple[tuple[str, int, int], ...] = ()
    lists: tuple[str, ...] = ()
    words: int = 1
    state: int = 0


@dataclass(frozen=True, slots=True)
class KernelSource:
    """TVMScript text and the facts of its kernel."""

    text: str
    facts: KernelFacts


def print_kernel(kernel: tile.KernelOp, machine: Machine, header: str = "") -> KernelSource:
    """The TVMScript module of a kernel for a machine, at the kernel's own tile size."""
    refuse_unprintable(kernel)
    rows, keys = int(kernel.tile_q.value.data), int(kernel.tile_k.value.data)
    owned, visited = (keys, rows) if kernel.owner.data == "k" else (rows, keys)
    whole = not (kernel.gathered or any(isinstance(op, tile.KeepOp) for op in kernel.walk()))
    machine = machine.computing(kernel.dtype.data, whole)
    columns = min(int(kernel.head_dim.value.data), int(kernel.value_dim.value.data))
    placement = place_tile(machine, owned, visited, int(kernel.packed.value.data), columns)
    machine = fitted(machine, placement, visited)
    out = Emitter(LET)
    context = Context(out, kernel, machine, _parts, placement)
    out.line(*(f"# {line}" for line in header.splitlines()), "@I.ir_module")
    with out.block("class Module:"):
        _emit_main(context)
        if context.tabled or context.owned is QUERIES:
            emit_planner(context)
    tensors, numbers = tensor_inputs(context), number_inputs(context)
    floats, ints = sum(context.float_parts.values()), sum(context.int_parts.values())
    floating = {"s", *(i.label.data for i in kernel.inputs if i.dtype.data == "float")}
    longest = exact_length(_expressions(kernel), frozenset(floating))
    facts = KernelFacts(
        floats,
        ints,
        rows // placement.packed,
        keys,
        tuple(tensors),
        tuple(numbers),
        longest,
        context.tabled,
        plan_depends_on_head(context),
        gradients(context),
        context.owned.name,
        padded(context.head_dim, machine.lanes),
        placement.packed,
        context.split,
        context.gathered,
        tuple((a.label.data, int(a.rows.value.data), int(a.step.value.data)) for a in kernel.axes),
        tuple(one.name for one in lists_of(context)),
        placement.vectors,
        state_numbers(context) if context.gathered else 0,
    )
    return KernelSource(out.text(), facts)


def _parts(context: Context) -> dict[str, int]:
    """The float scratch of a thread, by what the kernel computes."""
    if context.backward:
        return backward_parts(context)
    return unit_parts(context) if context.gathered else forward_parts(context)


def _expressions(kernel: tile.KernelOp) -> list[Expr]:
    """Every expression that the kernel evaluates in 32 bits.

    What the plan of a grid pushes is a row of its tensors.
    """
    kinds: dict[type[Operation], tuple[str, ...]] = {
        tile.ForOp: ("low", "high"),
        tile.IfOp: ("condition",),
        tile.PushOp: ("possible", "certain") if kernel.axes else ("tile", "possible", "certain"),
        tile.MaskOp: ("condition",),
        tile.ScoreOp: ("value",),
        tile.CollectOp: ("place",),
    }
    found = (op.properties.get(name) for op in kernel.walk() for name in kinds.get(type(op), ()))
    return [parse_expression(text.data) for text in found if isinstance(text, StringAttr)]


def _emit_main(context: Context) -> None:
    """The function `main`."""
    out, backward = context.out, context.backward
    tensors = tensors_of(context)
    handles = [*tensors, "rows", "f", "lists", *scheduling(context)]
    handles += ["offsets", "table"] if context.tabled else []
    handles += [f"in_{name}" for name in tensor_inputs(context)]
    handles += [f"d_{name}" for name in gradients(context)]
    handles += list_handles(context)
    scalars = [*number_arguments(context), f"scale: T.{context.real.name}", "threads: T.int32"]
    scalars += ["tiles: T.int32", f"{context.visited.word}_tiles: T.int32"]
    scalars += ["units: T.int32", "stretch: T.int32"] if context.gathered else []
    scalars += ["splits: T.int32"] if backward else []
    scalars += ["shares: T.int32"] if context.split else []
    scalars += list_scalars(context)
    arguments = ", ".join([*(f"{name}_: T.handle" for name in handles), *scalars])
    out.line("@T.prim_func(s_tir=True)")
    with out.block(f"def main({arguments}):"):
        out.line('T.func_attr({"global_symbol": "main", "tirx.noalias": True})')
        bind_tensors(context, tensors)
        with parallel(out):
            _emit_scratch(context)
            if backward:
                emit_backward_worker(context)
            elif context.gathered:
                emit_gathered_worker(context, emit_unit_tile)
            else:
                _emit_worker(context)
        if context.split:
            emit_merge(context)


def _emit_worker(context: Context) -> None:
    """One thread: query tiles, or shares of them, as they come."""
    out, packed = context.out, context.placement.packed
    out.line(
        f"head_count: T.int32 = T.Cast('int32', {head_count(context)})",
        "group: T.int32 = T.Cast('int32', heads // kv_heads)",
    )
    count = "T.Cast('int32', order_n)"
    if context.split:
        count = "T.Cast('int32', rows_n) * head_count * tiles * shares"
    with each_unit(out, count):
        if context.split:
            out.line("share: T.int32 = unit % shares", "item: T.int32 = unit // shares")
        else:
            out.line("item: T.int32 = order[unit]")
        head = "(item // tiles) % head_count"
        out.line(
            "t: T.int32 = item % tiles",
            f"{own_head(context)}: T.int32 = {head if packed == 1 else f'{head} * {packed}'}",
            "s: T.int32 = item // (tiles * head_count)",
        )
        emit_row(context)
        emit_owned_tile(context)
        with out.block(f"if {context.geometry.exists(context)}:"):
            emit_tile(context)


def _emit_scratch(context: Context) -> None:
    """Offsets of this thread's scratch; the lists follow the copied int inputs."""
    out = context.out
    for parts, start, final in (
        (context.float_parts, "T.Cast('int64', worker) * f_s0", None),
        (context.int_parts, "T.Cast('int64', worker) * lists_s0", "lists_at"),
    ):
        end = 0
        for name, size in parts.items():
            out.line(f"{name}_at: T.int64 = {start} + {end}")
            end += size
        behind = "units_at" if context.units is not None else "state_at"
        if final is None and (context.units is not None or context.gathered):
            out.line(f"{behind}: T.int64 = {start} + {end}")
        if final:
            out.line(f"{final}: T.int64 = {start} + {end}")
    room = f"2 * T.Cast('int64', {context.visited.word}_tiles)"
    emit_list_scratch(context, f"lists_at + {room}")
    out.line(f"count = T.alloc_buffer((2,), 'int32', {LOCAL})")
    if context.int_parts:
        out.line(f"copies = T.decl_buffer(({ANY},), 'int32', data=lists_m.data)")
