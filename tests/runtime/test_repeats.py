"""Calls that skip PyTorch's dispatcher, and those that must not."""

import threading
from collections.abc import Callable
from typing import Any, ClassVar

import pytest
import torch
from torch import Tensor
from torch.autograd import forward_ad
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

import attnc
from attnc.dsl.errors import DtypeMismatch, InvalidValue, ShapeMismatch
from attnc.runtime.cpu.direct import idle, plain
from attnc.runtime.cpu.repeats import KEPT
from attnc.runtime.operator import Operator
from tests.runtime.tolerance import assert_right, qkv

SLOPES = "attention a {\n input slope: float[h]\n mask causal\n score s - slope[h] * (q - k)\n}"


@pytest.fixture
def window() -> Operator:
    """An operator that has seen a call of the shapes of `qkv(100)`, and none other."""
    op = attnc.compile("line/mistral", w=60)
    op(*qkv(100))
    assert len(known(op)) == 1
    return op


def known(op: Operator) -> dict[Any, Any]:
    assert op._repeats is not None
    return op._repeats.known


class Seen(TorchDispatchMode):
    """The names of the operators that are called."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.names.append(str(func))
        return func(*args, **(kwargs or {}))


def test_a_repeat_checks_and_plans_nothing(
    window: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = qkv(100)
    wanted = window(*case, return_lse=True)

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("bound or dispatched again")

    with monkeypatch.context() as patch:
        patch.setattr("attnc.runtime.ops.bind_call", refuse)
        patch.setattr("attnc.runtime.ops.attention", refuse)
        assert all(map(torch.equal, window(*case, return_lse=True), wanted))
        with torch.no_grad():
            assert torch.equal(window(*(x.requires_grad_() for x in case)), wanted[0])
        with torch.inference_mode():
            assert window(*qkv(100)).is_inference()
        with pytest.raises(AssertionError, match="again"):
            window(*qkv(101))


CHANGES: list[Callable[[tuple[Tensor, ...]], tuple[tuple[Tensor, ...], dict[str, Any]]]] = [
    lambda x: (x, {"q_start": 3}),
    lambda x: (x, {"k_start": 7}),
    lambda x: (x, {"k_start": -7}),
    lambda x: (x, {"scale": 0.5}),
    lambda x: (tuple(t.transpose(1, 2).contiguous().transpose(1, 2) for t in x), {}),
    lambda x: ((x[0][:, :, 9:], *x[1:]), {}),
    lambda x: ((x[0], x[1][:, :1], x[2][:, :1]), {}),
    lambda x: ((x[0], x[1], x[2][..., :8]), {}),
    lambda x: (tuple(t.bfloat16() for t in x), {}),
    lambda x: (tuple(t.double() for t in x), {}),
]


@pytest.mark.parametrize("layout", ["bhsd", "bshd"])
def test_everything_that_checks_read_is_in_the_signature(layout: str) -> None:
    """Whatever changes is another call, and a return to the first is the first."""
    op = attnc.compile("line/mistral", w=60, layout=layout)
    shown = (lambda t: t.transpose(1, 2)) if layout == "bshd" else (lambda t: t)
    case = qkv(100, heads=2, batch=2)
    first = op(*map(shown, case))
    for change in CHANGES:
        tensors, keywords = change(case)
        for _ in range(2):
            if tensors[0].dtype == torch.float64:
                wanted = attnc.reference("line/mistral", w=60)(*tensors, **keywords)
                torch.testing.assert_close(shown(op(*map(shown, tensors), **keywords)), wanted)
            else:
                assert_right(op, *map(shown, tensors), **keywords)
        assert torch.equal(op(*map(shown, case)), first)
    assert len(known(op)) == KEPT


def test_threads(window: Operator) -> None:
    case, before = qkv(100), torch.get_num_threads()
    wanted = window(*case)
    torch.set_num_threads(before + 1)
    assert torch.equal(window(*case), wanted) and len(known(window)) == 2
    torch.set_num_threads(before)
    assert torch.equal(window(*case), wanted) and len(known(window)) == 2


def test_many_signatures_at_once(window: Operator) -> None:
    cases = [qkv(100 + i) for i in range(3 * KEPT)]
    wanted = [window(*case) for case in cases]
    right: list[bool] = []

    def work() -> None:
        right.extend(torch.equal(window(*c), w) for c, w in zip(cases, wanted, strict=True))

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert right == [True] * 4 * len(cases) and len(known(window)) <= KEPT + 4


def test_bad_calls_are_refused_again(window: Operator) -> None:
    q, k, v = qkv(100)
    for _ in range(2):
        with pytest.raises(DtypeMismatch):
            window(q, k.double(), v)
        with pytest.raises(ShapeMismatch):
            window(q, k[..., :8], v)
        with pytest.raises(ShapeMismatch):
            window(q.mT.contiguous().mT, k, v)
        with pytest.raises(DtypeMismatch):
            window(q, k, [v])
        with pytest.raises(InvalidValue):
            window(q, k, v, q_start=2**40)
    assert len(known(window)) == 1


# What has to go through the dispatcher


def test_gradients(window: Operator) -> None:
    q, k, v = (x.requires_grad_() for x in qkv(100))
    found = torch.autograd.grad(window(q, k, v).square().sum(), (q, k, v))
    exact = attnc.reference("line/mistral", w=60)(q, k, v)
    for mine, right in zip(
        found, torch.autograd.grad(exact.square().sum(), (q, k, v)), strict=True
    ):
        torch.testing.assert_close(mine, right, atol=1e-4, rtol=1e-4)


def test_modes_see_the_operator(window: Operator) -> None:
    case = qkv(100)
    wanted = window(*case)
    with Seen() as seen:
        assert torch.equal(window(*case), wanted)
    assert "attnc.attention.default" in seen.names
    called: list[str] = []

    class Functions(TorchFunctionMode):
        def __torch_function__(
            self, func: Any, types: Any, args: Any = (), kwargs: Any = None
        ) -> Any:
            called.append(str(func))
            return func(*args, **(kwargs or {}))

    with Functions():
        window(*case)
    assert "attnc.attention.default" in called
    with torch.profiler.profile() as profile:
        window(*case)
    assert "attnc::attention" in {event.key for event in profile.key_averages()}


def test_fake_tensors_and_autocast(window: Operator) -> None:
    case = qkv(100)
    with torch._subclasses.FakeTensorMode(allow_non_fake_inputs=True) as mode:
        assert window(*map(mode.from_tensor, case)).shape == case[0].shape
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert window(*case).dtype == torch.bfloat16
    assert window(*case).dtype == torch.float32


def test_functorch(window: Operator) -> None:
    case = qkv(100)
    seen: list[bool] = []

    def inner(x: Tensor) -> Tensor:
        seen.append(idle() or plain(x))
        return x

    torch.func.vmap(inner)(case[0])
    torch.func.grad(lambda x: inner(x).sum())(case[0])
    with forward_ad.dual_level():
        seen.append(idle())
    assert seen == [False] * 3


def test_a_lazily_negated_tensor(window: Operator) -> None:
    """Its memory holds other numbers than it stands for."""
    q, k, v = qkv(100)
    assert torch.equal(window(torch._neg_view(q), k, v), window(-q, k, v))
    assert not plain(torch._efficientzerotensor(q.shape)) and plain(q, k, v)


def test_subclasses(window: Operator) -> None:
    class Own(Tensor):
        calls: ClassVar[list[str]] = []

        @classmethod
        def __torch_function__(
            cls, func: Any, types: Any, args: Any = (), kwargs: Any = None
        ) -> Any:
            cls.calls.append(str(func))
            return super().__torch_function__(func, types, args, kwargs)

    q, k, v = qkv(100)
    assert torch.equal(window(q.as_subclass(Own), k, v), window(q, k, v))
    assert "attnc.attention.default" in Own.calls


def test_inputs_go_to_the_kernel_too() -> None:
    """A call with inputs is checked each time, and no operator is dispatched."""
    op, slope = attnc.compile(SLOPES), torch.tensor([0.1, 0.4])
    assert op._repeats is None
    case = qkv(100, heads=2)
    assert_right(op, *case, slope=slope)
    assert_right(op, *case, slope=-slope)
    assert torch.equal(op(*case, slope=torch._neg_view(slope)), op(*case, slope=-slope))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("attnc.runtime.ops.attention", None)
        assert_right(op, *case, slope=slope)
