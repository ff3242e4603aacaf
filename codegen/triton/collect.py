"""Gradients of inputs: what the kernels leave, and how the host adds it up.

No two programs write the same element. A read at most one side of which is a position is summed for
each row of that side, head and sequence; a read of an element by a pair of its own is stored pair
by pair.
"""

from dataclasses import dataclass

from attnc.codegen.triton.context import Context
from attnc.compiler import fold
from attnc.compiler.derivative import ONE, derivative, reads
from attnc.compiler.dialects import tile
from attnc.compiler.dialects.inputs import InputAttr
from attnc.dsl.errors import NotBuiltForTarget
from attnc.dsl.parser import parse_expression
from attnc.dsl.printer import print_expr
from attnc.dsl.syntax import Binary, Expr, Index, Name


@dataclass(frozen=True, slots=True)
class Collected:
    """One read of an input whose gradient is wanted; `slope` where it is the sink's."""

    name: str
    place: str
    value: str
    number: int
    slope: Expr | None = None

    @property
    def label(self) -> str:
        """What its sums are called."""
        return f"d_{self.name}_{self.number}"

    @property
    def axes(self) -> frozenset[str]:
        """The positions that the place depends on."""
        return frozenset({"q", "k"}) & fold.names(parse_expression(self.place))

    @property
    def by_row(self) -> bool:
        """Whether at most the owned position matters."""
        return len(self.axes) < 2

    @property
    def visited(self) -> bool:
        """Whether visits add to its rows; the sink's are known before."""
        return self.by_row and self.slope is None

    def is_of(self, op: tile.CollectOp) -> bool:
        """Whether an operation, in any visit, is this read."""
        return (op.place.data, op.value.data) == (self.place, self.value)


def collects(context: Context) -> list[Collected]:
    """The reads of a backward kernel, each once; those of the sink where queries are owned."""
    ops = [op for op in context.kernel.walk() if isinstance(op, tile.CollectOp)]
    keys = dict.fromkeys((op.target.data, op.place.data, op.value.data) for op in ops)
    side = 0 if context.owner == "q" else 100
    found = [Collected(*key, side + i) for i, key in enumerate(keys)]
    if context.sink is not None and context.owner == "q":
        for name in context.wanted:
            for read in reads(context.sink, name) or _number(context.sink, name):
                slope = derivative(context.sink, read)
                text = print_expr(read)
                found.append(Collected(name, text, "sink", side + len(found), slope))
    for one in found:
        _check(one, context.inputs[one.name])
    return found


def _number(value: Expr, name: str) -> list[Name]:
    return [Name(name)] if name in fold.names(value) else []


def _check(one: Collected, attr: InputAttr) -> None:
    """Refuse places that are computed: several pairs of several programs share an element."""
    read = parse_expression(one.place)
    indices = read.indices if isinstance(read, Index) else ()
    for axis, index in zip(attr.axis_names, indices, strict=True):
        if axis != "hkv" and not (isinstance(index, Name) and index.id in "hbqk"):
            raise NotBuiltForTarget(f"the gradient of `{one.place}`", "triton")


def sink_term(slope: Expr) -> Expr:
    """The gradient that the sink's logit gets from a row, times the derivative of a read."""
    return Name("g") if slope == ONE else Binary("*", Name("g"), slope)


def reduction(one: Collected, attr: InputAttr) -> tuple[str, str]:
    """How sums [b, h, rows...] become the gradient: the subscripts of an einsum, and the side.

    `j` is the head of the keys and `g` its queries' heads.
    """
    read = parse_expression(one.place)
    indices = read.indices if isinstance(read, Index) else ()
    rows = "qk" if len(one.axes) == 2 else "".join(one.axes) or "q"
    kept, heads = "", "h"
    for axis, index in zip(attr.axis_names, indices, strict=True):
        if axis == "hkv":
            kept, heads = kept + "j", "jg"
        else:
            assert isinstance(index, Name)
            kept += index.id
    batch = "" if "b" in kept else "b"
    return f"b{heads}{rows}->{batch}{kept}", heads
