"""What can be said of pooled keys once the parameters have values."""

from collections.abc import Mapping

from attnc.dsl import syntax as ast
from attnc.dsl.branch_forms import branches, pooled
from attnc.dsl.constants import ConstantError, Value, evaluate
from attnc.dsl.diagnostics import Diagnostic
from attnc.dsl.mistakes.branches import PoolValue


def branch_mistakes(attention: ast.Attention, values: Mapping[str, Value]) -> list[Diagnostic]:
    """Windows without a size or a stride."""
    mistakes: list[Diagnostic] = []
    for branch in branches(attention):
        given = pooled(branch)
        for part in ("size", "stride") if given else ():
            value = _value(given[part], values)
            if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value < 2**31:
                mistakes.append(PoolValue(part, str(value), span=given[part].span))
    return mistakes


def _value(expr: ast.Expr, values: Mapping[str, Value]) -> Value | None:
    try:
        return evaluate(expr, values)
    except ConstantError:
        return None
