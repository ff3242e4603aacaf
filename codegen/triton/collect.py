"""Gradients of inputs: what the kernels leave, and how the host adds it up.

No two programs write the same element. A read at most one side of which is a position is summed for
each row of that side, head and sequence; a read of an element by a pair of its own is stored pair
by pair. Where the place is computed, as in `table[h, clamp(k - q, -r, r) + r]`, each program sums
up a table of its own, and the host adds those.
"""

from dataclasses import dataclass, replace

from attnc.codegen.triton.context import Context
from attnc.compiler import fold
from attnc.compiler.derivative import ONE, derivative, reads
from attnc.compiler.dialects import tile
from attnc.compiler.dialects.inputs import InputAttr
from attnc.compiler.ranges import reach
from attnc.dsl.errors import NotBuiltForTarget
from attnc.dsl.parser import parse_expression
from attnc.dsl.printer import print_expr
from attnc.dsl.syntax import Binary, Expr, Index, Name

MOST_ENTRIES = 4096  # of a table that a program keeps in its registers


@dataclass(frozen=True, slots=True)
class Collected:
    """One read of an input whose gradient is wanted; `slope` where it is the sink's.

    Of one whose place is computed, `entries` are the elements that it can be, from the first.
    """

    name: str
    place: str
    value: str
    number: int
    slope: Expr | None = None
    entries: int = 0

    @property
    def label(self) -> str:
        """What its sums are called."""
        return f"d_{self.name}_{self.number}"

    @property
    def signature(self) -> dict[str, str]:
        """The arguments of a kernel for its sums [b, h, rows...], with their types."""
        axes = "bht" if self.computed else "bhq" if self.by_pair else "bh"
        strides = {f"{self.label}_s{axis}": "i32" for axis in axes}
        return {f"p_{self.label}": "*fp32", **strides}

    @property
    def first(self) -> str:
        """Where the sums of a sequence and head begin."""
        return " + ".join(f"tl.cast({axis}, tl.int64) * {self.label}_s{axis}" for axis in "bh")

    @property
    def axes(self) -> frozenset[str]:
        """The positions that the place depends on."""
        return frozenset({"q", "k"}) & fold.names(parse_expression(self.place))

    @property
    def by_pair(self) -> bool:
        """Whether each pair reads an element of its own."""
        return len(self.axes) == 2 and not self.computed

    @property
    def computed(self) -> bool:
        """Whether pairs share elements as a computed index says."""
        return self.entries > 0

    @property
    def block(self) -> int:
        """The numbers of the table that a program has."""
        return max(16, 1 << (self.entries - 1).bit_length())

    @property
    def index(self) -> Expr:
        """The computed index, which is the last."""
        read = parse_expression(self.place)
        assert isinstance(read, Index)
        return read.indices[-1]

    @property
    def by_row(self) -> bool:
        """Whether at most the owned position matters."""
        return not self.by_pair and not self.computed

    @property
    def visited(self) -> bool:
        """Whether visits add to its sums; the sink's are known before."""
        return not self.by_pair and self.slope is None

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
    return [_checked(one, context.inputs[one.name]) for one in found]


def _number(value: Expr, name: str) -> list[Name]:
    return [Name(name)] if name in fold.names(value) else []


def _checked(one: Collected, attr: InputAttr) -> Collected:
    """The read with the entries of its table; computed indices are refused beside rows."""
    read = parse_expression(one.place)
    indices = read.indices if isinstance(read, Index) else ()
    axes = [*zip(attr.axis_names, indices, strict=True)]
    if not axes or axes[-1][0] != "d":
        return one
    rows = {index.id for axis, index in axes[:-1] if isinstance(index, Name)} & {"q", "k"}
    if rows or one.slope is not None:
        raise NotBuiltForTarget(f"the gradient of `{one.place}`, by row and place,", "triton")
    most = reach(axes[-1][1]).high
    if most >= MOST_ENTRIES:
        feature = f"the gradient of `{one.place}` (a table of more than {MOST_ENTRIES} elements)"
        raise NotBuiltForTarget(feature, "triton")
    return replace(one, entries=int(most) + 1)


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
    rows = "td" if one.computed else rows
    kept, heads = "", "h"
    for axis, index in zip(attr.axis_names, indices, strict=True):
        if axis == "hkv":
            kept, heads = kept + "j", "jg"
        elif axis == "d":
            kept += "d"
        else:
            assert isinstance(index, Name)
            kept += index.id
    batch = "" if "b" in kept else "b"
    return f"b{heads}{rows}->{batch}{kept}", heads
