"""Units of positions and what the keys that lie in them add up to, one number for each lane.

They lie behind the other parts of a thread's float scratch: as many rows of the owned tile as the
caller has left room for. What a tile of queries gives to all units exists at a time, never what all
queries give.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from attnc.codegen.tvm.context import Context
from attnc.codegen.tvm.held import LOCAL
from attnc.codegen.tvm.lanes import emit_visited_position
from attnc.codegen.tvm.rows import QUERY_HEAD
from attnc.compiler.dialects.units import UnitsAttr


@contextmanager
def emit_members(context: Context) -> Iterator[None]:
    """The query heads `h` that an owned tile is of: one, or those of a KV head that choose as one.

    Before them, units without anything.
    """
    out, lanes, units = context.out, context.machine.lanes, context.units
    if units is None:
        yield
        return
    out.line(
        f"units: T.int32 = T.Cast('int32', f_width - {sum(context.float_parts.values())})"
        f" // {context.rows}"
    )
    with out.block(f"for i in range(units * {context.rows // lanes}):"):
        out.line(f"{_unit(context, 'i', lanes)} = {context.real.constant(0.0, lanes)}")
    if not _together(units):
        yield
        return
    with out.block("for member in range(group):"):
        out.line("h: T.int32 = own_head * group + member")
        yield


def head_count(context: Context) -> str:
    """How many heads own tiles."""
    few = context.placement.packed > 1 or (context.units and _together(context.units))
    return "kv_heads" if few else "heads"


def own_head(context: Context) -> str:
    """The variable of the head of an owned tile."""
    return "own_head" if context.units and _together(context.units) else QUERY_HEAD


def _together(units: UnitsAttr) -> bool:
    return bool(units.chooser.data == "hkv")


def _unit(context: Context, vector: str, lanes: int) -> str:
    return f"f[T.ramp(units_at + T.Cast('int64', {vector}) * {lanes}, 1, {lanes})]"


def emit_shares(context: Context, units: UnitsAttr) -> None:
    """Share out the numbers of a chunk among units; those of masked pairs are negative."""
    out, m, rows, real = context.out, context.machine, context.rows, context.real
    sizes = (units.key_size, units.key_stride, units.size, units.stride)
    key_size, key_stride, size, stride = (int(one.value.data) for one in sizes)
    with out.block("for g in range(tiles_now):"), out.block(f"for j in range({m.keys}):"):
        emit_visited_position(context, context.geometry.first(context, "list_at + g"), "j")
        out.line(
            f"begin: T.int32 = key * {key_stride}",
            f"unit_first: T.int32 = T.floordiv(begin - {size}, {stride}) + 1",
        )
        with out.block(f"for n in range({units.most}):"):
            out.line(
                "u: T.int32 = unit_first + n",
                f"both: T.int32 = T.min(begin + {key_size}, u * {stride} + {size})"
                f" - T.max(begin, u * {stride})",
            )
            with out.block("if T.And(both > 0, T.And(u >= 0, u < units)):"):
                share = f"T.Cast('{real.name}', both) * {real.constant(1 / key_size)}"
                out.line(f"share: T.{real.name} = {share}")
                with out.block(f"for v in T.unroll({m.vectors}):"):
                    place = _unit(context, f"(u * {m.vectors} + v)", m.lanes)
                    number = context.part("scores", f"(g * {m.keys} + j) * {rows} + v * {m.lanes}")
                    positive = f"T.max({number}, {real.constant(0.0, m.lanes)})"
                    out.line(f"{place} = {place} + {positive} * T.broadcast(share, {m.lanes})")


@contextmanager
def emit_candidates(context: Context, units: UnitsAttr, none: str) -> Iterator[tuple[str, str]]:
    """A loop over the units that a vector `v` of queries may choose: their sums, their number.

    Queries that may not have `none` for a sum.
    """
    out, lanes = context.out, context.machine.lanes
    names = [f"in_{name.data}" for name in (units.first, units.end)]
    out.line(f"low = T.alloc_buffer((2,), 'int32', {LOCAL})")
    out.line("low[0] = units", "low[1] = 0")
    with out.block(f"for r in range({lanes}):"):
        first, end = (f"copies[{name}_at + v * {lanes} + r]" for name in names)
        out.line(f"low[0] = T.min(low[0], {first})", f"low[1] = T.max(low[1], {end})")
    with out.block("for n in range(T.max(0, T.min(low[1], units) - low[0])):"):
        out.line("u: T.int32 = low[0] + n")
        first, end = (context.part(name, f"v * {lanes}") for name in names)
        unit = f"T.broadcast(u, {lanes})"
        allowed = f"T.And({first} <= {unit}, {unit} < {end})"
        number = _unit(context, f"(u * {context.machine.vectors} + v)", lanes)
        yield f"T.Select({allowed}, {number}, {none})", "u"
