"""Run-time sets and every shipped route through operators of a GPU, in Triton's interpreter."""

from pathlib import Path

from attnc.dsl.loader import shipped_composed, shipped_routes
from tests.interpreter import interpreted
from tests.runtime.test_sets import CASES as SETS

SCRIPT = Path(__file__).with_name("listed.py")


def test_sets_and_routes() -> None:
    names = [*shipped_routes(), *shipped_composed()]
    printed = interpreted(SCRIPT, *names)
    assert printed.count("ok ") == len(names) + len(SETS)
