"""Asking for visited rows in advance.

Where a kernel's time is that of reading them, well ahead; where products take longer, those of the
next tile, which may lie in a far cache.
"""

from contextlib import AbstractContextManager

from attnc.codegen.tvm.axes import QUERIES
from attnc.codegen.tvm.context import Context
from attnc.codegen.tvm.stored import element_bytes

LINE = 64  # bytes of a cache line
LAST = 16  # tiles of a list during which the next unit's rows are asked for
AHEAD, AHEAD_OF_PAIRS = 32, 64  # rows that are asked for in advance, by few queries in pairs more
PAGE = 4096
FIRST_CACHE, SECOND_CACHE = 3, 2  # LLVM's localities; the latter leaves the first cache alone

_READ = "attnc.read_byte"
_READ_BYTE = f"""\
define linkonce_odr i32 @{_READ}(ptr %place) alwaysinline {{
  %byte = load volatile i8, ptr %place
  %number = zext i8 %byte to i32
  ret i32 %number
}}
"""


def emit_later(context: Context, name: str) -> None:
    """Where a tile of an operand begins that is visited a little after tile `g` of the chunk."""
    lie = context.geometry
    ahead = f"T.min(g + {_tiles_ahead(context)}, list_left - 1)"
    row = f"T.Cast('int64', {lie.tensor_row(lie.first(context, f'list_at + {ahead}'))})"
    context.out.line(f"{name}_later: T.int64 = {name}_base + {row} * {name}_s2")


def emit_page_reader(context: Context) -> AbstractContextManager[None]:
    """A statement that brings a load that is not left out, for all that follows."""
    return context.out.block(f"with T.attr(0, 'pragma_import_llvm', {_READ_BYTE!r}):")


def emit_pages(context: Context, name: str, columns: int) -> None:
    """Read a byte in each page of a tile that is visited after the one that is asked for.

    The first request for a page waits until its address is translated, which takes a virtual
    machine long, and those behind it wait, too; a load that no arithmetic needs holds up nothing.
    Rows are taken to follow each other, and the last row stands for missing ones.
    """
    lie, keys = context.geometry, context.machine.keys
    rows = max(1, PAGE // (columns * element_bytes(context)))  # of a page
    tile = f"list_at + T.min(g + {_tiles_ahead(context) + 1}, list_left - 1)"
    row = f"T.Cast('int64', {lie.tensor_row(lie.first(context, tile))})"
    context.out.line(f"{name}_page: T.int64 = {name}_base + {row} * {name}_s2")
    for first in range(0, keys, rows):
        place = f"T.min({name}_page + {first} * {name}_s2, {name}_last)"
        call = f"T.call_extern('int32', '{_READ}', T.address_of({name}_t[{place}]))"
        context.out.line(f"T.evaluate({call})")


def _tiles_ahead(context: Context) -> int:
    """How many tiles after this one is asked for."""
    few_pairs, keys = context.placement.few and context.paired, context.machine.keys
    rows = AHEAD_OF_PAIRS if few_pairs else AHEAD if _hurried(context) else keys
    return -(-rows // keys)


def _hurried(context: Context) -> bool:
    """Whether there is little work for each row, or no order among them."""
    return context.placement.few or context.scattered


def emit_later_unit(context: Context) -> None:
    """Before the tiles of a unit: how far from its own rows those of a later one lie.

    Of queries it is the next in the order, or the next of the same residue class: the rows between
    are those of the units between. Of keys it is the next of this split.
    """
    operands = _later_operands(context)
    if not operands:
        return
    out, lie, tile = context.out, context.geometry, context.owned.tile
    start = _emit_later_item(context) if context.owned is QUERIES else _emit_later_tile(context)
    lie.emit_place(context, f"later_{tile}")
    rows = f"{start}{lie.place(context, f'later_{tile}')} - ({lie.place(context, tile)})"
    out.line(f"rows_on: T.int64 = T.Cast('int64', {rows})")
    for name in operands:
        offset = f"rows_on * {name}_s2"
        if context.owned is QUERIES:
            offset += f" + heads_on * {name}_s1 + entries_on * {name}_s0"
        out.line(f"{name}_on: T.int64 = {offset}")
    out.line(f"asked: T.int32 = ({context.rows} + turns - 1) // turns")


def _emit_later_tile(context: Context) -> str:
    """The later tile of keys; the rows from the start of its sequence to that of this one's."""
    context.out.line(f"later_{context.owned.tile}: T.int32 = {context.owned.tile} + splits")
    return ""


def _emit_later_item(context: Context) -> str:
    """The same of queries, whose head and entry may be others."""
    classes = context.geometry.classes
    entry = "later_s" if classes == 1 else f"later_s // {classes}"
    context.out.line(
        f"later: T.int32 = order[T.min(unit + {classes}, all_units - 1)]",
        "later_t: T.int32 = later % tiles",
        "later_s: T.int32 = later // (tiles * head_count)",
        "heads_on: T.int64 = T.Cast('int64', (later // tiles) % head_count - h)",
        f"entries_on: T.int64 = T.Cast('int64', {entry} - {context.entry})",
    )
    return "rows_t[T.Cast('int64', later_s) * rows_s0] - q_row + "


def _later_operands(context: Context) -> dict[str, int]:
    """The operands and outputs of a later unit that are asked for, and their columns."""
    if context.gathered or context.split or context.placement.packed > 1 or context.count:
        return {}
    if context.owned is QUERIES:
        return {"q": context.head_dim, "out": context.value_dim}
    return {"k": context.head_dim, "v": context.value_dim}


def _follows(context: Context) -> bool:
    """Whether a later unit reads the rows after those that this one reads: on sequences."""
    return context.owned is QUERIES and len(context.geometry.labels) < 2 and not context.sets


def emit_turns(context: Context) -> None:
    """How many tiles ask for rows of a later unit, and the first visited row after all tiles."""
    if not _later_operands(context):
        return
    context.out.line(f"turns: T.int32 = T.max(1, T.min({LAST}, listed))")
    if _follows(context):
        lie, last = context.geometry, ("T.max(0, count[0] - 1)", "T.max(0, listed - 1)")
        firsts = (lie.first(context, f"{context.list_at} + {place}") for place in last)
        rows = ", ".join(map(lie.tensor_row, firsts))
        beyond = f"T.max({rows}) + {context.machine.keys * lie.step}"
        context.out.line(f"beyond: T.int32 = T.if_then_else(listed > 0, {beyond}, 0)")


def emit_next_unit(context: Context) -> None:
    """Before one of the last tiles of a list: ask for a part of the rows of a later unit."""
    operands, out, lie = _later_operands(context), context.out, context.geometry
    if not operands:
        return
    with out.block(f"if list_left - g <= {LAST}:"), out.block("for ask in range(asked):"):
        row = out.bind("row", f"T.min((list_left - g - 1) * asked + ask, {context.rows - 1})")
        for name, columns in operands.items():
            place = f"{context.row_offset(name, row)} + {name}_on"
            _emit_lines(context, name, out.bind("at", place), range(columns), SECOND_CACHE)
        if _follows(context):
            last = lie.tensor_row(lie.last(context.visited))
            place = f"T.Cast('int64', T.min(beyond + {row} * {lie.step}, {last}))"
            place = out.bind("place", place)
            for name, columns in {"k": context.head_dim, "v": context.value_dim}.items():
                at = out.bind("at", f"{name}_base + {place} * {name}_s2")
                _emit_lines(context, name, at, range(columns), SECOND_CACHE)


def emit_gathered(context: Context) -> None:
    """At tile `g` of a chunk of gathered queries: ask for those of the next tile.

    And for its part of the keys and values that follow, which are probably the next ones.
    """
    out, lie = context.out, context.geometry
    later = lie.first(context, "list_at + T.min(g + 1, list_left - 1)")
    out.line(f"later_first: T.int32 = {later}")
    for j in range(context.machine.keys):
        row = f"T.min({lie.row('later_first', j)}, {lie.last(context.visited)})"
        emit_soon(context, "q", f"q_base + T.Cast('int64', {row}) * q_s2", context.head_dim)
    rows = context.rows
    out.line(
        "visit: T.int32 = listed - list_left + g",
        f"ask_first: T.int32 = {rows} * visit // listed",
        f"ask_end: T.int32 = {rows} * (visit + 1) // listed",
    )
    with out.block("for ask in range(ask_end - ask_first):"):
        place = f"{context.owned.first} + {rows} + ask_first + ask"
        out.line(f"place: T.int64 = T.Cast('int64', T.min({place}, {lie.last(context.owned)}))")
        for name, columns in {"k": context.head_dim, "v": context.value_dim}.items():
            at = out.bind("at", f"{name}_base + place * {name}_s2")
            _emit_lines(context, name, at, range(columns), SECOND_CACHE)


def emit_soon(context: Context, name: str, row: str, columns: int) -> None:
    """Ask for a row of an operand that begins at `row`, for the first cache."""
    at = context.out.bind("at", row)
    _emit_lines(context, name, at, range(columns), FIRST_CACHE)


def emit_prefetch(context: Context, name: str, row: str, columns: range) -> None:
    """Ask for columns of a row of the later tile, a line at a time."""
    step = context.geometry.step
    apart = row if step == 1 else f"{row} * {step}"
    at = context.out.bind("at", f"{name}_later + {apart} * {name}_s2")
    cache = SECOND_CACHE if _hurried(context) else FIRST_CACHE
    _emit_lines(context, name, at, columns, cache)


def emit_scratch_soon(context: Context, at: str, numbers: int) -> None:
    """Ask for numbers of a thread's scratch, for the first cache."""
    for first in range(0, numbers, LINE // context.real.bytes):
        _emit_line(context, f"f[{at} + {first}]", FIRST_CACHE)


def _emit_lines(context: Context, name: str, at: str, columns: range, cache: int) -> None:
    for column in columns[:: LINE // element_bytes(context)]:
        _emit_line(context, f"{name}_t[{at} + {column}]", cache)


def _emit_line(context: Context, element: str, cache: int) -> None:
    place = f"T.address_of({element})"
    call = f"T.call_llvm_intrin('void', 'llvm.prefetch', {place}, 0, {cache}, 1)"
    context.out.line(f"T.evaluate({call})")
