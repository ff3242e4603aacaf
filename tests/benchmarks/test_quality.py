"""The perplexities of `docs/quality.md`."""

from math import exp, log

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from benchmarks import quality, quality_page


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
    row = quality.Measured("line/causal", {}, quality.ALL, 0.5, losses, 1.0, 2.0, 1)
    assert row.perplexity(0, 1024) == pytest.approx(2.0)
    assert row.perplexity(1024, 4096) == pytest.approx(8.0)
    assert row.perplexity() == pytest.approx(exp(sum(losses) / 16383))


def test_the_page_is_of_the_kept_rows() -> None:
    rows = quality.load()
    assert list(rows) == [case.key for case in quality.CASES]
    assert quality_page.PAGE.read_text(encoding="utf-8") == quality_page.page(rows)
    for case in quality.CASES:
        row = rows[case.key]
        assert (row.spec, row.parameters, row.layers) == (case.spec, case.parameters, case.layers)
