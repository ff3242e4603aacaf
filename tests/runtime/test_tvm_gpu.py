"""GPU kernels through TVM: their numbers in OpenCL, and the source of every target."""

import importlib.util

import pytest
import torch

import attnc
from attnc.codegen.tvm_gpu import LANGUAGES
from attnc.compiler.elaborate import Sizes
from attnc.dsl.errors import NotBuiltForTarget
from attnc.dsl.loader import load
from attnc.runtime.gpu.lower_tvm_gpu import device_source, gpu_script
from tests.references import WITHOUT_SETS, inputs
from tests.runtime.test_triton import SMALL

HEADS, KV_HEADS = 4, 2
LENGTHS = [(67, 67), (21, 90), (40, 24)]
FOUND = importlib.util.find_spec("pyopencl") is not None
if FOUND:
    from tests.runtime import opencl
needs_opencl = pytest.mark.skipif(
    not FOUND or opencl.context() is None, reason="there is no OpenCL platform"
)


def program(spec: str, dims: tuple[int, int] = (16, 16), **parameters):
    bound = load(spec).bind(**parameters)
    source = gpu_script(bound, Sizes(HEADS, KV_HEADS, *dims))
    return opencl.Program(source, device_source(source, "opencl"))


def assert_right(spec, run, queries, keys, dims=(16, 16), batch=2, parameters=None, **options):
    torch.manual_seed(0)
    q = torch.randn(batch, HEADS, queries, dims[0])
    k, v = (torch.randn(batch, KV_HEADS, keys, d) for d in dims)
    wanted, wanted_lse = attnc.reference(spec, **(parameters or {}))(
        q.double(), k.double(), v.double(), return_lse=True, **options
    )
    out, lse = run(q, k, v, **options)
    seen = ~torch.isneginf(wanted_lse)
    assert torch.equal(torch.isneginf(lse), ~seen)
    torch.testing.assert_close(out.double(), wanted, rtol=0, atol=1e-5)
    torch.testing.assert_close(lse[seen].double(), wanted_lse[seen], rtol=0, atol=1e-5)


@needs_opencl
@pytest.mark.parametrize("spec", WITHOUT_SETS)
def test_every_one_axis_spec(spec):
    parameters = SMALL.get(spec, {})
    run = program(spec, **parameters)
    for queries, keys in LENGTHS:
        values = load(spec).bind(**parameters).values
        drawn = inputs(spec, HEADS, keys, q_len=queries, **values)
        given = {name: torch.from_numpy(x) for name, x in drawn.items()}
        assert_right(spec, run, queries, keys, parameters=parameters, **given)


@needs_opencl
@pytest.mark.parametrize("dims", [(64, 64), (80, 48), (128, 128), (24, 40), (9, 3)])
def test_head_dims(dims):
    run = program("line/mistral", dims, w=20)
    assert_right("line/mistral", run, 45, 61, dims, parameters={"w": 20}, scale=0.3)


@needs_opencl
def test_tables_and_inputs_of_each_head_and_entry():
    spec = """attention a { input far: int[h, q] input lens: int[b]
        mask { abs(q - k) <= far[h, q] } & { k < lens[b] } score s + 0.01 * h * (q - k) }"""
    given = {"far": torch.randint(0, 40, (HEADS, 50)), "lens": torch.tensor([70, 33])}
    run = program(spec)
    assert run.source.by_batch and run.source.by_head and len(run.source.tables) == 2
    assert_right(spec, run, 50, 70, **given)


@needs_opencl
def test_documents_of_each_sequence():
    doc = torch.randint(0, 4, (2, 75)).sort().values
    assert_right("input/document", program("input/document"), 75, 75, doc=doc)


@pytest.mark.parametrize("target", LANGUAGES)
def test_source_of_each_target(target):
    source = gpu_script(load("score/softcap").bind(), Sizes(0, 0, 64, 64))
    text = device_source(source, target)
    barrier, shared = {
        "opencl": ("barrier(CLK_LOCAL_MEM_FENCE)", "__local float"),
        "cuda": ("__syncthreads()", "__shared__ alignas(64) float"),
        "metal": ("threadgroup_barrier(mem_flags::mem_threadgroup)", "threadgroup float"),
    }[target]
    assert shared in text
    assert text.count(barrier) == source.text.count("tvm_storage_sync") == 12


def test_what_is_not_built_is_refused():
    for sizes in (Sizes(0, 0, 64, 64, dtype="bfloat16"), Sizes(0, 0, 512, 512)):
        with pytest.raises(NotBuiltForTarget, match="tvm for GPUs"):
            gpu_script(load("line/causal").bind(), sizes)
    sets = "attention a { input keys: set[q] mask { k in keys[q] } }"
    with pytest.raises(NotBuiltForTarget, match="sets"):
        gpu_script(load(sets).bind(), Sizes(0, 0, 64, 64))
    with pytest.raises(NotBuiltForTarget, match="route"):
        gpu_script(load("route/moba").bind(), Sizes(2, 2, 64, 64))
    with pytest.raises(NotBuiltForTarget, match="grid"):
        gpu_script(load("grid/natten2d").bind(), Sizes(0, 0, 64, 64))
