"""Gradients of inputs: sums over the pairs that read an element.

A read that does not depend on the visited row adds up in one number per owned row and is added to
the tensor once per tile; any other is added pair by pair. Each thread has a copy of the gradient.
"""

from dataclasses import dataclass

from attnc.codegen.expressions import INT, Value
from attnc.codegen.tvm.context import Context
from attnc.codegen.tvm.lanes import Spot, places, spot_target
from attnc.compiler import fold
from attnc.compiler.dialects import tile
from attnc.dsl.parser import parse_expression
from attnc.dsl.syntax import Index


@dataclass(frozen=True)
class Collected:
    """One read of an input whose gradient is wanted; `number` tells the reads apart."""

    context: Context
    op: tile.CollectOp
    number: int

    @property
    def part(self) -> str:
        """Its part of the scratch: a number per owned row, or one vector."""
        return f"d_read_{self.number}"

    @property
    def by_row(self) -> bool:
        """Whether the visited row takes no part in the place."""
        read = fold.names(parse_expression(self.op.place.data))
        return self.context.visited.name not in {name.partition(".")[0] for name in read}

    def size(self) -> int:
        """The numbers that the part holds."""
        return self.context.rows if self.by_row else self.context.machine.lanes

    def emit_start(self) -> None:
        """Before the first visit."""
        context = self.context
        if self.by_row:
            with context.out.block(f"for r in range({context.rows}):"):
                context.out.line(f"f[{self.part}_at + r] = {context.real.constant(0.0)}")

    def emit_add(self, value: str) -> None:
        """Add a vector of pairs, number `v` of the owned tile."""
        out, lanes = self.context.out, self.context.machine.lanes
        if self.by_row:
            place = self.context.part(self.part, f"v * {lanes}")
            out.line(f"{place} = {place} + {value}")
            return
        out.line(f"{self.context.part(self.part)} = {value}")
        with out.block(f"for lane in range({lanes}):"):
            self._emit_element(f"v * {lanes} + lane", f"f[{self.part}_at + lane]")

    def emit_finish(self) -> None:
        """After the last visit."""
        if self.by_row:
            with self.context.geometry.existing(self.context):
                self._emit_element("r", f"f[{self.part}_at + r]")

    def _emit_element(self, offset: str, value: str) -> None:
        """Add one number at the place of one pair."""
        context, name, out = self.context, self.op.target.data, self.context.out
        position = context.geometry.emit_point(context, offset)
        read = parse_expression(self.op.place.data)
        indices = read.indices if isinstance(read, Index) else ()
        spot = Spot("row", offset, position, 1)
        target = spot_target(context, spot)
        found = places(context, target, context.inputs[name], indices, spot)
        terms = [Value("worker", INT), Value(context.entry, INT), *found]
        steps = (f"T.Cast('int64', {p.text}) * d_{name}_s{axis}" for axis, p in enumerate(terms))
        at = out.bind("at", " + ".join(steps))
        out.line(f"d_{name}[{at}] = d_{name}[{at}] + {value}")


def collected(context: Context) -> dict[tile.CollectOp, Collected]:
    """The reads of the kernel, by operation; the same read of two visits has one part."""
    known: dict[tuple[str, str], int] = {}
    found: dict[tile.CollectOp, Collected] = {}
    for visit in context.visits:
        for op in visit.each.block.ops:
            if isinstance(op, tile.CollectOp):
                number = known.setdefault((op.target.data, op.place.data), len(known))
                found[op] = Collected(context, op, number)
    return found


def gradients(context: Context) -> tuple[str, ...]:
    """The inputs whose gradients the kernel adds up, in the order of the spec."""
    wanted = {op.target.data for op in collected(context)}
    return tuple(name for name in context.inputs if name in wanted)
