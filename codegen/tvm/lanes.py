"""Expressions inside a kernel: where positions, heads and inputs are found.

Three places evaluate expressions: one score per lane (the owned rows in the lanes, one visited
row), the plan of a tile (scalars), and the bounds of inputs over a tile (scalars that the plan has
computed).
"""

from collections.abc import Mapping
from dataclasses import dataclass

from attnc.codegen.expressions import FLOAT, INT, Value, render
from attnc.codegen.tvm.axes import KEYS, QUERIES, Axis
from attnc.codegen.tvm.context import Context
from attnc.codegen.tvm.grid import Grid
from attnc.codegen.tvm.listed import membership
from attnc.codegen.tvm.target import TvmTarget
from attnc.compiler.dialects.inputs import InputAttr
from attnc.dsl.syntax import Expr, Member, Name

SCALARS = {
    "len": Value(KEYS.end, INT),
    "qlen": Value(QUERIES.length, INT),
    "q_end": Value(QUERIES.end, INT),
    "b": Value("s", INT),
}
HEADS = {"h": "h", "hkv": "(h // group)", "b": "0"}  # where an input's axis holds that of the tile
DTYPES = {"int": INT, "float": FLOAT}
SIDES = {side.name: side for side in (QUERIES, KEYS)}


def scalar_target(context: Context) -> TvmTarget:
    """Expressions of a plan: everything is one number, by head or batch entry where it is read."""

    def read(base: str, indices: tuple[Expr, ...]) -> Value:
        attr = context.inputs[base]
        places = [Value(HEADS[axis], INT) for axis in attr.axis_names]
        return element(context, attr, places, DTYPES[attr.dtype.data])

    return TvmTarget(context.out, _scalars(context), read, context.real)


def _scalars(context: Context) -> dict[str, Value]:
    """What has one value in a whole tile."""
    return SCALARS | _numbers(context) | context.geometry.names(context)


@dataclass(frozen=True, slots=True)
class Spot:
    """Pairs of one visited row with one owned row or with a vector of them.

    `row` is the visited row and `offset` the first owned one in the tile; `position` is the
    variable that holds the owned positions. Where rows are few, a vector holds all of them for
    some visited rows, from `row` on.
    """

    row: str
    offset: str
    position: str
    lanes: int

    def owned_rows(self, context: Context) -> str:
        """The owned rows, counted from the first of the sequence."""
        if context.geometry.parts:
            return context.part("own_row", self.offset, self.lanes)
        return self.counted(context, context.owned.first)

    def counted(self, context: Context, first: str) -> str:
        """The numbers of the owned rows, where that of the tile's first one is `first`."""
        placement, start = context.placement, f"{first} + {self.offset}"
        if self.lanes == 1:
            return f"({start})"
        if placement.plain:
            return f"T.ramp({start}, 1, {self.lanes})"
        row = placement.row(self.offset)
        return f"({placement.repeated(first)} + {placement.query(row, vector=True)})"


def lane_target(
    context: Context, vector: str, row: str, blocks: Mapping[str, Value] | None = None
) -> TvmTarget:
    """Expressions of one vector of pairs: owned rows `vector` * lanes on, against visited `row`.

    Their positions are the variables `query` and `key`, their heads `head` where several are
    packed; `blocks` are the values by name.
    """
    lanes = context.machine.lanes
    spot = Spot(row, f"{vector} * {lanes}", context.owned.word, lanes)
    return spot_target(context, spot, blocks)


def spot_target(
    context: Context, spot: Spot, blocks: Mapping[str, Value] | None = None
) -> TvmTarget:
    """Expressions at a spot, whose visited position is in its variable."""
    owned, visited, placement = context.owned, context.visited, context.placement
    names = _scalars(context) | dict(blocks or {})
    names[owned.name] = Value(spot.position, INT, spot.lanes)
    names[visited.name] = Value(visited.word, INT, spot.lanes if placement.few else 1)
    for label in context.geometry.labels:
        names[f"{owned.name}.{label}"] = Value(f"{spot.position}_{label}", INT, spot.lanes)
        names[f"{visited.name}.{label}"] = Value(f"{visited.word}_{label}", INT)
    if placement.packed > 1:
        names["h"] = Value("head", INT, spot.lanes)

    def read(base: str, indices: tuple[Expr, ...]) -> Value:
        return _read(context, target, base, indices, spot)

    def sets(test: Member) -> Value:
        return membership(context, target, test, spot.offset, spot.lanes)

    target = TvmTarget(context.out, names, read, context.real, sets)
    return target


def emit_owned_positions(context: Context, vector: str) -> None:
    """The positions of a vector of owned rows (and their heads), as a lane target reads them."""
    owned, placement, lie = context.owned, context.placement, context.geometry
    if isinstance(lie, Grid):
        lie.emit_owned(context, vector)
        return
    spot = Spot("", f"{vector} * {placement.lanes}", owned.word, placement.lanes)
    context.out.line(f"{owned.word}: T.let = {spot.counted(context, owned.position)}")
    if placement.packed > 1:
        head = placement.head(placement.row(spot.offset), vector=True)
        context.out.line(f"head: T.let = {placement.repeated('h')} + {head}")


def emit_visited_position(context: Context, tile_first: str, j: str) -> None:
    """Row `j` of a visited tile, and its position (of several abreast)."""
    visited, placement, lie = context.visited, context.placement, context.geometry
    if isinstance(lie, Grid):
        context.out.line(f"row_first: T.int32 = {tile_first}")
        context.out.line(f"row: T.int32 = {lie.row('row_first', j)}")
        context.out.line(f"{visited.word}: T.int32 = row")
        lie.emit_visited(context, "row_first", j)
        return
    context.out.line(f"row: T.int32 = {lie.row(tile_first, j)}")
    first = f"{visited.start} + row"
    if placement.few:
        context.out.line(f"{visited.word}: T.let = {placement.abreast_from(first)}")
    else:
        context.out.line(f"{visited.word}: T.int32 = {first}")


def _numbers(context: Context) -> dict[str, Value]:
    """Run-time numbers, which are kernel arguments of the same name."""
    return {
        name: Value(f"in_{name}", DTYPES[i.dtype.data])
        for name, i in context.inputs.items()
        if not i.axis_names
    }


def _read(
    context: Context, target: TvmTarget, base: str, indices: tuple[Expr, ...], spot: Spot
) -> Value:
    """An element of an input for each lane, or one number where no index depends on the lanes."""
    attr = context.inputs[base]
    dtype = DTYPES[attr.dtype.data]
    if base in context.row_inputs and Name(context.visited.name) not in indices:
        return Value(context.part(f"in_{base}", spot.offset, spot.lanes), dtype, spot.lanes)
    return element(context, attr, places(context, target, attr, indices, spot), dtype)


def places(
    context: Context, target: TvmTarget, attr: InputAttr, indices: tuple[Expr, ...], spot: Spot
) -> list[Value]:
    """The tensor rows that the indices of an input mean."""
    pairs = zip(attr.axis_names, indices, strict=True)
    return [_place(context, target, axis, index, spot) for axis, index in pairs]


def _place(context: Context, target: TvmTarget, axis: str, index: Expr, spot: Spot) -> Value:
    match axis, index:
        case "b", _:
            return Value("0", INT)
        case "h", _:
            return target.name("h")
        case "hkv", _:
            return Value("(h // group)", INT)
        case "q" | "k" | "token", Name(id="q" | "k" as name):
            side = SIDES[name]
            if side is context.owned:
                rows = spot.owned_rows(context)
            elif context.placement.few:
                rows = context.placement.abreast_from(spot.row)
            else:
                return Value(tensor_row(axis, side, spot.row), INT)
            return Value(tensor_row(axis, side, rows, spot.lanes), INT, spot.lanes)
        case _:
            return render(index, target)


def tensor_row(axis: str, side: Axis, row: str, lanes: int = 1) -> str:
    """Where an input's axis holds what belongs to a row of a side, which may lie past the end."""

    def same(text: str) -> str:
        return f"T.broadcast({text}, {lanes})" if lanes > 1 else text

    if axis == "token" and side is QUERIES:
        token, zero = f"{same('(q_start - k_start)')} + {row}", same("T.int32(0)")
        row = f"T.max({zero}, T.min({token}, {same('(k_len - 1)')}))"
        return f"({same(KEYS.row)} + {row})"
    return f"({same(side.row)} + T.min({row}, {same(f'({side.length} - 1)')}))"


def element(context: Context, attr: InputAttr, places: list[Value], dtype: str) -> Value:
    """The element at these rows of the axes, in the entry of the current sequence."""
    name = attr.label.data
    lanes = max((p.lanes for p in places), default=1)
    kind = f"int64x{lanes}" if lanes > 1 else "int64"
    fixed = [f"T.Cast('int64', {context.entry}) * in_{name}_s0"]
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


def owned_element(context: Context, attr: InputAttr, row: str) -> str:
    """The element of an input that has one number per row (and head), at a row of the tile."""
    placement, owned = context.placement, context.owned
    row = f"T.floormod({row}, {placement.rows})" if placement.few else row
    head = f"(h + {placement.head(row)})" if placement.packed > 1 else "h"
    place = f"({owned.first} + {placement.query(row)})"
    if context.geometry.parts:
        place = context.geometry.owned_row(context, row)
    return row_element(context, attr, owned, place, head)


def row_element(context: Context, attr: InputAttr, side: Axis, row: str, head: str = "h") -> str:
    """The element of an input that has one number per row (and head), at a row of a side."""
    heads = HEADS | {"h": head}
    texts = [heads.get(axis) or tensor_row(axis, side, row) for axis in attr.axis_names]
    places = [Value(text, INT) for text in texts]
    return element(context, attr, places, DTYPES[attr.dtype.data]).text
