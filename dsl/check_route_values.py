"""What the values of its parameters make of a route."""

from collections.abc import Iterable, Iterator, Mapping

from attnc.dsl import syntax as ast
from attnc.dsl.diagnostics import Diagnostic
from attnc.dsl.mistakes.routes import RouteValue
from attnc.dsl.route import BoundRoute

POSITIVE = "a positive int"
SHARE = "a number above 0, at most 1"


def route_mistakes(
    bound: Iterable[BoundRoute], routes: Mapping[str, ast.Route]
) -> list[Diagnostic]:
    """Sizes, numbers and shares without a meaning."""
    return [
        RouteValue(route.name, what, str(found), wanted, span=routes[route.name].span)
        for route in bound
        for what, found, wanted in _wrong(route)
    ]


def _wrong(route: BoundRoute) -> Iterator[tuple[str, float, str]]:
    sizes = {"the size": route.size, "the block of queries": route.rows}
    if route.stride != route.size:
        sizes["the stride"] = route.stride
    boxes = {"a side of the boxes": route.box, "a side of the boxes of queries": route.query_box}
    sides = [(what, size) for what, box in boxes.items() for size in box if size is not None]
    yield from ((what, size, POSITIVE) for what, size in (*sizes.items(), *sides) if size < 1)
    for amount in route.amounts:
        if route.rule in ("top", "bottom") and (amount < 1 or amount != int(amount)):
            yield "the number", amount, POSITIVE
        elif route.rule == "top_p" and not 0 < amount <= 1:
            yield "the probability", amount, SHARE
        elif route.rule == "above" and not 0 <= amount < 1:
            yield "the threshold", amount, "a number from 0, below 1"
