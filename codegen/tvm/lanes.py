"""Expressions inside a kernel: where positions, heads and inputs are found.

Three places evaluate expressions: one score per lane (queries in the lanes, one key), the plan of
a tile (scalars), and the bounds of inputs over a tile (scalars that the plan has computed).
"""

from attnc.codegen.expressions import FLOAT, INT, Value, render
from attnc.codegen.tvm.context import Context
from attnc.codegen.tvm.target import TvmTarget
from attnc.compiler.dialects.inputs import InputAttr
from attnc.dsl.syntax import Expr, Name

SCALARS = {
    "len": Value("(k_start + k_len)", INT),
    "qlen": Value("q_len", INT),
    "b": Value("s", INT),
}
DTYPES = {"int": INT, "float": FLOAT}


def scalar_target(context: Context) -> TvmTarget:
    """Expressions of a plan: everything is one number."""
    return TvmTarget(context.out, SCALARS | _numbers(context), _no_reads)


def lane_target(context: Context, vector: str, key: str, score: Value | None = None) -> TvmTarget:
    """Expressions of one vector of scores: queries `vector` * lanes on, against key row `key`.

    Their positions are the variables `query` and `position`.
    """
    query = Value("query", INT, context.machine.lanes)
    names = SCALARS | _numbers(context) | {"q": query, "k": Value("position", INT)}
    if score is not None:
        names["s"] = score

    def read(base: str, indices: tuple[Expr, ...]) -> Value:
        return _read(context, target, base, indices, vector, key)

    target = TvmTarget(context.out, names, read)
    return target


def emit_query_positions(context: Context, vector: str) -> None:
    """The variable `query` of a lane target."""
    lanes = context.machine.lanes
    context.out.line(f"query: T.let = T.ramp(q_first + {vector} * {lanes}, 1, {lanes})")


def emit_key_position(context: Context, key: str) -> None:
    """The variable `position` of a lane target."""
    context.out.line(f"position: T.int32 = k_start + {key}")


def _numbers(context: Context) -> dict[str, Value]:
    """Run-time numbers, which are kernel arguments of the same name."""
    return {
        name: Value(f"in_{name}", DTYPES[i.dtype.data])
        for name, i in context.inputs.items()
        if not i.axis_names
    }


def _no_reads(base: str, indices: tuple[Expr, ...]) -> Value:
    raise AssertionError(f"a plan reads no element of {base}")


def _read(
    context: Context,
    target: TvmTarget,
    base: str,
    indices: tuple[Expr, ...],
    vector: str,
    key: str,
) -> Value:
    """An element of an input for each lane, or one number where no index depends on the query."""
    attr = context.inputs[base]
    dtype, lanes = DTYPES[attr.dtype.data], context.machine.lanes
    at_query = Name("q") in indices
    if base in context.row_inputs and at_query:
        return Value(context.part(f"in_{base}", f"{vector} * {lanes}"), dtype, lanes)
    places = [
        place(context, target, axis, index, vector, key)
        for axis, index in zip(attr.axis_names, indices, strict=True)
    ]
    return element(context, attr, places, dtype)


def place(
    context: Context, target: TvmTarget, axis: str, index: Expr, vector: str, key: str
) -> Value:
    """The tensor row that an index of one axis means."""
    lanes = context.machine.lanes
    match axis, index:
        case "b", _:
            return Value("0", INT)
        case "h", _:
            return Value("h", INT)
        case "hkv", _:
            return Value("(h // group)", INT)
        case "q", _:
            row = f"T.ramp(i_first + {vector} * {lanes}, 1, {lanes})"
            last = f"T.broadcast(q_len - 1, {lanes})"
            return Value(f"(T.broadcast(q_row, {lanes}) + T.min({row}, {last}))", INT, lanes)
        case "token" | "k", Name(id="k"):
            return Value(f"(k_row + {key})", INT)
        case "token", _:
            row = f"T.ramp(q_first - k_start + {vector} * {lanes}, 1, {lanes})"
            low, last = f"T.broadcast(T.int32(0), {lanes})", f"T.broadcast(k_len - 1, {lanes})"
            row = f"T.max({low}, T.min({row}, {last}))"
            return Value(f"(T.broadcast(k_row, {lanes}) + {row})", INT, lanes)
        case _:
            return render(index, target)


def element(context: Context, attr: InputAttr, places: list[Value], dtype: str) -> Value:
    """The element at these rows of the axes, in the entry of the current sequence."""
    name = attr.label.data
    lanes = max((p.lanes for p in places), default=1)
    kind = f"int64x{lanes}" if lanes > 1 else "int64"
    fixed = [f"T.Cast('int64', s) * in_{name}_s0"]
    moving = []
    for axis, p in enumerate(places, start=1):
        if p.lanes == 1:
            fixed.append(f"T.Cast('int64', {p.text}) * in_{name}_s{axis}")
        else:
            stride = f"T.broadcast(in_{name}_s{axis}, {lanes})"
            moving.append(f"T.Cast('{kind}', {p.text}) * {stride}")
    base = " + ".join(fixed)
    offset = " + ".join([f"T.broadcast({base}, {lanes})", *moving]) if moving else base
    return Value(f"in_{name}[{offset}]", dtype, lanes)
