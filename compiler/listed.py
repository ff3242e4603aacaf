"""How a mask asks the lists of its run-time sets, and which of them are no more than flags.

A set without an axis of queries that is asked about keys only, `k in cols[h]`, or about queries
only, is a flag for each key (query): its test becomes that of an int input.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from attnc.compiler import fold
from attnc.compiler.inline import mask_condition
from attnc.dsl import syntax as ast
from attnc.dsl.errors import NotBuiltForTarget

if TYPE_CHECKING:
    from attnc.dsl.program import Bound

POSITIONS = ("q", "k")


def tests(bound: "Bound", heads: int | None, kv_heads: int | None) -> dict[str, ast.Member]:
    """The one test of each set; raises `NotBuiltForTarget` where a set is asked in two ways."""
    if not any(given.dtype == "set" for given in bound.inputs.values()):
        return {}
    found: dict[str, ast.Member] = {}
    for node in fold.walk(mask_condition(bound, heads, kv_heads)):
        if isinstance(node, ast.Member) and found.setdefault(node.base, node) != node:
            raise NotBuiltForTarget(f"two different tests of the set `{node.base}`", "cpu")
    return found


def flag_axis(test: ast.Member, axes: tuple[str, ...]) -> str | None:
    """`q` or `k` where a set is asked about that side only; None where it has lists."""
    read = [name for name in POSITIONS if name in fold.names(test.value)]
    return read[0] if "q" not in axes and len(read) == 1 else None


def as_flags(condition: ast.Expr, inputs: Mapping[str, ast.Input]) -> ast.Expr:
    """The condition with the tests of flags as comparisons."""
    match condition:
        case ast.Member(_, base, indices):
            axis = flag_axis(condition, inputs[base].axes)
            if axis is None:
                return condition
            read = ast.Index(base, (*indices, ast.Name(axis)))
            return ast.Compare(("==",), (read, ast.Int(1)))
        case _:
            return fold.rebuilt(condition, lambda part: as_flags(part, inputs))


def chooser(test: ast.Member, axes: tuple[str, ...]) -> int:
    """How many queries share a list; 0 where lists are not of queries."""
    if "q" not in axes:
        return 0
    match test.indices[axes.index("q")]:
        case ast.Binary("div", _, ast.Int(size)):
            return size
        case _:
            return 1
