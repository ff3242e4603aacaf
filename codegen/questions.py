"""Questions that printers ask of a kernel's expressions."""

from collections.abc import Iterable

from xdsl.dialects.builtin import StringAttr

from attnc.compiler.dialects import tile
from attnc.compiler.fold import walk
from attnc.dsl.parser import parse_expression
from attnc.dsl.syntax import Exists, Name


def searches(condition: str) -> bool:
    """Whether a condition asks for a value that inlining could not write out."""
    return any(isinstance(node, Exists) for node in walk(parse_expression(condition)))


def plans_read(visits: Iterable[tile.VisitOp], name: str) -> bool:
    """Whether the plans of the visits mention a name."""
    texts = (
        text.data
        for visit in visits
        for op in visit.plan.walk()
        for text in op.properties.values()
        if isinstance(text, StringAttr)
    )
    return any(Name(name) in walk(parse_expression(text)) for text in texts)
