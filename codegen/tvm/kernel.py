"""One kernel of the `tile` dialect as a TVMScript module for CPUs.

The module's function `main` takes, in this order:

    q k v out            float32 [S, heads, rows, columns], any strides but 1 in the last axis
    lse                  float32 [S, heads, rows], any strides
    rows                 int32 [S, 6]: q_row, k_row, q_start, k_start, q_len, k_len of each sequence
    f, lists             scratch of each thread: float32 and int32 [threads, ...] (see `context`)
    inputs               [S, axes...], any strides
    run-time numbers     in the order of the spec
    scale, threads, tiles (query tiles of the longest sequence), key_tiles (room in a list)
"""

from dataclasses import dataclass, replace

from xdsl.dialects.builtin import StringAttr

from attnc.codegen.emitter import Emitter
from attnc.codegen.expressions import INT, Value
from attnc.codegen.tvm.context import Context
from attnc.codegen.tvm.elementwise import emit_elementwise
from attnc.codegen.tvm.exponential import LOG2_E, constant
from attnc.codegen.tvm.finish import emit_finish
from attnc.codegen.tvm.lanes import DTYPES, element
from attnc.codegen.tvm.machine import Machine
from attnc.codegen.tvm.micro import LOCAL, emit_accumulate, emit_scores
from attnc.codegen.tvm.softmax import LEAST, emit_online_softmax
from attnc.codegen.tvm.visits import LISTS, emit_plan, emit_query_bounds
from attnc.compiler.dialects import tile
from attnc.compiler.ranges import exact_length
from attnc.dsl.parser import parse_expression
from attnc.dsl.syntax import Expr

ROW_COLUMNS = ("q_row", "k_row", "q_start", "k_start", "q_len", "k_len")
ANY = "T.int64(1099511627776)"


@dataclass(frozen=True, slots=True)
class KernelFacts:
    """What a caller must provide: scratch of a thread, tile sizes, inputs in argument order.

    No position may exceed `longest`, beyond which 32-bit arithmetic would overflow.
    """

    floats: int
    ints: int
    tile_q: int
    tile_k: int
    inputs: tuple[str, ...]
    numbers: tuple[str, ...]
    longest: int


@dataclass(frozen=True, slots=True)
class KernelSource:
    """TVMScript text and the facts of its kernel."""

    text: str
    facts: KernelFacts


def print_kernel(kernel: tile.KernelOp, machine: Machine, header: str = "") -> KernelSource:
    """The TVMScript module of a forward kernel for a machine, at the kernel's own tile size."""
    rows, keys = int(kernel.tile_q.value.data), int(kernel.tile_k.value.data)
    machine = replace(machine, vectors=rows // machine.lanes, keys=keys)
    out = Emitter()
    context = Context(out, kernel, machine)
    out.line(*(f"# {line}" for line in header.splitlines()), "@I.ir_module")
    with out.block("class Module:"):
        out.line("@T.prim_func(s_tir=True)")
        with out.block(f"def main({_signature(context)}):"):
            out.line('T.func_attr({"global_symbol": "main", "tirx.noalias": True})')
            _bind_tensors(context)
            with out.block("for worker in T.parallel(threads):"):
                _emit_worker(context)
    tensors, numbers = _split_inputs(context)
    floats, ints = sum(context.float_parts.values()), sum(context.int_parts.values())
    longest = exact_length(_expressions(kernel))
    facts = KernelFacts(floats, ints, rows, keys, tuple(tensors), tuple(numbers), longest)
    return KernelSource(out.text(), facts)


def _expressions(kernel: tile.KernelOp) -> list[Expr]:
    """Every expression that the kernel evaluates in 32 bits."""
    kinds = {
        tile.ForOp: ("low", "high"),
        tile.IfOp: ("condition",),
        tile.PushOp: ("tile", "possible", "certain"),
        tile.MaskOp: ("condition",),
        tile.ScoreOp: ("value",),
    }
    found = (op.properties.get(name) for op in kernel.walk() for name in kinds.get(type(op), ()))
    return [parse_expression(text.data) for text in found if isinstance(text, StringAttr)]


def _split_inputs(context: Context) -> tuple[list[str], list[str]]:
    tensors = [n for n, i in context.inputs.items() if i.axis_names]
    return tensors, [n for n in context.inputs if n not in tensors]


def _signature(context: Context) -> str:
    tensors, numbers = _split_inputs(context)
    handles = ["q", "k", "v", "out", "lse", "rows", "f", "lists", *(f"in_{n}" for n in tensors)]
    scalars = [f"in_{n}: T.{DTYPES[context.inputs[n].dtype.data]}" for n in numbers]
    scalars += ["scale: T.float32", "threads: T.int32", "tiles: T.int32", "key_tiles: T.int32"]
    return ", ".join([*(f"{name}_: T.handle" for name in handles), *scalars])


def _bind_tensors(context: Context) -> None:
    """Shapes and strides of the arguments, and a flat view of each."""
    flat: list[str] = []
    variables = ("n", "heads", "kv_heads", "q_rows", "k_rows")
    context.out.line(*(f"{name} = T.int64()" for name in variables))
    shapes = {
        "q": ("heads", "q_rows", context.head_dim),
        "k": ("kv_heads", "k_rows", context.head_dim),
        "v": ("kv_heads", "k_rows", context.value_dim),
        "out": ("heads", "q_rows", context.value_dim),
    }
    for name, shape in shapes.items():
        sizes = [s if isinstance(s, str) else f"T.int64({s})" for s in shape]
        _bind(context, flat, name, "float32", ["n", *sizes], unit=True)
    _bind(context, flat, "lse", "float32", ["n", "heads", "q_rows"])
    _bind(context, flat, "rows", "int32", ["n", f"T.int64({len(ROW_COLUMNS)})"], unit=True)
    for name, dtype in (("f", "float32"), ("lists", "int32")):
        _bind(context, flat, name, dtype, ["T.Cast('int64', threads)", f"{name}_width"], unit=True)
    for name, attr in context.inputs.items():
        if attr.axis_names:
            sizes = [f"in_{name}_n{i}" for i in range(1, len(attr.axis_names) + 1)]
            if attr.axis_names[0] == "b":
                sizes[0] = "T.int64(1)"
            _bind(context, flat, f"in_{name}", DTYPES[attr.dtype.data], ["n", *sizes])
    context.out.line(*flat)


def _bind(
    context: Context,
    flat: list[str],
    name: str,
    dtype: str,
    sizes: list[str],
    unit: bool = False,
) -> None:
    out = context.out
    strides = [f"{name}_s{axis}" for axis in range(len(sizes))]
    if unit:
        strides[-1] = "T.int64(1)"
    own = [s for s in [*sizes, *strides] if s.startswith((f"{name}_n", f"{name}_s", f"{name}_w"))]
    out.line(*(f"{variable} = T.int64()" for variable in own))
    shape, steps = ", ".join(sizes), ", ".join(strides)
    out.line(
        f"{name}_m = T.match_buffer({name}_, ({shape},), '{dtype}', strides=({steps},), align=4)"
    )
    flat.append(f"{_flat(name)} = T.decl_buffer(({ANY},), '{dtype}', data={name}_m.data)")


def _flat(name: str) -> str:
    return {"f": "f", "lists": "lists"}.get(name, name if name.startswith("in_") else f"{name}_t")


def _emit_worker(context: Context) -> None:
    """One thread: every `threads`-th query tile of every head of every sequence."""
    out = context.out
    _emit_scratch(context)
    out.line(
        "head_count: T.int32 = T.Cast('int32', heads)",
        "group: T.int32 = T.Cast('int32', heads // kv_heads)",
    )
    items = "(T.Cast('int32', n) * head_count * tiles)"
    with out.block(f"for turn in range(({items} + threads - 1) // threads):"):
        out.line("item: T.int32 = turn * threads + worker")
        with out.block(f"if item < {items}:"):
            out.line(
                "t: T.int32 = tiles - 1 - item % tiles",
                "h: T.int32 = (item // tiles) % head_count",
                "s: T.int32 = item // (tiles * head_count)",
            )
            for column, name in enumerate(ROW_COLUMNS):
                place = f"T.Cast('int64', s) * rows_s0 + {column}"
                out.line(f"{name}: T.int32 = rows_t[{place}]")
            with out.block(f"if t * {context.rows} < q_len:"):
                _emit_tile(context)


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
        if final:
            out.line(f"{final}: T.int64 = {start} + {end}")
    out.line(f"count = T.alloc_buffer((2,), 'int32', {LOCAL})")
    if context.int_parts:
        out.line(f"copies = T.decl_buffer(({ANY},), 'int32', data=lists_m.data)")


def _emit_tile(context: Context) -> None:
    """One tile of queries: load, plan, visit, finish."""
    out = context.out
    for name, row in (("q", "q_row"), ("k", "k_row"), ("v", "k_row"), ("out", "q_row")):
        head = "h" if name in ("q", "out") else "(h // group)"
        out.line(
            f"{name}_base: T.int64 = T.Cast('int64', s) * {name}_s0 + T.Cast('int64', {head})"
            f" * {name}_s1 + T.Cast('int64', {row}) * {name}_s2"
        )
    out.line(f"i_first: T.int32 = t * {context.rows}", "q_first: T.int32 = q_start + i_first")
    _emit_rows(context)
    visits = [op for op in context.kernel.body.block.ops if isinstance(op, tile.VisitOp)]
    emit_query_bounds(context)
    emit_plan(context, visits)
    _emit_load(context, _scored(visits))
    for visit in visits:
        _emit_visit(context, visit)
    emit_finish(context)


def _scored(visits: list[tile.VisitOp]) -> bool:
    """Whether the scores pass through an expression, so that the query keeps natural units."""
    return any(isinstance(op, tile.ScoreOp) for visit in visits for op in visit.each.block.ops)


def _emit_rows(context: Context) -> None:
    """Copy the inputs that have one number per query."""
    out = context.out
    for name, attr in context.row_inputs.items():
        buffer = "copies" if attr.dtype.data == "int" else "f"
        with out.block(f"for r in range({context.rows}):"):
            token = f"(k_row + T.max(0, T.min(q_first + r - k_start, k_len - 1)))"
            row = f"(q_row + T.min(i_first + r, q_len - 1))"
            texts = {"h": "h", "hkv": "(h // group)", "b": "0", "token": token, "q": row}
            places = [Value(texts[axis], INT) for axis in attr.axis_names]
            value = element(context, attr, places, DTYPES[attr.dtype.data]).text
            out.line(f"{buffer}[in_{name}_at + r] = {value}")


def _emit_load(context: Context, scored: bool) -> None:
    """The query tile, transposed and scaled, and an empty state."""
    out, m, rows = context.out, context.machine, context.rows
    factor = "scale" if scored else f"(scale * T.float32({LOG2_E!r}))"
    out.line(f"# query [d {context.head_dim}, q {rows}], scaled")
    with out.block(f"for r in range({rows}):"):
        out.line("q_at: T.int64 = q_base + T.Cast('int64', T.min(i_first + r, q_len - 1)) * q_s2")
        with out.block(f"for d in range({context.head_dim}):"):
            out.line(f"f[query_at + d * {rows} + r] = q_t[q_at + d] * {factor}")
    with out.block(f"for i in range({context.value_dim * m.vectors}):"):
        out.line(f"{context.part('output', f'i * {m.lanes}')} = {constant(0.0, m.lanes)}")
    with out.block(f"for v in T.unroll({m.vectors}):"):
        out.line(f"{context.part('maximum', f'v * {m.lanes}')} = {constant(LEAST, m.lanes)}")
        out.line(f"{context.part('total', f'v * {m.lanes}')} = {constant(0.0, m.lanes)}")


def _emit_visit(context: Context, visit: tile.VisitOp) -> None:
    """The key tiles of one class, a chunk at a time."""
    out, chunk = context.out, context.machine.chunk
    which = LISTS[visit.tile_class.data]
    partial = visit.tile_class.data == "partial"
    out.line(f"# {visit.tile_class.data} tiles")
    with out.block(f"for i in range((count[{which}] + {chunk - 1}) // {chunk}):"):
        out.line(
            f"tiles_now: T.int32 = T.min({chunk}, count[{which}] - i * {chunk})",
            f"list_at: T.int64 = lists_at + {which} * key_tiles + i * {chunk}",
        )
        steps = [op for op in visit.each.block.ops if isinstance(op, tile.ScoreOp | tile.MaskOp)]
        for op in visit.each.block.ops:
            match op:
                case tile.DotOp():
                    emit_scores(context, partial)
                    emit_elementwise(context, steps)
                case tile.OnlineSoftmaxOp():
                    emit_online_softmax(context)
                case tile.AccumulateOp():
                    emit_accumulate(context, partial)
                case tile.LoadOp() | tile.ScoreOp() | tile.MaskOp():
                    pass  # read in place, or applied with the scores
                case _:
                    raise AssertionError(f"no code for {op.name}")
