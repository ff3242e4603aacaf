"""The operator as a PyTorch object: compiled once, traced, exported, copied, repeatable."""

import copy
import pickle
import subprocess
import sys
from collections.abc import Iterator

import pytest
import torch
from torch import Tensor, nn
from torch._dynamo.testing import CompileCounter

import attnc
from attnc.runtime.operator import Operator
from tests.runtime.tolerance import qkv

WINDOW = "attention {name} {{ mask window(20) & causal }}"


@pytest.fixture(scope="module")
def window() -> Operator:
    return attnc.compile("line/mistral", w=60)


@pytest.fixture
def threads() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


class Block(nn.Module):
    """A model as users have them: projections around the operator, inputs among its arguments."""

    def __init__(self, op: Operator) -> None:
        super().__init__()
        self.op, self.out = op, nn.Linear(8, 8)
        self.requires_grad_(False)

    def forward(self, x: Tensor, doc: Tensor) -> Tensor:
        q, k, v = self.out(x).unflatten(-1, (1, 8)).transpose(1, 2).repeat(3, 1, 1, 1, 1)
        out, lse = self.op(q, k, v, doc=doc, return_lse=True)
        return self.out(out.transpose(1, 2).flatten(2)) + lse.transpose(1, 2)


def block() -> tuple[Block, tuple[Tensor, Tensor]]:
    torch.manual_seed(0)
    return Block(attnc.compile("input/document")), (torch.randn(2, 30, 8), torch.arange(30) // 7)


def test_lengths_batches_and_strides_share_one_kernel() -> None:
    op = attnc.compile(WINDOW.format(name="lengths"))
    assert op.compilations == 0
    for n in range(1, 200, 10):
        q, k, v = qkv(n, 2 * n, batch=1 + n % 3)
        assert op(q, k, v).shape == q.shape
        op(*(x.transpose(1, 2).contiguous().transpose(1, 2) for x in (q, k, v)))
        op(*qkv(n, heads=6, kv_heads=2))
    assert op.compilations == 1
    op(*qkv(5, dim=8))
    assert op.compilations == 2
    op(*qkv(5, dim=8, dtype=torch.bfloat16))
    assert op.compilations == 3 and attnc.compile(WINDOW.format(name="lengths")).compilations == 3


@pytest.mark.parametrize("backend", ["eager", "aot_eager"])
def test_torch_compile(backend: str) -> None:
    torch._dynamo.reset()
    model, arguments = block()
    compiled = torch.compile(model, fullgraph=True, backend=backend)
    assert torch.equal(compiled(*arguments), model(*arguments))
    longer = torch.randn(3, 45, 8), torch.arange(45) // 7
    assert torch.equal(compiled(*longer), model(*longer))


def test_torch_compile_does_not_compile_each_length(window: Operator) -> None:
    torch._dynamo.reset()
    counter = CompileCounter()
    compiled = torch.compile(lambda q, k, v: window(q, k, v) + 1, backend=counter, fullgraph=True)
    for n in (5, 6, 7, 30, 31):
        q, k, v = qkv(n)
        assert torch.equal(compiled(q, k, v), window(q, k, v) + 1)
    assert counter.frame_count <= 2


def test_export() -> None:
    model, arguments = block()
    length = torch.export.Dim("length", min=2, max=4096)
    program = torch.export.export(model, arguments, dynamic_shapes=({1: length}, {0: length}))
    assert "attnc.attention" in str(program.graph)
    longer = torch.randn(2, 77, 8), torch.arange(77) // 7
    assert torch.equal(program.module()(*longer), model(*longer))


def test_opcheck(window: Operator) -> None:
    document, doc = attnc.compile("input/document"), torch.arange(20) // 7
    q, k, v = qkv(20, batch=2)
    starts = torch.tensor([1, 2], dtype=torch.int32)
    rest = (None, None, None, None, None, None)
    axial = attnc.compile("grid/axial")
    cases = [
        (window._key, q, k, v, [], [], [], [], *rest),
        (window._key, q, k, v, [], [], [], [], 0.5, starts, starts, None, starts, None),
        (axial._key, q, k, v, [], [], [], [], *rest[1:], [4, 5]),
        (document._key, q, k, v, ["doc"], [doc], [], [], *rest),
        (window._key, *(x.bfloat16().transpose(1, 2) for x in qkv(2, heads=20)), [], [], [], [],
         *rest),
    ]  # fmt: skip
    for case in cases:
        torch.library.opcheck(torch.ops.attnc.attention.default, case)


def test_fake_tensors(window: Operator) -> None:
    with torch._subclasses.FakeTensorMode():
        q, k, v = (torch.empty(2, 4, 10, 16, dtype=torch.bfloat16) for _ in range(3))
        out, lse = window(q, k, v[..., :8], return_lse=True)
    assert out.shape == (2, 4, 10, 8) and out.dtype == torch.bfloat16
    assert lse.shape == (2, 4, 10) and lse.dtype == torch.float32


def test_meta_tensors(window: Operator) -> None:
    q, k, v = (torch.empty(2, 4, 10, 16, device="meta") for _ in range(3))
    assert window(q, k, v).shape == q.shape


def test_pickle_and_copies(window: Operator) -> None:
    q, k, v = qkv(50)
    for other in (pickle.loads(pickle.dumps(window)), copy.copy(window), copy.deepcopy(window)):
        assert torch.equal(other(q, k, v), window(q, k, v))
        assert other.parameters == {"w": 60} and other.compilations == window.compilations
    model, arguments = block()
    assert torch.equal(copy.deepcopy(model)(*arguments), model(*arguments))
    assert repr(window) == "<attnc operator mistral(w=60)>"


def test_what_needs_no_gradient(window: Operator) -> None:
    q, k, v = qkv(20)
    out = window(q.requires_grad_(), k, v)
    with torch.no_grad():
        assert not window(q, k, v).requires_grad
    with torch.inference_mode():
        assert torch.equal(window(q, k, v), out)


def test_results_repeat(window: Operator, threads: None) -> None:
    q, k, v = qkv(300, batch=2, heads=3)
    wanted = window(q, k, v, return_lse=True)
    for count in (1, 2, 3, 1):
        torch.set_num_threads(count)
        for _ in range(3):
            assert all(map(torch.equal, window(q, k, v, return_lse=True), wanted))


def test_arguments_are_left_alone(window: Operator) -> None:
    tensors = qkv(70)
    before = [x.clone() for x in tensors]
    window(*tensors)
    assert all(map(torch.equal, tensors, before))


def python(code: str) -> str:
    """What a fresh interpreter prints."""
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False
    )
    assert run.returncode == 0, run.stderr
    return run.stdout


def test_import_loads_nothing_heavy() -> None:
    heavy = "{'torch', 'tvm', 'tvm_ffi', 'triton', 'matplotlib', 'sympy', 'islpy', 'transformers'}"
    found = python(f"import sys, attnc, attnc.cli; print(sorted({heavy} & set(sys.modules)))")
    assert found.strip() == "[]"


def test_the_first_call_loads_no_triton() -> None:
    code = (
        "import sys, attnc, torch; x = torch.randn(1, 1, 4, 16)\n"
        "attnc.compile('line/mistral', w=60)(x, x, x)\n"
        "print(sorted({'triton', 'matplotlib', 'transformers'} & set(sys.modules)))"
    )
    assert python(code).strip() == "[]"
