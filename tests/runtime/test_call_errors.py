"""What a wrong call is told: an `AttnError` that names the argument and both sides."""

from typing import Any

import pytest
import torch

import attnc
from attnc.dsl.errors import (
    DtypeMismatch,
    InvalidValue,
    MissingInput,
    NotBuiltForTarget,
    ShapeMismatch,
    UnknownArgument,
)
from attnc.runtime.operator import Operator
from tests.runtime.tolerance import qkv

Q, K, V = qkv(9, batch=2, heads=4, kv_heads=2)


@pytest.fixture(scope="module")
def causal() -> Operator:
    return attnc.compile("line/causal")


@pytest.fixture(scope="module")
def document() -> Operator:
    return attnc.compile("input/document")


TENSORS: list[tuple[dict[str, Any], type[Exception], str]] = [
    ({"q": Q[0]}, ShapeMismatch, r"`q` has shape \(4, 9, 16\), expected \[B, H, N, D\]"),
    ({"k": K[..., :8]}, ShapeMismatch, "`k` .* 16 columns"),
    ({"k": K[:1]}, ShapeMismatch, "`k` .* batch 2"),
    ({"k": K[:, :, :8]}, ShapeMismatch, r"`v` .* expected batch 2, 2 heads and 8 rows"),
    ({"v": V[:, :1]}, ShapeMismatch, "`v` .* 2 heads"),
    ({"q": Q[:, :3]}, ShapeMismatch, "`k` .* divides the 3 of q"),
    ({"k": K[:, :0], "v": V[:, :0]}, ShapeMismatch, "`k` .* divides the 4 of q"),
    ({"k": K.double()}, DtypeMismatch, "`k` has dtype torch.float64, expected torch.float32"),
    ({"v": V.bfloat16()}, DtypeMismatch, "`v` has dtype torch.bfloat16"),
    ({"q": Q.mT.contiguous().mT}, ShapeMismatch, r"`q` .* not 9: pass q\.contiguous\(\)"),
    ({"k": [[1.0]]}, DtypeMismatch, "`k` has dtype list, expected a tensor"),
    ({"v": None}, DtypeMismatch, "`v` has dtype NoneType, expected a tensor"),
    ({"v": V.repeat(1, 1, 1, 2)[..., ::2]}, ShapeMismatch, r"pass v\.contiguous\(\)"),
]


@pytest.mark.parametrize(("change", "error", "message"), TENSORS)
def test_tensors(
    causal: Operator, change: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message) as found:
        causal(**{"q": Q, "k": K, "v": V} | change)
    assert isinstance(found.value, attnc.AttnError)


@pytest.mark.parametrize("dtype", [torch.int32, torch.bool, torch.complex64])
def test_dtypes(causal: Operator, dtype: torch.dtype) -> None:
    with pytest.raises(
        NotBuiltForTarget, match=rf"dtype {str(dtype)[6:]} is not built .* built are float32"
    ):
        causal(*(x.to(dtype) for x in (Q, K, V)))


KEYWORDS: list[tuple[dict[str, Any], type[Exception], str]] = [
    ({"kv_len": torch.tensor([10, 1])}, InvalidValue, r"is \[10, 1\], .* 0 to the 9 rows of k"),
    ({"kv_len": torch.tensor([-1, 1])}, InvalidValue, "`kv_len`"),
    ({"kv_len": torch.tensor([1.0, 1.0])}, DtypeMismatch, "`kv_len` .* expected int32"),
    ({"q_start": torch.zeros(3, dtype=torch.int32)}, ShapeMismatch, r"`q_start` .* \[2\]"),
    ({"k_start": torch.zeros(2, 1, dtype=torch.int32)}, ShapeMismatch, "`k_start`"),
    ({"k_start": torch.zeros(2)}, DtypeMismatch, "`k_start` .* expected int32"),
    ({"cu_seqlens": torch.tensor([0, 9])}, ShapeMismatch, "`k` .* one packed entry of 9 rows"),
    ({"q_start": 1.5}, DtypeMismatch, "`q_start` has dtype float, expected an int"),
    ({"q_start": 2**40}, InvalidValue, "`position` is 10995.*, expected at most"),
    ({"kv_len": [9, 9]}, DtypeMismatch, "`kv_len` has dtype list, expected a tensor"),
    ({"cu_seqlens": [0, 9]}, DtypeMismatch, "`cu_seqlens` has dtype list, expected a tensor"),
    ({"grid": (3, 3)}, InvalidValue, "declares no grid"),
    ({"doc": torch.zeros(9)}, UnknownArgument, "unknown argument `doc`"),
    (
        {"softmax_scale": 1.0},
        UnknownArgument,
        "unknown argument `softmax_scale`; the spec has no inputs",
    ),
]


@pytest.mark.parametrize(("keywords", "error", "message"), KEYWORDS)
def test_keywords(
    causal: Operator, keywords: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        causal(Q, K, V, **keywords)


PACKED: list[tuple[Any, type[Exception], str]] = [
    ([0, 8], InvalidValue, r"`cu_seqlens` is \[0, 8\], expected offsets that rise from 0 to 9"),
    ([1, 9], InvalidValue, "offsets that rise"),
    ([0, 7, 5, 9], InvalidValue, "offsets that rise"),
    ([[0, 9]], ShapeMismatch, r"`cu_seqlens` .* expected \[S \+ 1\]"),
    (torch.empty(0, dtype=torch.int32), ShapeMismatch, r"expected \[S \+ 1\]"),
    ([0.0, 9.0], DtypeMismatch, "`cu_seqlens` has dtype torch.float32, expected int32"),
]


@pytest.mark.parametrize(("offsets", "error", "message"), PACKED)
def test_offsets(causal: Operator, offsets: Any, error: type[Exception], message: str) -> None:
    q, k, v = (x[0].transpose(0, 1) for x in (Q, K, V))
    with pytest.raises(error, match=message):
        causal(q, k, v, cu_seqlens=torch.as_tensor(offsets))


def test_packed_positions(causal: Operator) -> None:
    q, k, v = (x[0].transpose(0, 1) for x in (Q, K, V))
    ends = torch.tensor([0, 9])
    for name, value in (("q_start", 1), ("k_start", 2), ("kv_len", torch.tensor([9]))):
        with pytest.raises(InvalidValue, match=f"{name}` is given, .* together with `cu_seqlens`"):
            causal(q, k, v, cu_seqlens=ends, **{name: value})


INPUTS: list[tuple[dict[str, Any], type[Exception], str]] = [
    ({}, MissingInput, "input `doc` is missing"),
    ({"doc": None}, MissingInput, "input `doc` is missing"),
    ({"doc": 3}, DtypeMismatch, r"`doc` has dtype int, expected a tensor \[token\]"),
    ({"doc": torch.zeros(9)}, DtypeMismatch, "`doc` .* expected int32 or int64"),
    ({"doc": torch.zeros(8, dtype=torch.int32)}, ShapeMismatch, r"`doc` .* \(8,\), .*token = 9"),
    ({"doc": torch.zeros(3, 9, dtype=torch.int32)}, ShapeMismatch, "leading batch axis of 2"),
    ({"doc": torch.full((9,), 2**31)}, DtypeMismatch, "`doc` .* values that fit in int32"),
    ({"doc": torch.zeros(9, dtype=torch.int32), "dok": None}, UnknownArgument, "`dok`.*doc"),
]


@pytest.mark.parametrize(("inputs", "error", "message"), INPUTS)
def test_inputs(
    document: Operator, inputs: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        document(Q, K, V, **inputs)


def test_numbers() -> None:
    op = attnc.compile("attention a { input reach: int\n mask { q - k < reach } }")
    for value in (1.5, float("inf"), float("nan"), "3", True, torch.tensor([1, 2]), [3]):
        with pytest.raises(DtypeMismatch, match="`reach`"):
            op(Q, K, V, reach=value)
    for value in (2**31 - 1, -(2**31), 2**40, 1e300):
        with pytest.raises(InvalidValue, match=r"`reach` .* expected an int within"):
            op(Q, K, V, reach=value)
    assert op(Q, K, V, reach=10**8).equal(attnc.compile("line/full")(Q, K, V))
    with pytest.raises(MissingInput, match="reach"):
        op(Q, K, V)


def test_a_table_that_is_too_short() -> None:
    op = attnc.compile("score/relative_bias", r=9)
    with pytest.raises(ShapeMismatch, match=r"`table` .* covers the spec's indices, 0 to 18"):
        op(Q, K, V, table=torch.zeros(4, 18))


def test_a_list_of_another_head_count() -> None:
    op = attnc.compile("attention a(spans = [5, 9, 40]) { mask { q - k <= spans[h] } }")
    with pytest.raises(attnc.AttnError, match="`spans` has 3 items for 4 heads"):
        op(Q, K, V)


def test_what_was_fixed_at_compile_time() -> None:
    fixed = {"dtype": "bf16", "head_dim": 8, "heads": 2, "kv_heads": 1}
    messages = {
        "dtype": "torch.bfloat16, which it was compiled for",
        "head_dim": "head_dim 8, which it was compiled for, not 16",
        "heads": "heads 2, which it was compiled for, not 4",
        "kv_heads": "kv_heads 1, which it was compiled for, not 2",
    }
    for name, value in fixed.items():
        with pytest.raises(attnc.AttnError, match=messages[name]):
            attnc.compile("line/causal", **{name: value})(Q, K, V)


def test_what_cannot_be_compiled() -> None:
    with pytest.raises(NotBuiltForTarget, match=r"target `abacus`.*cpu"):
        attnc.compile("line/causal", target="abacus")
    with pytest.raises(NotBuiltForTarget, match="dtype fp8"):
        attnc.compile("line/causal", dtype="fp8")
    with pytest.raises(InvalidValue, match="`layout` is sbhd, expected bhsd or bshd"):
        attnc.compile("line/causal", layout="sbhd")
    with pytest.raises(attnc.AttnError, match="window"):
        attnc.compile("line/mistral", window=3)


def test_refuted_assertions() -> None:
    with pytest.raises(attnc.AttnError, match="`causal` does not hold") as found:
        attnc.compile("attention a { mask window(2)\n assert causal }")
    error = found.value
    assert type(error).__name__ == "AssertionRefuted"
    assert attnc.mask("attention a { mask window(2) }", seq=error.n)[0, error.q, error.k]
    assert error.k > error.q
    with pytest.raises(attnc.AttnError, match="`covers` does not hold"):
        attnc.compile("attention a { mask { k < q } \n assert covers }")
