"""Run-time sets: whether pairs are in the lists of a call.

The host turns lists into bits: bit m mod 32 of word m div 32 of a list says that it holds m. A pair
asks for one bit; where tiles are listed, a tile asks for those of its marks.
"""

from attnc.codegen.expressions import BOOL, INT, Value
from attnc.codegen.triton.context import Context
from attnc.codegen.triton.lines import tidy
from attnc.compiler import fold
from attnc.compiler.intervals import interval
from attnc.dsl.parser import parse_expression
from attnc.dsl.printer import print_expr
from attnc.dsl.syntax import Binary, Int, Name

# What the host knows of the positions of a call; a table says where the queries of sequences lie.
ENDS = {"k_low": "0", "k_high": "k_len - 1", "len": "k_len"}
QUERIES = {"q_low": "k_len - q_len", "q_high": "k_len - 1", "qlen": "q_len"}
CROSS = {"q_low": "0", "q_high": "q_len - 1", "qlen": "q_len"}


def marks(context: Context, name: str) -> str:
    """How many marks pairs may ask of a set: from lengths, else the lists on the GPU are asked."""
    if name not in context.set_tests:
        return "0"
    found = interval(context.set_tests[name].value)
    known = dict(ENDS)
    if not context.sequences:
        known |= CROSS if context.kernel.cross.value.data else QUERIES
    if found is None or not fold.names(found.high) <= {*known}:
        return f"int({name}.max()) + 1 if {name}.numel() else 0"
    ends = {end: parse_expression(text) for end, text in known.items()}
    text = tidy(print_expr(fold.substitute(found.high, ends)).replace(" div ", " // "))
    return text.removesuffix(" - 1") if text.endswith(" - 1") else f"{text} + 1"


def emit_tile_bounds(context: Context) -> dict[str, Value]:
    """Of each set: whether some, and whether all pairs of the candidate tile are in it."""
    found = {}
    for name, test in context.set_tests.items():
        rows, columns, exist = "q[:, None]", "k[None, :]", "m_q[:, None] & m_k[None, :]"
        match test.value:
            case Binary("div", Name("k"), Int(size)) if size > 1 and not context.grid:
                columns, exist = _marks(context, size), "m_q[:, None]"
        inner = context.with_names({"q": Value(rows, INT), "k": Value(columns, INT)})
        out = context.out
        out.let(f"in_{name}", inner.target.member(test).text)
        out.line(
            f"some_{name} = tl.max(tl.where({exist}, tl.cast(in_{name}, tl.int32), 0)) != 0",
            f"all_{name} = tl.min(tl.where({exist}, tl.cast(in_{name}, tl.int32), 1)) != 0",
        )
        found[f"{name}.some"] = Value(f"some_{name}", BOOL)
        found[f"{name}.all"] = Value(f"all_{name}", BOOL)
    return found


def _marks(context: Context, size: int) -> str:
    """A key of each unit of `size` keys that a tile of keys meets."""
    keys = context.rows("k")
    units = 1 << (-(-keys // size)).bit_length()  # one more than fit, rounded up to a power of two
    last = f"tl.minimum((c + 1) * {keys}, k_len) - 1"
    return f"tl.minimum(c * {keys} + tl.arange(0, {units}) * {size}, {last})[None, :]"
