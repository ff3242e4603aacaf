"""A mask with and without the pairs that one of its masks gives it."""

from dataclasses import replace

from attnc.dsl import syntax as ast


def grows_with(body: ast.SetExpr, name: str) -> bool:
    """Whether more pairs in the mask `name` never take a pair from the set."""
    match body:
        case ast.SetBinary("-", left, right):
            return grows_with(left, name) and not calls_of(right, name)
        case ast.SetBinary(_, left, right):
            return grows_with(left, name) and grows_with(right, name)
        case ast.When(inner, _) | ast.OnAxis(inner, _):
            return grows_with(inner, name)
        case ast.Complement(inner):
            return not calls_of(inner, name)
        case _:
            return True


def calls_of(body: ast.SetExpr, name: str) -> bool:
    """Whether a set calls the mask `name`."""
    return with_calls(body, name, f"{name}.none") != body


def with_calls(body: ast.SetExpr, name: str, other: str) -> ast.SetExpr:
    """The set with the calls of one mask turned to another of the same parameters."""
    match body:
        case ast.SetCall(called) if called == name:
            return replace(body, name=other)
        case ast.SetBinary(op, left, right):
            parts = (with_calls(part, name, other) for part in (left, right))
            return ast.SetBinary(op, *parts, span=body.span)
        case ast.Complement(inner) | ast.When(inner, _) | ast.OnAxis(inner, _):
            changed = with_calls(inner, name, other)
            field = "body" if isinstance(body, ast.When) else "operand"
            return replace(body, **{field: changed})  # type: ignore[arg-type]
        case _:
            return body
