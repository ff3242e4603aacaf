"""The perplexities of `docs/quality.md`."""

from math import exp, log

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

import attnc
from benchmarks import quality, quality_inputs, quality_page, quality_rows


def test_losses_are_those_of_all_tokens_at_once() -> None:
    generator = torch.Generator().manual_seed(0)
    head, states = nn.Linear(8, 11, bias=False), torch.randn(2100, 8, generator=generator)
    words = torch.randint(0, 11, (2100,), generator=generator)
    with torch.no_grad():
        losses = list(quality.chunk_losses(head, states, words))
        wanted = cross_entropy(head(states[:-1]), words[1:], reduction="sum").item()
    assert len(losses) == 3 and sum(losses) == pytest.approx(wanted, rel=1e-5)


def test_perplexity() -> None:
    losses = (1023 * log(2.0), *[1024 * log(8.0)] * 15)
    row = quality_rows.Measured("line/causal", {}, quality_rows.ALL, 0.5, losses, 1.0, 2.0, 1)
    assert row.perplexity(0, 1024) == pytest.approx(2.0)
    assert row.perplexity(1024, 4096) == pytest.approx(8.0)
    assert row.perplexity() == pytest.approx(exp(sum(losses) / 16383))


def test_the_page_is_of_the_kept_rows() -> None:
    rows = quality_rows.load()
    assert list(rows) == [case.key for case in quality_rows.CASES]
    assert quality_page.PAGE.read_text(encoding="utf-8") == quality_page.page(rows)
    for case in quality_rows.CASES:
        row = rows[case.key]
        assert (row.spec, row.parameters, row.layers) == (case.spec, case.parameters, case.layers)


def test_density_of_a_route_is_counted() -> None:
    case = quality_rows.Case("MoBA-style", "route/moba", {"n": 1, "block": 64})
    generator = torch.Generator().manual_seed(0)
    q, k, v = (torch.randn(1, heads, 192, 8, generator=generator) for heads in (2, 1, 1))
    pattern = quality.Pattern(case, attnc.compile(case.spec, **case.parameters), torch.ones(192))
    pattern(q, k, v)
    pairs = 3 * 64 * 65 // 2 + 2 * 64 * 64  # the own block of each query, and one before it
    assert pattern.density(192, 2) == pytest.approx(pairs / 192**2)


def test_what_routes_read() -> None:
    generator = torch.Generator().manual_seed(0)
    q, k = (torch.randn(heads, 256, 8, generator=generator) for heads in (4, 2))
    ends = torch.zeros(256, dtype=torch.bool)
    ends[9] = True
    lengths = quality_inputs.chunks(q, k, ends)["chunk"].bincount()
    assert lengths.tolist() == [10, 64, 64, 64, 54]
    labels = quality_inputs.clusters(q, k, ends)
    for head in range(4):  # a cluster lies in one of the coarse ones
        pairs = torch.stack([labels["inner"][head], labels["outer"][head]]).unique(dim=1)
        assert len(pairs[0].unique()) == pairs.shape[1]
    q[:, :] = k[0, 200]  # all queries ask for one key
    found = quality_inputs.representatives(q, k, ends)["representative"]
    best = (k[0, 128:] @ k[0, 200]).topk(4).indices + 128
    own = found[0, 1] - k[0, best].mean(0)
    assert found.shape == (2, 2, 8)
    assert own.abs().max() < 1e-5
