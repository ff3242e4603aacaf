"""What the public functions say to arguments of the wrong kind: an error in words."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import attnc
from attnc.dsl.errors import InvalidArtifact, InvalidValue, NotBuiltForTarget
from tests.runtime.tolerance import qkv

TAKES_A_SPEC = ["compile", "reference", "mask", "analyze", "stack", "analyze_stack"]


@pytest.mark.parametrize("function", TAKES_A_SPEC)
@pytest.mark.parametrize("spec", [None, 3, b"line/causal", ["line/causal"], lambda q, k: q >= k])
def test_specs(function: str, spec: Any) -> None:
    with pytest.raises(InvalidValue, match="expected a path, a shipped name"):
        getattr(attnc, function)(spec)


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"heads": "8"}, "`heads` is '8', expected an int, 1 or more"),
    ({"heads": 0}, "`heads` is 0"),
    ({"kv_heads": -1}, "`kv_heads` is -1"),
    ({"heads": 8, "kv_heads": 3}, "expected a number that divides the 8 heads"),
    ({"head_dim": True}, "`head_dim` is True"),
    ({"head_dim": 64.0}, "`head_dim` is 64.0"),
    ({"layout": None}, "`layout` is None, expected bhsd or bshd"),
]


@pytest.mark.parametrize(("given", "message"), WRONG)
def test_options(given: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidValue, match=message):
        attnc.compile("line/causal", **given)


@pytest.mark.parametrize("dtype", ["int8", torch.int8])
def test_dtypes(dtype: Any) -> None:
    message = "dtype int8 is not built for target `cpu`; built are float32, float64, bfloat16"
    with pytest.raises(NotBuiltForTarget, match=message):
        attnc.compile("line/causal", dtype=dtype)
    with pytest.raises(NotBuiltForTarget, match="target `None`"):
        attnc.compile("line/causal", target=None)  # type: ignore[arg-type]


@pytest.mark.parametrize("function", ["mask", "analyze"])
@pytest.mark.parametrize("length", ["8", -1, 2.0])
def test_lengths(function: str, length: Any) -> None:
    with pytest.raises(InvalidValue, match="expected an int, 0 or more"):
        getattr(attnc, function)("line/causal", seq=length)


def test_names_are_suggested() -> None:
    with pytest.raises(attnc.AttnError, match="did you mean `sinks`"):
        attnc.compile("line/streaming_llm", sink=3)
    with pytest.raises(attnc.AttnError, match="did you mean `doc`"):
        attnc.mask("input/document", seq=3, docs=[0, 0, 1])
    with pytest.raises(attnc.AttnError, match="given when the operator is called"):
        attnc.compile("input/document", doc=[0, 0, 1])
    operator, tensors = attnc.compile("input/document"), qkv(3)
    with pytest.raises(attnc.AttnError, match="the inputs are doc; did you mean `doc`"):
        operator(*tensors, docs=torch.zeros(3, dtype=torch.int32))
    with pytest.raises(attnc.AttnError, match="did you mean `scale`"):
        operator(*tensors, scales=1.0)


def test_call() -> None:
    tensors = qkv(4)
    with pytest.raises(attnc.AttnError, match="`scale` has dtype str, expected a number"):
        attnc.compile("line/causal")(*tensors, scale="x")
    for grid in ("2x2", 4, (2.0, 2), (True, 4)):
        with pytest.raises(InvalidValue, match="expected an int for each axis"):
            attnc.compile("grid/natten2d")(*tensors, grid=grid)


def test_numpy_integers_are_parameters() -> None:
    assert attnc.compile("line/mistral", w=np.int64(8)).parameters == {"w": 8}


def test_artifacts(tmp_path: Path) -> None:
    for place in (None, 3, tmp_path):
        with pytest.raises(InvalidArtifact):
            attnc.load(place)
