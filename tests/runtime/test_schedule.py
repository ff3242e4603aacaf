"""How work is handed out: every unit once, heavy ones first, the same bits from any thread."""

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor

import attnc
from attnc.runtime.cpu.schedule import KEPT, schedule
from attnc.runtime.operator import Operator
from tests.runtime.tolerance import assert_right, qkv

TABLED = "attention a { mask neighborhood(13) }"
TWO_DOCUMENTS = {"doc": (torch.arange(700) // 400).int()}
SPECS = [
    pytest.param("line/causal", {}, {}, id="causal"),
    pytest.param("line/longformer", {"w": 30, "g": 11}, {}, id="longformer"),
    pytest.param("input/document", {}, TWO_DOCUMENTS, id="document"),
    pytest.param(TABLED, {}, {}, id="tabled"),
]


@pytest.fixture
def threads() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def order_of(op: Operator, q_len: int, heads: int) -> Tensor:
    """The order of the units of one sequence from position 0, as [units, (head, tile)]."""
    (kernel,) = op._runner.loaded.values()
    rows = torch.tensor([[0, 0, 0, 0, q_len, q_len]], dtype=torch.int32)
    found = schedule(kernel, rows, [], heads).order
    tiles = -(-q_len // kernel.facts.tile_q)
    return torch.stack([found // tiles, found % tiles], 1)


@pytest.mark.parametrize(("spec", "parameters", "inputs"), SPECS)
def test_the_same_bits_for_any_number_of_threads(
    spec: str, parameters: dict[str, Any], inputs: dict[str, Tensor], threads: None
) -> None:
    op, (q, k, v) = attnc.compile(spec, **parameters), qkv(700, heads=3, kv_heads=1)

    def outputs(count: int) -> Tensor:
        torch.set_num_threads(count)
        out, lse = op(q, k, v, return_lse=True, **inputs)
        return torch.cat([out, lse[..., None]], -1)

    torch.set_num_threads(1)
    wanted = outputs(1)
    assert all(torch.equal(outputs(count), wanted) for count in (2, 3, 7, 2))


def test_every_unit_once(threads: None) -> None:
    op = attnc.compile("attention every_unit { mask causal }")
    op(*qkv(500))
    found = order_of(op, 500, heads=5)
    assert sorted(map(tuple, found.tolist())) == [(h, t) for h in range(5) for t in range(11)]


def test_late_causal_rows_start_first() -> None:
    op = attnc.compile("attention late_rows { mask causal }")
    op(*qkv(500))
    tiles = order_of(op, 500, heads=2)[:, 1]
    assert min(tiles[:8]) > max(tiles[-4:])


def test_global_rows_start_first() -> None:
    """One tile of Longformer sees every key, and the others few."""
    op = attnc.compile("attention global_rows { mask window(30) | global(11) }")
    op(*qkv(500))
    assert order_of(op, 5000, heads=3)[:3].tolist() == [[0, 0], [1, 0], [2, 0]]


def test_schedules_are_remembered_but_not_all() -> None:
    op = attnc.compile("attention remembered { mask causal & window(60) }")
    for length in range(1, 3 * KEPT):
        op(*qkv(length))
    (kernel,) = op._runner.loaded.values()
    assert len(kernel.schedules) == KEPT
    last = list(kernel.schedules.values())[-1]
    op(*qkv(3 * KEPT - 1))
    assert list(kernel.schedules.values())[-1] is last


def test_a_launch_holds_for_one_call_only() -> None:
    """The last launch is taken again for the same lengths, numbers and head counts."""
    op = attnc.compile("attention launched {\n input w: int\n mask causal & { q - k < w }\n}")
    for length, heads, width in ((90, 2, 9), (90, 2, 9), (90, 2, 60), (90, 4, 60), (89, 4, 60)):
        assert_right(op, *qkv(length, heads=heads), w=width)
    (kernel,) = op._runner.loaded.values()
    assert len(kernel.last) == 1


def test_classes_of_a_tile_follow_each_other() -> None:
    """Rows of neighbouring residue classes lie side by side, so that a stretch is read once."""
    op = attnc.compile("grid/natten1d", kernel=5, dilation=3)
    op(*qkv(200), grid=(200,))
    (kernel,) = op._runner.loaded.values()
    (found,) = kernel.schedules.values()
    tiles = -(-67 // kernel.facts.tile_q)
    (first,) = {int(unit) % tiles for unit in found.order[:3]}
    assert found.order[:3].tolist() == [first, 2 * tiles + first, 4 * tiles + first]


def test_threads_that_take_several_units_at_once(threads: None) -> None:
    """Enough units for that, and a number that leaves a part of the last time."""
    op, (q, k, v) = attnc.compile("line/mistral", w=8), qkv(300, heads=40)
    torch.set_num_threads(1)
    assert_right(op, q, k, v)
    wanted = op(q, k, v)
    for count in (2, 3):
        torch.set_num_threads(count)
        assert torch.equal(op(q, k, v), wanted)
