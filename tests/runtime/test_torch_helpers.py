"""Whether lists hold a value: searched, or looked up in a table of each list."""

import pytest
import torch
from torch import Tensor

from attnc.runtime import torch_helpers

member = torch_helpers.HELPERS["member_"]


def searched(value: Tensor, lists: Tensor, *places: Tensor) -> Tensor:
    """The definition."""
    return (lists[places] == value[..., None]).any(-1) & (value >= 0)


@pytest.mark.parametrize("values", [3, 40, 500])  # tables of few numbers, of more, none at all
@pytest.mark.parametrize("on_a_gpu", [False, True])
def test_lists_hold_values(values: int, on_a_gpu: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if on_a_gpu:
        monkeypatch.setattr(torch_helpers, "free", lambda x: False)
    generator = torch.Generator().manual_seed(8)
    lists = torch.randint(-2, values, (4, 9, 6), generator=generator, dtype=torch.int32)
    value = torch.randint(-2, values + 5, (50, 1), generator=generator)
    head, row = (torch.randint(0, n, (50, 7), generator=generator) for n in (4, 9))
    wanted = searched(value, lists, head, row)
    assert wanted.any() and not wanted.all()
    assert torch.equal(member(value, lists, head, row), wanted)
    assert torch.equal(member(value, lists, 2, row), searched(value, lists[2], row))
    assert torch.equal(member(value, lists[0, 0]), searched(value, lists[0, 0]))
    assert member(int(lists.max()), lists, *(lists == lists.max()).nonzero()[0, :2])


@pytest.mark.parametrize("shape", [(4, 0), (0, 3)])
def test_lists_that_hold_nothing(shape: tuple[int, int]) -> None:
    lists, row = torch.full(shape, -1), torch.arange(shape[0])
    assert not member(torch.tensor(0), lists, row).any()
    assert not member(torch.tensor(-1), torch.full((4, 3), -1), torch.arange(4)).any()
