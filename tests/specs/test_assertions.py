"""What a shipped spec asserts is proved, at its default sizes and at those of the tests."""

import pytest

from attnc.compiler.proofs import proofs_of
from attnc.dsl.loader import load, shipped
from attnc.dsl.printer import format_source
from tests.references import PARAMETERS


@pytest.mark.parametrize("name", shipped())
def test_assertions(name: str) -> None:
    for parameters in ({}, *PARAMETERS[name]):
        bound = load(name).bind(**parameters)
        assert bound.asserts
        for proof in proofs_of(bound, 4, 2):
            assert proof.verdict == "proved", (parameters, proof)


@pytest.mark.parametrize("name", shipped())
def test_formatted(name: str) -> None:
    source = load(name).source
    assert format_source(source) == source.text
    assert source.text.startswith("# ")
