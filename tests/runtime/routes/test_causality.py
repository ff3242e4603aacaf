"""Later tokens that decide an earlier choice are found, whatever the mask hides."""

import pytest

from attnc.dsl.loader import load
from attnc.runtime.routes.causality import leak

SPEC = "route r {{ keys blocks(4) {0} choose top(2) }} attention a {{ mask causal & (r | same) }}"


def test_choices_of_the_past_are_causal() -> None:
    assert leak(load("route/moba").bind()) is None
    assert leak(load(SPEC.format("within causal")).bind()) is None


@pytest.mark.parametrize(
    "clauses",
    [
        "within any causal",  # a block's mean holds later keys
        "queries blocks(8) within causal",  # the mean of the queries holds later ones
        "queries last(4) summary probability within any causal",
        "",
    ],
)
def test_a_look_ahead_is_found(clauses: str) -> None:
    found = leak(load(SPEC.format(clauses)).bind())
    assert found is not None and found.k is not None and found.q < found.k
