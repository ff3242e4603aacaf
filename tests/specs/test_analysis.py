"""Every spec of one axis, of a grid or with run-time sets is analysed at the size it is made for.

`make bench` has the seconds.
"""

import pytest

from attnc.compiler.analysis import StackAnalysis
from attnc.compiler.proofs import proofs_of
from attnc.dsl.loader import all_shipped, load
from benchmarks.analyses import analysed

FAMILIES = ("line/", "grid/", "input/")


@pytest.mark.parametrize("name", [name for name in all_shipped() if name.startswith(FAMILIES)])
def test_analysis(name: str) -> None:
    found = analysed(name)
    for one in found.layers if isinstance(found, StackAnalysis) else [found]:
        assert 0 < one.at_most <= one.heads * one.q_len * one.kv_len


def test_reaching_all_of_131072_tokens() -> None:
    bound = load("line/power_attention").bind()
    verdicts = {proof.assertion: proof.verdict for proof in proofs_of(bound, 8, 8)}
    assert verdicts["reaches(17, 131072)"] == "proved"
