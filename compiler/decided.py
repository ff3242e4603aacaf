"""Where the bounds of positions decide a condition on a box of pairs, and nothing else is needed.

A box has consecutive queries and the keys of one unit. `intervals.bound` gives two verdicts from
the ends of a box, which are sound. For some conditions they are the truth: whether all pairs, or
some pair, of every box satisfy it. So it is where each end of a number is that of a pair of the
box, as in `k <= q`, and where a number is the same for the whole box.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from attnc.compiler import fold
from attnc.dsl.syntax import Binary, Bool, Call, Compare, Expr, Float, Int, Name, Unary

SWAPPED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "==", "!=": "!="}
MONOTONE = ("min", "max", "clamp")
Link = tuple[str, Expr, Expr]


@dataclass(frozen=True, slots=True)
class Box:
    """What all boxes have in common.

    `alone`: they have one query; `unit`: the keys have one number `k div unit` (0: nothing known).
    """

    alone: bool
    unit: int

    def decides(self, condition: Expr, some: bool) -> bool:
        """Whether the verdict is the truth on all pairs, or (`some`) on some pair of any box.

        Coordinates on a grid have gaps: nothing is known of them here.
        """
        if any(name[:2] in ("q.", "k.") for name in fold.names(condition)):
            return False
        match condition:
            case Bool():
                return True
            case Unary("not", operand):
                return self.decides(operand, not some)
            case Binary("and" | "or" as op, left, right):
                if (op == "or") == some:
                    return self.decides(left, some) and self.decides(right, some)
                settled, decided = self._settled, self.decides
                return (settled(left) and decided(right, some)) or (
                    settled(right) and decided(left, some)
                )
            case Compare():
                links = _links(condition)
                open_ = [link for link in links if not self._same(*link)]
                return len(open_) <= (1 if some else len(links)) and all(
                    _at_ends(*link, some) for link in open_
                )
            case _:
                return False

    def _settled(self, condition: Expr) -> bool:
        """Whether all pairs of a box agree, and the verdict is what they say."""
        match condition:
            case Bool():
                return True
            case Unary("not", operand):
                return self._settled(operand)
            case Binary("and" | "or", left, right):
                return self._settled(left) and self._settled(right)
            case Compare():
                return all(self._same(*link) for link in _links(condition))
            case _:
                return False

    def _same(self, op: str, left: Expr, right: Expr) -> bool:
        """Whether a comparison is the same for all pairs of a box."""
        if self._constant(left) and self._constant(right):
            return True
        match SWAPPED[op] if isinstance(left, Int) else op, left, right:
            case ("<" | ">=", Name("k"), Int(end)) | ("<" | ">=", Int(end), Name("k")):
                return bool(self.unit) and end % self.unit == 0
            case ("<=" | ">", Name("k"), Int(end)) | ("<=" | ">", Int(end), Name("k")):
                return bool(self.unit) and (end + 1) % self.unit == 0
        return False

    def _constant(self, value: Expr) -> bool:
        """Whether a number is the same for all pairs of a box, and its bounds say so."""
        match value:
            case Int() | Float():
                return True
            case Name(name):
                return {"q": self.alone, "k": self.unit == 1}.get(name, True)
            case Binary("div", Name("k"), Int(size)) if self.unit:
                return size > 0 and size % self.unit == 0
            case Binary("div", left, Int(size)):
                return size > 0 and self._constant(left)
            case Binary("+" | "-" | "*", left, right):
                return self._constant(left) and self._constant(right)
            case Unary("-", operand):
                return self._constant(operand)
            case Call("min" | "max" | "clamp" | "abs", arguments):
                return all(map(self._constant, arguments))
            case _:
                return False


def _links(chain: Compare) -> list[Link]:
    """The comparisons of a chain."""
    return list(zip(chain.ops, chain.operands, chain.operands[1:], strict=False))


def _at_ends(op: str, left: Expr, right: Expr, some: bool) -> bool:
    """Whether a comparison of two numbers is decided by their ends, which pairs of a box have.

    Two numbers with gaps may differ though their ranges meet; so equality is decided for all only.
    """
    reads = [n.id for side in (left, right) for n in fold.walk(side) if isinstance(n, Name)]
    once = reads.count("q") <= 1 and reads.count("k") <= 1
    able = op in ("<", "<=", ">", ">=") or op == ("!=" if some else "==")
    return able and once and _monotone((left, right))


def _monotone(values: Sequence[Expr]) -> bool:
    """Whether numbers only rise or only fall with each position that they read."""
    return all(map(_rises, values))


def _rises(value: Expr) -> bool:
    match value:
        case Int() | Float() | Name():
            return True
        case Unary("-", operand):
            return _rises(operand)
        case Binary("+" | "-", left, right):
            return _rises(left) and _rises(right)
        case Binary("*", Int(), other) | Binary("*", other, Int()):
            return _rises(other)
        case Binary("div", left, Int(size)):
            return size > 0 and _rises(left)
        case Call(function, arguments) if function in MONOTONE:
            return _monotone(arguments)
        case _:
            return False
