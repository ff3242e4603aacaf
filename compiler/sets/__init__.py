"""Sets of integer points: the only package that imports islpy.

An `IntegerSet` is a set over named dimensions and named parameters. Every query runs under a
limit on isl's operations and ends in `AnalysisTooComplex` where isl gives up, whichever way it
says so (an exception, or None). isl contexts are not thread-safe: one context, one lock.
"""

from attnc.compiler.sets.code import Code, Hull, Term, generate, hull, is_whole, membership
from attnc.compiler.sets.context import OPERATIONS, guard
from attnc.compiler.sets.pieces import Piece
from attnc.compiler.sets.points import IntegerSet, context, parse
from attnc.compiler.sets.space import Affine, Space

__all__ = [
    "OPERATIONS",
    "Affine",
    "Code",
    "Hull",
    "IntegerSet",
    "Piece",
    "Space",
    "Term",
    "context",
    "generate",
    "guard",
    "hull",
    "is_whole",
    "membership",
    "parse",
]
