"""What routes choose at a call, against the oracle: other code for the same definition."""

from types import SimpleNamespace
from typing import Any, cast

import pytest
import torch
from torch import Tensor

import attnc
from attnc.dsl.loader import load
from attnc.dsl.parser import parse_expression
from attnc.runtime.calls.call import bind_call
from attnc.runtime.routes.choose import best
from attnc.runtime.routes.regions import Region
from attnc.runtime.routes.select import select

HEADS, KV_HEADS, N, DIM = 4, 2, 70, 16


def spec(inputs: str = "", **clauses: str) -> str:
    """A spec with one route `r`; clauses that are not given are left out."""
    said = {"keys": "blocks(8)", "choose": "top(3)", "within": "causal"} | clauses
    body = " ".join(f"{word.replace('_', ' ')} {text}" for word, text in said.items() if text)
    return f"route r {{ {body} }} attention a {{ {inputs} mask causal & r }}"


def operands(batch: int = 2, q_len: int = N, seed: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    shapes = ((HEADS, q_len), (KV_HEADS, N), (KV_HEADS, N))
    q, k, v = (torch.randn(batch, *shape, DIM, generator=generator) for shape in shapes)
    return q.double(), k.double(), v.double()


def assert_as_defined(source: str, tensors: Any = None, inputs: Any = None, **call: Any) -> None:
    q, k, v = operands() if tensors is None else tensors
    inputs = inputs or {}
    _, wanted = attnc.reference(source)(q, k, v, return_routes=True, **call, **inputs)
    bound = load(source).bind()
    found = select(bound, bind_call(bound, q, k, v, inputs=inputs, **call), inputs, {})
    width = max(wanted["r"].shape[-1], found["r"].shape[-1])
    ours, theirs = (
        torch.nn.functional.pad(x["r"], (0, width - x["r"].shape[-1]), value=-1)
        for x in (found, wanted)
    )
    assert bool((theirs >= 0).any())
    torch.testing.assert_close(ours, theirs, rtol=0, atol=0)


@pytest.mark.parametrize("summary", ["mean", "max", "minmax", "first", "last", "mean_sqrt"])
@pytest.mark.parametrize("keys", ["blocks(8)", "blocks(16, 8)", "blocks(7, 5)", "token"])
def test_units_and_summaries(keys: str, summary: str) -> None:
    source = spec(keys=keys, summary=summary)
    assert_as_defined(source)
    assert_as_defined(source, k_start=13)


@pytest.mark.parametrize("queries", ["token", "blocks(16)", "group", "group(8)"])
def test_choosers(queries: str) -> None:
    assert_as_defined(spec(queries=queries))
    few = operands(q_len=30)
    assert_as_defined(spec(queries=queries, within="", within_any="causal"), few, k_start=9)


@pytest.mark.parametrize("queries", ["head", "call"])
def test_one_choice_for_all_queries(queries: str) -> None:
    assert_as_defined(spec(queries=queries, within="", within_any="causal"))
    assert_as_defined(spec(queries=queries, within=""))


@pytest.mark.parametrize("keys", ["blocks(8)", "token"])
@pytest.mark.parametrize("choose", ["top(1)", "top(99)", "bottom(2)", "top_p(0.6)", "above(0.2)"])
def test_rules(choose: str, keys: str) -> None:
    assert_as_defined(spec(choose=choose, keys=keys))


def test_more_than_a_share_needs_no_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Tensor, "sort", None)
    shares = torch.tensor([[[0.1, 0.4, 0.05, 0.2, 0.25]]])
    allowed = torch.tensor([[[True, True, True, False, True]]])  # of 0.8 in all
    found = best(shares, allowed, "above", [0.12], shares=True)
    assert found.tolist() == [[[0, 1, 4]]]
    assert torch.equal(best(shares.log(), allowed, "above", [0.12], shares=False), found)


@pytest.mark.parametrize("queries", ["token", "blocks(8)"])
@pytest.mark.parametrize("keep", ["sink(4)", "sink(4) | window(9, 0)", "blocks(8)"])
def test_kept_units_do_not_count(keep: str, queries: str) -> None:
    assert_as_defined(spec(keep=keep, queries=queries))


def test_sets_that_intervals_leave_open() -> None:
    assert_as_defined(spec(within="window(30, 0) | sink(8)"))
    both = spec(within="", within_any="window(30, 0) & ~sink(8)", queries="blocks(8)")
    assert_as_defined(both)
    assert_as_defined(spec(within="causal & { (q + k) mod 5 != 0 or h < 2 }", keys="blocks(2)"))


@pytest.mark.parametrize("keys", ["token", "diagonals", "blocks(8)"])
@pytest.mark.parametrize("choose", ["top(5)", "top_p(0.5)"])
def test_estimates_of_the_last_queries(keys: str, choose: str) -> None:
    clauses = {"queries": "last(16)", "summary": "probability", "within_any": "causal"}
    source = spec(keys=keys, choose=choose, within="", **clauses)
    assert_as_defined(source)
    assert_as_defined(source, operands(q_len=30), k_start=5)


@pytest.mark.parametrize("summary", ["mean", "max", "minmax", "first", "last", "mean_sqrt"])
def test_clusters(summary: str) -> None:
    label = torch.randint(-1, 6, (2, HEADS, N), generator=torch.Generator().manual_seed(4))
    clauses = {"keys": "cluster(label)", "summary": summary, "within": "", "within_any": "causal"}
    source = spec("input label: int[h, token]", **clauses)
    assert_as_defined(source, inputs={"label": label.int()})


def test_chunks_are_clusters() -> None:
    label = (torch.arange(N) // 7).int()
    source = spec("input label: int[token]", keys="cluster(label)", queries="blocks(8)")
    assert_as_defined(source, inputs={"label": label})


@pytest.mark.parametrize(
    ("declared", "shape", "clauses"),
    [
        ("x: float[h, chooser, unit]", (HEADS, 9, 9), {"summary": "x", "queries": "blocks(8)"}),
        ("x: float[hkv, unit, d]", (KV_HEADS, 9, DIM), {"summary": "x", "queries": "blocks(8)"}),
        ("x: float[hkv, token, d]", (KV_HEADS, N, DIM), {"summary": "max(of = x)"}),
        ("x: float[h, q, d]", (HEADS, N, DIM), {"queries": "token(by = x)"}),
        ("x: float[h, token]", (HEADS, N), {"summary": "x"}),
        ("x: float[token]", (N,), {"summary": "max(x)", "queries": "head", "within": ""}),
    ],
)
def test_inputs(declared: str, shape: tuple[int, ...], clauses: dict[str, str]) -> None:
    x = torch.randn(2, *shape, generator=torch.Generator().manual_seed(5), dtype=torch.float64)
    assert_as_defined(spec(f"input {declared}", **clauses), inputs={"x": x})


def test_sequences() -> None:
    q, k, v = operands()
    lengths = torch.tensor([33, 0], dtype=torch.int32)
    assert_as_defined(spec(), (q[:, :, :5], k, v), kv_len=lengths)
    ends = torch.tensor([0, 20, 20, 70], dtype=torch.int32)
    for queries in ("token", "blocks(16)"):
        packed = (q[:1], k[:1], v[:1])
        assert_as_defined(spec(queries=queries), packed, cu_seqlens=ends)


PACKED = torch.tensor([0, 20, 20, 55, 70], dtype=torch.int32)


@pytest.mark.parametrize("queries", ["head", "call", "last(4)"])
@pytest.mark.parametrize("keys", ["blocks(8)", "cluster(x)"])
def test_packed_sequences_choose_for_themselves(queries: str, keys: str) -> None:
    tensors = tuple(x[:1] for x in operands())
    label = torch.randint(0, 5, (N,), generator=torch.Generator().manual_seed(9)).int()
    clauses = {"keys": keys, "queries": queries, "within": ""}
    if queries == "last(4)":
        clauses["summary"] = "probability"
    inputs = {"x": label} if keys == "cluster(x)" else {}
    source = spec("input x: int[token]" if inputs else "", **clauses)
    assert_as_defined(source, tensors, inputs, cu_seqlens=PACKED)


def test_attention_to_what_packed_sequences_chose() -> None:
    """Blocks of each head, and keys of each head, which are flags; gradients of the former."""
    q, k, v = (x[:1] for x in operands())
    for clauses in ({"keys": "token", "choose": "top(6)"}, {}):
        source = spec(queries="head", within="", **clauses)
        q = q.clone().requires_grad_(not clauses)
        ours = attnc.compile(source)(q, k, v, cu_seqlens=PACKED)
        wanted = attnc.reference(source)(q, k, v, cu_seqlens=PACKED)
        torch.testing.assert_close(ours, wanted, rtol=1e-9, atol=1e-9)
    grads = [torch.autograd.grad(out.square().sum(), q)[0] for out in (ours, wanted)]
    torch.testing.assert_close(*grads)


def test_a_choice_within_that_of_its_own_sequence() -> None:
    source = (
        "route wide { keys blocks(8) queries head summary mean choose top(2) }"
        " route r { keys token queries head choose top(4) within wide }"
        " attention a { mask causal & r }"
    )
    ends = torch.tensor([0, 30, 70], dtype=torch.int32)
    assert_as_defined(source, tuple(x[:1] for x in operands()), cu_seqlens=ends)


@pytest.mark.parametrize("choose", ["top(3)", "bottom(3)"])
def test_the_lowest_of_equal_scores(choose: str) -> None:
    generator = torch.Generator().manual_seed(6)
    q, k, v = (torch.randint(-1, 2, x.shape, generator=generator).double() for x in operands())
    assert_as_defined(spec(choose=choose, keys="token"), (q[..., :3], k[..., :3], v[..., :3]))
    assert_as_defined(spec(choose=choose, keys="blocks(4)", summary="max"), (q, k, v))


def test_each_head_has_its_number() -> None:
    source = (
        "route r(n) { keys blocks(8) choose top(n + 1) within causal }"
        " attention a(ns = [1, 2, 0, 4]) { mask causal & r(ns[h]) }"
    )
    assert_as_defined(source)


def test_clusters_of_an_entry_without_keys() -> None:
    """Keys of two labels, of which one entry of the batch has none."""
    source = spec("input label: int[token]", keys="cluster(label)")
    q, k, v = (x[:, :, :9] for x in operands())
    call = {"label": torch.arange(9).int() // 4, "kv_len": torch.tensor([9, 0])}
    wanted = attnc.reference(source)(q, k, v, **call)
    torch.testing.assert_close(attnc.compile(source)(q, k, v, **call), wanted)


@pytest.mark.parametrize("nested", [True, False])
@pytest.mark.parametrize("queries", ["token", "blocks(8)"])
@pytest.mark.parametrize("some", ["within any", "within"])
def test_clusters_in_clusters(
    some: str, queries: str, nested: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One key of a unit is looked at where all keys of it have the same label."""
    generator = torch.Generator().manual_seed(10)
    inner = torch.randint(-1, 12, (HEADS, N), generator=generator).int()
    outer = torch.where(inner < 0, -1, inner % 4)
    if not nested:
        outer[:, ::9] = 0
    route = f"keys cluster(inner) queries {queries} choose above(0.1) {some}"
    source = (
        f"route far {{ keys cluster(outer) queries {queries} choose top(2) within any causal }}"
        f" route r {{ {route} far }} attention a {{ input inner: int[h, token]"
        " input outer: int[h, token] mask causal & r }"
    )
    asked, ends = [], Region._at_ends

    def counted(*given: Any) -> Tensor:
        asked.append(ends(*given))
        return asked[-1]

    monkeypatch.setattr(Region, "_at_ends", counted)
    assert_as_defined(source, inputs={"inner": inner, "outer": outer})
    rows = {found.shape[1] // (1 if queries == "token" else 2) for found in asked}
    assert rows == {1 if nested else 2}


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("k div 16 in r[h, q]", 1),
        ("k div 12 in r[h, q]", 8),
        ("k div 16 in r[h, q] and k <= q", 8),
    ],
)
def test_one_key_of_a_unit_is_looked_at_where_all_agree(text: str, count: int) -> None:
    """Inside of coarser units, as in HiP: not every pair of a query and a key."""
    route = SimpleNamespace(units="blocks", size=8, stride=8, label=None, box=())
    at = SimpleNamespace(route=route)
    region = Region(cast(Any, at), parse_expression(text))
    assert region.looked_at(torch.tensor([0]), torch.tensor([7])) == count
