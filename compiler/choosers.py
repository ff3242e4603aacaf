"""The candidates of choosers as a mask of numbered choosers and units.

A route's `within` and `keep` are sets of pairs of positions. Where the ends of a box of pairs
decide them (`decided.Box`), they are conditions on the numbers of a chooser and of a unit: closed
forms, of which a kernel's loops are made as of any mask.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from attnc.compiler import fold
from attnc.compiler.decided import Box
from attnc.compiler.intervals import bound
from attnc.dsl.syntax import Bool, Expr, Int, Name

Q_FIRST, Q_LAST, K_LAST = "q_first", "q_last", "k_last"  # positions of a call, as run-time ints
OPEN = ("qlen",)  # names that numbers of choosers and units say nothing of


@dataclass(frozen=True, slots=True)
class Numbered:
    """Chooser q has the queries from `q * rows` on, unit k the `size` keys from `k * stride` on.

    Those of the call, that is: from `q_first` to `q_last`, and to `k_last`.
    """

    rows: int
    size: int
    stride: int

    def mask(self, within: Expr | None, keep: Expr | None, some: bool) -> Expr | None:
        """The candidates over `q`, `k` and positions of the call; None where ends do not decide.

        They are in `within` with all pairs, or with `some`, and not all of their pairs in `keep`.
        """
        box = Box(self.rows == 1, self.size if self.size == self.stride else 0)
        found: Expr = Bool(True)
        for part, any_, wanted in ((within, some, True), (keep, False, False)):
            if part is None:
                continue
            if not box.decides(part, any_):
                return None
            verdict = bound(part)
            held = verdict.possible if any_ else verdict.certain
            found = fold.conjunction(found, held if wanted else fold.negation(held))
        return None if fold.names(found) & {*OPEN} else fold.substitute(found, self._corners())

    def _corners(self) -> Mapping[str, Expr]:
        q, k = Name("q"), Name("k")
        ends: dict[str, Expr] = {"q_low": q, "q_high": q, "k_low": k, "k_high": k}
        if self.rows > 1:
            first = fold.binary("*", q, Int(self.rows))
            ends["q_low"] = fold.call("max", (first, Name(Q_FIRST)))
            ends["q_high"] = fold.call("min", (_plus(first, self.rows - 1), Name(Q_LAST)))
        if (self.size, self.stride) != (1, 1):
            ends["k_low"] = fold.binary("*", k, Int(self.stride))
            last = _plus(ends["k_low"], self.size - 1)
            ends["k_high"] = fold.call("min", (last, Name(K_LAST)))
        return {**ends, "len": _plus(Name(K_LAST), 1)}

    def facts(self, names: frozenset[str]) -> tuple[str, ...]:
        """What is known of the positions that a mask reads, in isl's notation."""
        rows, stride = self.rows, self.stride
        known = {
            Q_FIRST: f"0 <= q_first - {rows} q_start < {rows}",
            Q_LAST: f"0 < {rows} q_start + {rows} q_len - q_last <= {rows}",
            K_LAST: f"0 < {stride} k_len - k_last <= {stride}",
        }
        return tuple(fact for name, fact in known.items() if name in names)


def _plus(value: Expr, more: int) -> Expr:
    return fold.binary("+", value, Int(more))
