"""Choosing on a GPU waits for nothing: tried with tensors of a device that holds no numbers.

PyTorch refuses to read a number of a `meta` tensor (`item`, `nonzero`, a branch) and to compute
with tensors of two devices; copies to and from the host are refused here. What is chosen on that
way is compared on a CPU.
"""

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from attnc.codegen.triton.target import HELPERS
from attnc.compiler.elaborate import Sizes
from attnc.dsl.branch import parts
from attnc.dsl.loader import load
from attnc.runtime.calls.call import bind_call
from attnc.runtime.gpu.lower_triton import triton_source
from attnc.runtime.gpu.sets import kernel_inputs
from attnc.runtime.routes import choose, regions, select as choosing
from attnc.runtime.routes.select import select
from tests.runtime.routes.test_select import assert_as_defined, operands, spec

HEADS, KV_HEADS, N, DIM = 4, 2, 300, 16
COPIES = (Tensor.cpu, Tensor.cuda, Tensor.item, Tensor.tolist, torch.tensor, torch.nonzero)
# All that ship but those with clusters, whose number is read.
ROUTES = (
    *("dare", "dma", "flexprefill", "hax", "hcam", "hip", "infllm", "infllm_v2", "landmark"),
    *("longheads", "lserve", "minference", "mminference", "moba", "nosa", "nsa", "rekv"),
    *("rtpurbo", "seer", "tca", "vmoba_1d", "vmoba_2d", "vmoba_3d"),
)
SIZES = {"h": HEADS, "hkv": KV_HEADS, "token": N, "q": N, "k": N, "d": DIM, "unit": N, "chooser": N}
DTYPES = {"float": torch.float32, "int": torch.int32}


class NoCopies(TorchFunctionMode):
    """Refuses what moves numbers between a host and a GPU."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        assert func not in COPIES, func
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("name", ROUTES)
def test_shipped_routes_wait_for_nothing(name: str) -> None:
    bound = next(one.bound for one in parts(load(f"route/{name}").bind()) if one.bound.routes)
    with torch.device("meta"):
        shapes = ((HEADS, N), (KV_HEADS, N), (KV_HEADS, N))
        q, k, v = (torch.empty(2, *shape, DIM) for shape in shapes)
        inputs = {
            name: torch.empty([SIZES[a] for a in x.axes], dtype=DTYPES[x.dtype])
            for name, x in bound.inputs.items()
        }
    grid = (5, 6, 10) if bound.grid else None
    call = bind_call(bound, q, k, v, grid=grid, inputs=inputs)
    with NoCopies():
        lists = select(bound, call, inputs, {})
        given = kernel_inputs(bound, call, {**inputs, **lists})
    assert all(x.is_meta for x in (*lists.values(), *given.values()))
    assert {route.name for route in bound.routes} <= {*given}


@pytest.fixture
def as_on_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """Takes the ways that read no number, on a CPU; few pairs at a time."""
    for module in (regions, choose, choosing):
        monkeypatch.setattr(module, "free", lambda x: False)
    monkeypatch.setattr(regions, "ELEMENTS", 1 << 12)
    monkeypatch.setattr(choosing, "CHUNK", 1 << 12)


@pytest.mark.usefixtures("as_on_a_gpu")
@pytest.mark.parametrize(
    "clauses",
    [
        {},
        {"queries": "blocks(16)", "keep": "sink(4) | window(9, 0)"},
        {"within": "window(30, 0) | sink(8)", "queries": "group(8)"},
        {"within": "causal & { (q + k) mod 5 != 0 or h < 2 }", "keys": "blocks(2)"},
        {"within": "", "within_any": "window(30, 0) & ~sink(8)", "queries": "blocks(8)"},
        {"keys": "blocks(7, 5)", "summary": "minmax", "choose": "top_p(0.6)"},
        {"keys": "token", "choose": "above(0.2)"},
        {"keys": "diagonals", "queries": "last(16)", "summary": "probability", "choose": "top(5)"},
    ],
)
def test_the_same_choice(clauses: dict[str, str]) -> None:
    assert_as_defined(spec(**clauses))
    assert_as_defined(spec(**clauses), operands(q_len=30), k_start=13)


@pytest.mark.usefixtures("as_on_a_gpu")
def test_the_lowest_of_equal_scores() -> None:
    generator = torch.Generator().manual_seed(6)
    q, k, v = (torch.randint(-1, 2, x.shape, generator=generator).double() for x in operands())
    assert_as_defined(spec(keys="token"), (q[..., :3], k[..., :3], v[..., :3]))
    assert_as_defined(spec(keys="blocks(4)", summary="max"), (q, k, v))


def marked(lists: Tensor, marks: int) -> Tensor:
    """Lists as bits, by the function of a file."""
    names = {"torch": torch}
    exec(HELPERS["marked"], names)
    found: Tensor = names["marked"](lists, marks)  # type: ignore[operator]
    return found


def test_bits_of_lists() -> None:
    """Of any order, with numbers that come twice, that are none and that nobody asks for."""
    lists = torch.randint(-2, 90, (3, 4, 40), generator=torch.Generator().manual_seed(7))
    bits = marked(lists, 70)
    assert bits.shape == (3, 4, 3) and bits.dtype == torch.int32
    numbers = torch.arange(96)
    found = bits[..., numbers // 32] >> (numbers % 32) & 1
    wanted = (lists[..., None] == numbers).any(-2) & (numbers < 70)
    assert torch.equal(found.bool(), wanted)
    assert not marked(lists[..., :0], 0).any()
    with torch.device("meta"), NoCopies():
        assert marked(torch.empty(3, 4, 40, dtype=torch.int32), 70).shape == (3, 4, 3)


def test_how_many_marks_are_asked_is_known_from_lengths() -> None:
    sizes = Sizes(heads=HEADS, kv_heads=KV_HEADS, head_dim=16, value_dim=16)
    for name, text in (("moba", "marked(picked, (k_len - 1) // 64 + 1)"),
                       ("minference", "marked(slashes, k_len)"),
                       ("hip", "marked(coarse, 0)")):  # fmt: skip
        assert text in triton_source(load(f"route/{name}").bind(), sizes).text
