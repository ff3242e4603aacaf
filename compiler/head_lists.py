"""Lists with an item for each head, `at(list, h)`, in formulas that are to be affine."""

from collections.abc import Iterator, Sequence
from functools import reduce

from attnc.compiler import fold
from attnc.dsl import syntax as ast

AT = "at"  # the function that `list[h]` becomes: at(List, h)


def by_head(test: ast.Compare) -> ast.Expr:
    """The comparison; if an item divides, or multiplies what varies, written out for each value.

    `k mod ds[h] == 0` is `0 <= h <= 2 and k mod 4 == 0 or 3 <= h <= 3 and k mod 5 == 0`.
    """
    if not any(map(_needs_constant, fold.walk(test))):
        return fold.compare(test.ops, test.operands)
    items = (_items(node) for node in fold.walk(test))
    lists = dict.fromkeys(one for one in items if one is not None)
    heads: dict[tuple[ast.Expr, ...], list[int]] = {}
    for head, values in enumerate(zip(*lists, strict=False)):
        heads.setdefault(values, []).append(head)
    chosen = ((numbers, _chosen(test, numbers[0])) for numbers in heads.values())
    cases = (fold.conjunction(_one_of(numbers), one) for numbers, one in chosen)
    return reduce(fold.disjunction, cases)


def _items(node: ast.Expr) -> tuple[ast.Expr, ...] | None:
    """The list, where the node is the item of the head."""
    match node:
        case ast.Call("at", (ast.List(items), _)):
            return items
        case _:
            return None


def _reads_item(expr: ast.Expr) -> bool:
    return any(_items(node) is not None for node in fold.walk(expr))


def _needs_constant(node: ast.Expr) -> bool:
    """Whether an item stands where only a constant may, as the list has several values."""
    match node:
        case ast.Binary("div" | "mod", _, right):
            return _reads_item(right)
        case ast.Binary("*", left, right) if _reads_item(node):
            return all(fold.names(side) for side in (left, right))
        case _:
            return False


def _one_of(heads: Sequence[int]) -> ast.Expr:
    """`h` is one of these, ascending; neighbours are a range."""
    runs: list[list[int]] = []
    for head in heads:
        if runs and runs[-1][-1] == head - 1:
            runs[-1].append(head)
        else:
            runs.append([head])
    tests: Iterator[ast.Expr] = (
        fold.compare(("<=", "<="), (ast.Int(run[0]), ast.Name("h"), ast.Int(run[-1])))
        for run in runs
    )
    return reduce(fold.disjunction, tests)


def _chosen(expr: ast.Expr, head: int) -> ast.Expr:
    """The expression with the items of a head."""
    items = _items(expr)
    if items is not None:
        return items[head]
    return fold.rebuilt(expr, lambda part: _chosen(part, head))
