"""The code generator: the loops over a set, and the condition to be in one, as plain tuples."""

from dataclasses import dataclass
from typing import Any

import islpy as isl

from attnc.compiler.sets.context import CONTEXT, checked, guard
from attnc.compiler.sets.points import IntegerSet
from attnc.dsl.errors import AnalysisTooComplex

Code = tuple[Any, ...]  # a tree of tuples, see `generate`
Term = int | str | tuple[Any, ...]

_OPERATORS = {
    "add": "+",
    "sub": "-",
    "mul": "*",
    "div": "div",
    "fdiv_q": "div",
    "pdiv_q": "div",
    "pdiv_r": "mod",
    "zdiv_r": "mod",
    "minus": "neg",
    "and_then": "and",
    "or_else": "or",
    "and_": "and",
    "or_": "or",
}


def generate(points: IntegerSet, known: IntegerSet) -> Code:
    """The code that visits each point of a one-dimensional set once, given the known facts.

    `("for", variable, low, comparison, bound, step, body)`, `("if", condition, then, else)`,
    `("block", ...)`, `("visit", tile)`; expressions are ints, names or `(operator, operands..)`.
    """
    with guard():
        schedule = checked(isl.Map.identity(points.raw.get_space().map_from_set()))
        schedule = checked(schedule.intersect_domain(points.raw))
        build = isl.AstBuild.from_context(known.raw.params())
        names = isl.IdList.alloc(CONTEXT, 1).add(isl.Id.read_from_str(CONTEXT, points.dims[0]))
        build = build.set_iterators(names)
        node = build.node_from_schedule_map(isl.UnionMap.from_map(schedule))
        return _code(checked(node))


def membership(points: IntegerSet, known: IntegerSet) -> Term:
    """The condition for a point to be in the set, over its dimensions and parameters."""
    with guard():
        inside = points.as_params(*points.dims).raw.params()
        build = isl.AstBuild.from_context(known.raw.params())
        return _term(checked(build.expr_from_set(checked(inside.compute_divs()))))


@dataclass(frozen=True, slots=True)
class Hull:
    """The least and the greatest point of a one-dimensional set, where it has any.

    `nonempty` is None where it always has.
    """

    low: Term
    high: Term
    nonempty: Term | None


def hull(points: IntegerSet, known: IntegerSet) -> Hull:
    """The interval of a set, over its parameters, given the known facts."""
    with guard():
        raw, facts = points.raw, known.raw.params()
        build = isl.AstBuild.from_context(facts)
        ends = [checked(getattr(raw, f"dim_{end}")(0)) for end in ("min", "max")]
        domain = checked(ends[0].domain())
        simple = [checked(checked(end.gist(facts)).coalesce()) for end in ends]
        low, high = (_term(checked(build.expr_from_pw_aff(end))) for end in simple)
        nonempty = None
        if not checked(facts.is_subset(domain)):
            left = checked(domain.gist(facts).coalesce().compute_divs())
            test = _term(checked(build.expr_from_set(left)))
            nonempty = None if test == 1 else test
        return Hull(low, high, nonempty)


def is_whole(points: IntegerSet, known: IntegerSet) -> bool:
    """Whether a one-dimensional set surely holds all points from its least to its greatest."""
    raw, facts = points.raw, known.raw.params()
    try:
        with guard():
            ends = [checked(getattr(raw, f"dim_{end}")(0)) for end in ("min", "max")]
            space = isl.LocalSpace.from_space(raw.get_space())
            point = isl.PwAff.var_on_domain(space, isl.dim_type.set, 0)
            low, high = (end.add_dims(isl.dim_type.in_, 1) for end in ends)
            between = checked(point.ge_set(low)).intersect(checked(point.le_set(high)))
            return bool(checked(checked(between.intersect_params(facts)).is_subset(raw)))
    except AnalysisTooComplex:
        return False


def _code(node: Any) -> Code:
    match node.get_type():
        case isl.ast_node_type.block:
            children = node.block_get_children()
            return ("block", *(_code(children.get_at(i)) for i in range(children.n_ast_node())))
        case isl.ast_node_type.if_:  # type: ignore[attr-defined]
            other = _code(node.if_get_else_node()) if node.if_has_else_node() else ("block",)
            return ("if", _term(node.if_get_cond()), _code(node.if_get_then_node()), other)
        case isl.ast_node_type.user:
            return ("visit", _term(node.user_get_expr().op_get_arg(1)))
        case isl.ast_node_type.for_:  # type: ignore[attr-defined]
            return _for(node)
        case other:
            raise AnalysisTooComplex(f"isl wrote code of an unknown kind ({other})")


def _for(node: Any) -> Code:
    variable, low = _term(node.for_get_iterator()), _term(node.for_get_init())
    body = _code(node.for_get_body())
    if node.for_is_degenerate():
        return ("for", variable, low, "<=", low, 1, body)
    condition = node.for_get_cond()
    comparison = {"le": "<=", "lt": "<"}[condition.get_op_type().name]
    bound = _term(condition.get_op_arg(1))
    return ("for", variable, low, comparison, bound, _term(node.for_get_inc()), body)


def _term(expr: Any) -> Term:
    match expr.get_type():
        case isl.ast_expr_type.int:
            return int(expr.get_val().to_python())
        case isl.ast_expr_type.id:
            return str(expr.get_id().get_name())
        case _:
            count = range(expr.get_op_n_arg())
            kind = expr.get_op_type().name
            return (_OPERATORS.get(kind, kind), *(_term(expr.get_op_arg(i)) for i in count))
