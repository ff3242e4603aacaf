"""Online softmax of visited rows whose scores lie in the lanes, with their state in scratch.

A register of scores is of one row, so that the greatest of a row and its sum are found across
lanes: for as many rows as lanes at a time, by a tree of shuffles that leaves one number for each
row. Units of the scores and the number for masked ones are those of `softmax`.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from attnc.codegen.tvm.context import Context
from attnc.codegen.tvm.softmax import power
from attnc.codegen.tvm.transpose import fold_lanes

LANES = "across"  # the part of the scratch for as many vectors as lanes


def softmax_parts(context: Context) -> dict[str, int]:
    """The state of the rows of a chunk, and one vector for each of as many rows as lanes."""
    m = context.machine
    rows = dict.fromkeys(("maximum", "total", "rescale"), m.chunk * m.keys)
    return rows | {LANES: m.lanes * m.lanes}


def emit_row_softmax(context: Context) -> None:
    """Turn the scores of a chunk into weights, and move the maximum, sum and rescale factors."""
    out, m = context.out, context.machine
    rows = f"(tiles_now * {m.keys} + {m.lanes - 1}) // {m.lanes}"
    with out.block(f"for block in range({rows}):"):
        maximum, total, rescale = (
            context.part(name, f"block * {m.lanes}") for name in ("maximum", "total", "rescale")
        )
        with _each_row(context) as scores:
            _emit_kept(context, _folded(scores, "T.max({0}, {1})"))
        top = out.bind("top", f"T.max({maximum}, {_across(context, 'T.max({0}, {1})')})")
        out.line(f"{rescale} = {power(context, f'({maximum} - {top})', m.real)}")
        out.line(f"{maximum} = {top}")
        with _each_row(context) as scores:
            highest = f"T.broadcast(f[maximum_at + block * {m.lanes} + i], {m.lanes})"
            highest = out.bind("highest", highest)
            weights = [power(context, f"({s} - {highest})", m.real) for s in scores]
            weights = [out.bind("w", weight) for weight in weights]
            out.line(*(f"{s} = {w}" for s, w in zip(scores, weights, strict=True)))
            _emit_kept(context, _folded(weights, "({0} + {1})"))
        out.line(f"{total} = {total} * {rescale} + {_across(context, '({0} + {1})')}")


@contextmanager
def _each_row(context: Context) -> Iterator[list[str]]:
    """A loop over as many rows `i` as lanes, and the vectors of scores of each."""
    m, rows = context.machine, context.rows
    with context.out.block(f"for i in range({m.lanes}):"):
        first = f"(block * {m.lanes} + i) * {rows}"
        yield [context.part("scores", f"{first} + {v * m.lanes}") for v in range(m.vectors)]


def _emit_kept(context: Context, vector: str) -> None:
    context.out.line(f"{context.part(LANES, f'i * {context.machine.lanes}')} = {vector}")


def _folded(values: list[str], combine: str) -> str:
    """Values combined as a tree."""
    while len(values) > 1:
        pairs = zip(values[::2], values[1::2], strict=False)
        rest = values[len(values) // 2 * 2 :]
        values = [combine.format(a, b) for a, b in pairs] + rest
    return values[0]


def _across(context: Context, combine: str) -> str:
    """A vector whose lane i combines the lanes of the i-th vector that was kept."""
    lanes = context.machine.lanes
    kept = [context.part(LANES, f"{i * lanes}") for i in range(lanes)]
    return fold_lanes(context, [context.out.bind("x", one) for one in kept], combine)
