"""The marks of run-time sets in the scratch of a thread.

The lists of the rows of an owned tile are read once. Each entry marks its place in a scratch array
with the bits of the rows that list it, a word for each vector of rows; after the tile the same
entries are cleared, so that the cost is that of the lists, whatever the length of the sequence. A
pair, and all pairs of a tile, are then looked up. A kernel that owns keys is given the inverse
lists: of each value, the queries (or blocks of queries) that list it.
"""

from dataclasses import dataclass, replace

from attnc.codegen.expressions import BOOL, INT, Value, render
from attnc.codegen.tvm.axes import KEYS, Axis
from attnc.codegen.tvm.context import Context
from attnc.codegen.tvm.held import LOCAL
from attnc.codegen.tvm.lanes import row_element, scalar_target
from attnc.codegen.tvm.listed import Lists, chooser_of, lists_of, word_of
from attnc.codegen.tvm.signature import Tensors, flat
from attnc.codegen.tvm.target import TvmTarget
from attnc.compiler.intervals import interval
from attnc.dsl.syntax import Index

PARTS = ("start", "end", "idx")


def list_handles(context: Context) -> list[str]:
    """The tensors of the sets: first and last entry of each list, and the entries."""
    return [f"{part}_{one.name}" for one in lists_of(context) for part in PARTS]


def list_scalars(context: Context) -> list[str]:
    """The number of marks of each set."""
    return [f"width_{one.name}: T.int32" for one in lists_of(context)]


def bind_lists(tensors: Tensors) -> None:
    """Starts and ends [n, axes...], the entries flat."""
    for one in lists_of(tensors.context):
        sizes = [f"list_n{i}_{one.name}" for i in range(1, len(one.axes) + 1)]
        if sizes:
            tensors.sizes(*sizes)
        for part in PARTS[:2]:
            tensors.bind(f"{part}_{one.name}", "int32", ["n", *sizes])
        name = f"idx_{one.name}"
        tensors.bind(name, "int32", [f"{name}_n"], unit=True)


def emit_list_scratch(context: Context, after: str) -> None:
    """Where the marks of each set begin: after the lists of tiles."""
    for one in lists_of(context):
        context.out.line(f"marks_{one.name}_at: T.int64 = {after}")
        after = f"marks_{one.name}_at + width_{one.name} * {context.placement.vectors}"


def emit_marks(context: Context, clear: bool = False) -> None:
    """Mark what the rows of the owned tile list, or clear it again."""
    for one in lists_of(context):
        _Marks(context, one, clear).emit()


@dataclass(frozen=True, slots=True)
class _Marks:
    """Runs of rows that share a list go through it once."""

    context: Context
    one: Lists
    clear: bool

    @property
    def run(self) -> str:
        """The buffer of the current run: the ends of its list, and the bits of its rows."""
        return f"{'cleared' if self.clear else 'marked'}_{self.one.name}"

    def emit(self) -> None:
        out, placement, run = self.context.out, self.context.placement, self.run
        rows = placement.rows if placement.few else placement.lanes
        out.line(f"{run} = T.alloc_buffer((3,), 'int32', {LOCAL})")
        with out.block(f"for v in range({placement.vectors}):"):
            out.line(*(f"{run}[{i}] = 0" for i in range(3)))
            with out.block(f"for i in range({rows}):"):
                out.line(f"r: T.int32 = v * {placement.lanes} + i")
                start, end = self.ends()
                with out.block(f"if T.Or({start} != {run}[0], {end} != {run}[1]):"):
                    self.entries()
                    out.line(f"{run}[0] = {start}", f"{run}[1] = {end}", f"{run}[2] = 0")
                out.line(f"{run}[2] = T.bitwise_or({run}[2], T.shift_left(T.int32(1), i))")
            self.entries()

    def ends(self) -> tuple[str, str]:
        """The first entry of the list of row `r` and the one after its last."""
        context, one = self.context, self.one
        out, owned = context.out, context.owned
        packed = context.placement.packed
        head = f"(h + {context.placement.head('r')})" if packed > 1 else "h"
        row = context.geometry.owned_row(context, "r", held=True)
        out.line(f"row: T.int32 = {row}")
        places = {"b": "0", "h": head, "hkv": "(h // group)"}
        inside = ""
        if "q" in one.axes and owned is KEYS:
            out.line(f"of: T.int32 = {_value(context, one, owned, 'row')}")
            places["q"] = "of"
            size = f"list_n{one.axes.index('q') + 1}_{one.name}"
            inside = f"T.And(0 <= of, of < T.Cast('int32', {size}))"
        elif "q" in one.axes:
            places["q"] = chooser_of(one, "(q_start + row)") + (" + q_row" if one.size == 1 else "")
        found = []
        for part in PARTS[:2]:
            name = f"{part}_{one.name}"
            terms = [f"T.Cast('int64', {context.entry}) * {name}_s0"]
            terms += [
                f"T.Cast('int64', {places[axis]}) * {name}_s{i}"
                for i, axis in enumerate(one.axes, start=1)
            ]
            element = f"{flat(name)}[{' + '.join(terms)}]"
            value = f"T.if_then_else({inside}, {element}, 0)" if inside else element
            found.append(out.bind(part, value))
        return found[0], found[1]

    def entries(self) -> None:
        """Mark (or clear) the entries of the run."""
        out, one, run = self.context.out, self.one, self.run
        # Inverse lists hold rows of the tensor, which is more than one sequence where it is packed.
        shift = " - q_row" if self.context.owned is KEYS and one.size == 1 else ""
        with out.block(f"for e in range({run}[1] - {run}[0]):"):
            entry = f"{flat(f'idx_{one.name}')}[T.Cast('int64', {run}[0] + e)]"
            out.line(f"mark: T.int32 = {entry}{shift}")
            with out.block(f"if T.And(0 <= mark, mark < width_{one.name}):"):
                word = word_of(self.context, one, "mark", "v")
                bits = "0" if self.clear else f"T.bitwise_or({word}, {run}[2])"
                out.line(f"{word} = {bits}")


def _scalars(context: Context, names: dict[str, Value]) -> TvmTarget:
    target = scalar_target(context)
    return replace(target, names={**target.names, **names})


def emit_tile_bounds(context: Context, target: TvmTarget) -> dict[str, Value]:
    """Of each set: whether some, and whether all pairs of the candidate `tile` are in it."""
    out, vectors, names = context.out, context.placement.vectors, {}
    rows = context.placement.rows if context.placement.few else context.placement.lanes
    for one in lists_of(context):
        some, every = f"some_{one.name}", f"every_{one.name}"
        out.line(*(f"{b} = T.alloc_buffer((1,), 'int32', {LOCAL})" for b in (some, every)))
        full = (1 << rows) - 1
        out.line(f"{some}[0] = 0", f"{every}[0] = {0 if one.size == 0 else full}")
        with out.block(_each_mark(context, one, target)):
            if one.size:
                out.line(f"mark: T.int32 = {_visited_mark(context, one)}")
            with out.block(f"for v in T.unroll({vectors}):"):
                inside = f"T.And(0 <= mark, mark < width_{one.name})"
                word = f"T.if_then_else({inside}, {word_of(context, one, 'mark', 'v')}, 0)"
                out.line(
                    f"word: T.int32 = {word}",
                    f"{some}[0] = T.bitwise_or({some}[0], word)",
                    f"{every}[0] = T.bitwise_and({every}[0], word)",
                )
        names[f"{one.name}.some"] = Value(f"({some}[0] != 0)", BOOL)
        names[f"{one.name}.all"] = Value(f"({every}[0] == {full})", BOOL)
    return names


def covered(context: Context) -> bool:
    """Whether there are sets, and each has few marks in a visited tile."""
    found = lists_of(context)
    return bool(found) and all(one.covers(context) for one in found)


def _each_mark(context: Context, one: Lists, target: TvmTarget) -> str:
    """The head of a loop over all marks that the candidate tile can have."""
    out, (_, exist) = context.out, context.geometry.candidates(context)
    if one.size == 0:
        values = interval(one.test.value)
        assert values is not None, "a value without bounds"
        low, high = (render(end, target).text for end in (values.low, values.high))
        lowest = f"low_mark_{one.name}"
        out.line(f"{lowest}: T.int32 = T.max(0, {low})")
        return (
            f"for mark in T.serial({lowest}, T.max({lowest}, T.min({high} + 1, width_{one.name}))):"
        )
    rows = f"T.min({context.machine.keys}, {exist})"
    if one.covers(context):
        out.line(f"{_last_row(one)}: T.int32 = {rows} - 1")
        first, last = (_mark_of(context, one, row) for row in ("0", _last_row(one)))
        return f"for j in range(T.if_then_else({first} == {last}, 1, 2)):"
    heads = _heads_apart(context, one)
    return f"for j in range({rows}):" if heads == 1 else f"for j in range({rows} * {heads}):"


def _visited_mark(context: Context, one: Lists) -> str:
    """The mark of row `j` of the candidate tile (of its first or last); of each packed head."""
    heads = _heads_apart(context, one)
    if heads > 1:
        return _mark_of(context, one, f"j // {heads}", f"(h + j % {heads})")
    return _mark_of(context, one, f"j * {_last_row(one)}" if one.covers(context) else "j")


def _heads_apart(context: Context, one: Lists) -> int:
    """How many heads share a tile although an input says other things of them."""
    match one.test.value:
        case Index(base) if "h" in context.inputs[base].axis_names:
            return context.placement.packed
        case _:
            return 1


def _last_row(one: Lists) -> str:
    """The variable of the last row of a candidate tile; a kernel may have several sets."""
    return f"last_row_{one.name}"


def _mark_of(context: Context, one: Lists, row: str, head: str = "h") -> str:
    """The mark of a row of the candidate tile."""
    first, _ = context.geometry.candidates(context)
    row = context.geometry.row(first, row)
    if context.owned is KEYS:
        return chooser_of(one, f"({context.visited.start} + {row})")
    return _value(context, one, context.visited, row, head)


def _value(context: Context, one: Lists, side: Axis, row: str, head: str = "h") -> str:
    """What is looked up of a row of keys: from its position, or a number that an input has."""
    match one.test.value:
        case Index(base):
            return row_element(context, context.inputs[base], side, row, head)
        case value:
            position = Value(f"({side.start} + {row})", INT)
            return render(value, _scalars(context, {"k": position})).text
