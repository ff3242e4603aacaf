"""Asking for rows in advance, where a kernel's time is that of reading keys and values."""

from attnc.codegen.tvm.context import Context
from attnc.codegen.tvm.stored import element_bytes

LINE = 64  # bytes of a cache line
AHEAD, AHEAD_OF_PAIRS = 32, 64  # rows that are asked for in advance, by few queries in pairs more
FIRST_CACHE, SECOND_CACHE = 3, 2  # LLVM's localities; the latter leaves the first cache alone


def emit_later(context: Context, name: str) -> None:
    """Where a tile of an operand begins that is visited a little after tile `g` of the chunk."""
    keys, placement = context.machine.keys, context.placement
    rows = AHEAD_OF_PAIRS if placement.few and context.paired else AHEAD
    ahead = f"T.min(g + {-(-rows // keys)}, list_left - 1)"
    row = f"T.Cast('int64', {context.list_name}[list_at + {ahead}] * {keys})"
    context.out.line(f"{name}_later: T.int64 = {name}_base + {row} * {name}_s2")


def emit_tile_ahead(context: Context) -> None:
    """Ask for the keys and values of a later tile, at once."""
    for name, columns in (("k", context.head_dim), ("v", context.value_dim)):
        emit_later(context, name)
        with context.out.block(f"for j in range({context.machine.keys}):"):
            emit_prefetch(context, name, "j", range(columns))


def emit_soon(context: Context, name: str, row: str, columns: int) -> None:
    """Ask for a row of an operand that begins at `row`, for the first cache."""
    at = context.out.bind("at", row)
    _emit_lines(context, name, at, range(columns), FIRST_CACHE)


def emit_prefetch(context: Context, name: str, row: str, columns: range) -> None:
    """Ask for columns of a row of the later tile, a line at a time."""
    at = context.out.bind("at", f"{name}_later + {row} * {name}_s2")
    _emit_lines(context, name, at, columns, SECOND_CACHE)


def _emit_lines(context: Context, name: str, at: str, columns: range, cache: int) -> None:
    for column in columns[:: LINE // element_bytes(context)]:
        place = f"T.address_of({name}_t[{at} + {column}])"
        call = f"T.call_llvm_intrin('void', 'llvm.prefetch', {place}, 0, {cache}, 1)"
        context.out.line(f"T.evaluate({call})")
