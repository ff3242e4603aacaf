"""Choices by the Triton kernel in the interpreter: prints a line for each check.

A process of its own, because Triton reads TRITON_INTERPRET when it is imported. Numbers are whole
and few, so that scores are exact and many of them equal: lists are the oracle's to the letter.
"""

from typing import Any

import torch

import attnc
from attnc.dsl.loader import load
from attnc.runtime.calls.call import bind_call
from attnc.runtime.gpu import choice
from attnc.runtime.gpu.choice import on_gpu
from attnc.runtime.routes.judge import wrong_choices
from attnc.runtime.routes.select import select
from tests.interpreter import quicken
from tests.runtime.routes.test_select import spec

HEADS, KV_HEADS = 2, 1
FUNCTION = choice._function
TAKEN: list[choice.Choice] = []


def taken(found: choice.Choice) -> Any:
    """The kernel, which is remembered to have been taken."""
    TAKEN.append(found)
    return FUNCTION(found)


def chosen(source: str, tensors: list[torch.Tensor], inputs: Any, **call: Any) -> Any:
    """The bound spec, its call, and what the routes choose by the kernel."""
    bound = load(source).bind()
    found = bind_call(bound, *tensors, inputs=inputs, **call)
    TAKEN.clear()
    return bound, found, select(bound, found, inputs, {}, kernel=on_gpu)


def same(
    source: str,
    q_len: int,
    k_len: int,
    dim: int = 16,
    batch: int = 1,
    heads: tuple[int, int] = (HEADS, KV_HEADS),
    **call: Any,
) -> None:
    """The lists are the oracle's."""
    shapes = ((heads[0], q_len), (heads[1], k_len), (heads[1], k_len))
    tensors = [torch.randint(-1, 2, (batch, *shape, dim)).float() for shape in shapes]
    _, _, found = chosen(source, tensors, {}, **call)
    lengths = call["cu_seqlens"].diff().tolist() if "cu_seqlens" in call else [q_len] * batch
    assert len(TAKEN) == sum(map(bool, lengths)), source
    wide = [x.double() for x in tensors]
    _, wanted = attnc.reference(source)(*wide, return_routes=True, **call)
    width = max(found["r"].shape[-1], wanted["r"].shape[-1])
    ours, theirs = (
        torch.nn.functional.pad(x, (0, width - x.shape[-1]), value=-1)
        for x in (found["r"], wanted["r"])
    )
    assert (theirs >= 0).any() and torch.equal(ours, theirs), source
    print("ok", source)


def near(source: str, length: int) -> None:
    """Of random numbers, units differ only where rounding explains it."""
    q, k = torch.randn(1, HEADS, length, 24), torch.randn(1, KV_HEADS, length, 24)
    bound, call, found = chosen(source, [q, k, k], {})
    assert len(TAKEN) == 1 and wrong_choices(bound, call, {}, found) == 0
    print("ok", source)


def main() -> None:
    torch.manual_seed(0)
    choice.FEWEST, choice._function = 0, taken
    quicken()
    ends = torch.tensor([0, 9, 9, 40], dtype=torch.int32)
    first = {"keys": "blocks(2)", "summary": "first"}
    cases: list[tuple[dict[str, str], tuple[int, int], dict[str, Any]]] = [
        ({"keys": "token", "choose": "top(5)"}, (35, 70), {"dim": 3}),
        ({**first, "choose": "top(16)", "keep": "blocks(2)"}, (31, 41), {}),
        ({**first, "queries": "blocks(4)", "choose": "bottom(1)"}, (40, 41), {"heads": (4, 2)}),
        ({**first, "queries": "group", "keep": "sink(4) | window(7, 0)"}, (20, 51), {}),
        ({**first, "within": "causal & { q - k < 20 or h < 1 }"}, (23, 23), {"q_start": 5}),
        ({**first, "within": "", "within_any": "causal", "queries": "group(4)"}, (30, 30), {}),
        ({**first, "keys": "blocks(4, 2)", "within": ""}, (17, 40), {"batch": 2}),
        ({**first}, (40, 40), {"cu_seqlens": ends}),
    ]
    for clauses, lengths, more in cases:
        same(spec(**clauses), *lengths, **more)
    near(spec(keys="blocks(4)", summary="minmax"), 60)


if __name__ == "__main__":
    main()
