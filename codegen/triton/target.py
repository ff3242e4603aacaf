"""How Triton spells the operations of an expression, on numbers and on blocks.

Integer division floors in the language and truncates on a GPU, so powers of two become shifts and
other divisors a helper.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from attnc.codegen.expressions import FLOAT, INT, Value
from attnc.dsl.errors import NotBuiltForTarget
from attnc.dsl.syntax import Exists, Expr, Member

HELPERS = {
    "floor_mod": '''@triton.jit
def floor_mod(a, b):
    """The remainder with the sign of b."""
    r = a % b
    return tl.where((r != 0) & ((r < 0) != (b < 0)), r + b, r)
''',
    "floor_div": '''@triton.jit
def floor_div(a, b):
    """The quotient rounded down."""
    return (a - floor_mod(a, b)) // b
''',
    "draw_place": '''@triton.jit
def draw_place(h, place):
    """A round of MurmurHash3 (x86, 32 bits)."""
    word = tl.cast(place, tl.uint32) * 0xCC9E2D51
    word = ((word << 15) | (word >> 17)) * 0x1B873593
    h = h ^ word
    return ((h << 13) | (h >> 19)) * 5 + 0xE6546B64
''',
    "draw_below": '''@triton.jit
def draw_below(n, h, size: tl.constexpr):
    """The end of MurmurHash3 for `size` bytes, modulo n."""
    h = h ^ size
    h = (h ^ (h >> 16)) * 0x85EBCA6B
    h = (h ^ (h >> 13)) * 0xC2B2AE35
    h = h ^ (h >> 16)
    return tl.cast(h % tl.cast(tl.maximum(n, 1), tl.uint32), tl.int32)
''',
    "listed": '''@triton.jit
def listed(p_bits, mark, words):
    """Whether lists hold marks: bit m % 32 of word m // 32 is that of mark m."""
    inside = (mark >= 0) & (mark < 32 * words)
    word = tl.load(p_bits + (mark >> 5), mask=inside, other=0)
    return ((word >> (mark & 31)) & 1) != 0
''',
    "marked": '''def marked(lists, marks):
    """Lists of numbers [..., n] as bits [..., words], of those from 0 to before `marks`."""
    lists = lists.int().sort(-1).values
    kept = (lists >= 0) & (lists < marks)
    kept[..., 1:] &= lists[..., 1:] != lists[..., :-1]  # a number that comes twice is one bit
    words = lists.new_zeros((*lists.shape[:-1], max(1, -(-marks // 32))))
    places = torch.where(kept, lists >> 5, 0).long()
    return words.scatter_add_(-1, places, torch.where(kept, 1 << (lists & 31), 0))
''',
    "ranked": '''@triton.jit
def ranked(b_s, i_k):
    """Scores and their keys as numbers in that order; of equal scores, the lower key is better."""
    b_i = tl.where(b_s == 0.0, 0.0, b_s).to(tl.int32, bitcast=True)
    b_i = tl.where(b_i < 0, b_i ^ 0x7FFFFFFF, b_i)
    b_n = (b_i.to(tl.int64) << 32) | (0x7FFFFFFF - i_k)[None, :]
    return tl.where(b_s > float("-inf"), b_n, -0x8000000000000000)
''',
    "best_of": '''@triton.jit
def best_of(b_best, b_n, KEPT: tl.constexpr):
    """The best of a list, which ascends, and of a tile: as a list again."""
    b_top = tl.topk(b_n, KEPT)  # descends, so the better of each pair are the best of both
    return tl.bitonic_merge(tl.maximum(b_best, b_top))
''',
    "tokens_of": '''def tokens_of(rows, batch, q_len):
    """The row in k of the token nearest to each row of q [B, Nq]; 0 for rows of no sequence."""
    q_row, k_row, q_start, queries, keys = rows.long().T[..., None]
    row = torch.arange(q_len, device=rows.device)
    place = k_row + (q_start + row - q_row).clamp(min=0).minimum(keys - 1).clamp(min=0)
    found = torch.where((row >= q_row) & (row < q_row + queries), place, 0)
    return found if len(found) == batch else found.sum(0, keepdim=True)
''',
    "placed": '''def placed(sums, axis, tokens, count):
    """Sums [B, ..., Nq, ...] of queries at their tokens; `index_put_` adds in a fixed order."""
    sums = sums.movedim(axis, 1)
    found = sums.new_zeros(sums.shape[0], max(1, count), *sums.shape[2:])
    entries = torch.arange(len(found), device=sums.device)[:, None]
    found.index_put_((entries, tokens.expand(len(found), -1)), sums, accumulate=True)
    return found[:, :count].movedim(1, axis)
''',
    "tanh": '''@triton.jit
def tanh(x):
    """The hyperbolic tangent."""
    return 2.0 * tl.sigmoid(2.0 * x) - 1.0
''',
}


class _Floor(str):
    """A template that writes a shift or a mask where the divisor is a power of two."""

    def format(self, *arguments: object, **_: object) -> str:
        a, b = (str(argument) for argument in arguments)
        if b.isdigit() and int(b).bit_count() == 1:
            power = int(b)
            quotient = f"({a} >> {power.bit_length() - 1})"
            return quotient if self == "floor_div" else f"({a} & {power - 1})"
        return f"{self}({a}, {b})"


OPERATORS: dict[str, str] = {
    **{op: f"({{0}} {op} {{1}})" for op in ("+", "-", "*", "/")},
    **{op: f"({{0}} {op} {{1}})" for op in ("<", "<=", ">", ">=", "==", "!=")},
    "div": _Floor("floor_div"),
    "mod": _Floor("floor_mod"),
    "neg": "(-{0})",
    "and": "({0} & {1})",
    "or": "({0} | {1})",
    "not": "({0} == 0)",
    "where": "tl.where({0}, {1}, {2})",
}
FUNCTIONS = {
    "min": "tl.minimum({0}, {1})",
    "max": "tl.maximum({0}, {1})",
    "abs": "tl.abs({0})",
}
SPECIAL = {
    "exp": "tl.exp({0})",
    "sqrt": "tl.sqrt({0})",
    "log": "tl.log({0})",
    "log2": "tl.log2({0})",
    "tanh": "tanh({0})",
    "sigmoid": "tl.sigmoid({0})",
}

Reader = Callable[[str, tuple[Expr, ...]], Value]
Tester = Callable[[Member], Value]


@dataclass
class TritonTarget:
    """Names and inputs of one place in a kernel. Blocks broadcast, so lanes are always 1."""

    names: Mapping[str, Value]
    reader: Reader
    tester: Tester
    operators: Mapping[str, str] = field(default_factory=lambda: OPERATORS)
    functions: Mapping[str, str] = field(default_factory=lambda: FUNCTIONS)

    def name(self, name: str) -> Value:
        """The value that a name stands for here."""
        return self.names.get(name, Value(name, INT))

    def read(self, base: str, indices: tuple[Expr, ...]) -> Value:
        """An element of an input."""
        return self.reader(base, indices)

    def member(self, test: Member) -> Value:
        """Whether pairs are in a run-time set."""
        return self.tester(test)

    def cast(self, value: Value, dtype: str) -> Value:
        """The value in another dtype; literals have the dtype of what they meet."""
        if value.dtype in (dtype, "literal"):
            return Value(value.text, dtype)
        if value.text.isdigit():
            return Value(f"{value.text}.0", dtype)
        kind = {FLOAT: "tl.float32", INT: "tl.int32"}.get(dtype, "tl.int1")
        return Value(f"tl.cast({value.text}, {kind})", dtype)

    def splat(self, value: Value, lanes: int) -> Value:
        """Blocks broadcast by themselves."""
        return value

    def draw(self, count: Value, places: tuple[Value, ...]) -> Value:
        """A hash of the places."""
        seed, *rest = (place.text for place in places)
        found = f"tl.cast({seed}, tl.uint32)"
        for place in rest:
            found = f"draw_place({found}, {place})"
        return Value(f"draw_below({count.text}, {found}, {4 * len(rest)})", INT)

    def exists(self, expr: Exists) -> Value:
        """Kernels have none: it is written out or decided before."""
        raise AssertionError(f"`exists {expr.variable}` in a kernel")

    def special(self, function: str, arguments: tuple[Value, ...]) -> Value:
        """exp, tanh, ...: on floats."""
        if function not in SPECIAL:
            raise NotBuiltForTarget(f"the function `{function}`", "triton")
        return Value(SPECIAL[function].format(*(a.text for a in arguments)), FLOAT)
