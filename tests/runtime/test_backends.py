"""What an analysis says of targets is what they say themselves."""

import pytest

import attnc
from attnc.dsl.errors import AttnError, NothingFits
from attnc.dsl.loader import load
from attnc.runtime.cpu.cpus import host_machine
from attnc.runtime.cpu.lower import sizes_for, stages
from attnc.runtime.gpu.lower_triton import Backward, triton_source
from attnc.runtime.gpu.lower_tvm_gpu import gpu_script
from attnc.runtime.gpu.search import search
from attnc.runtime.gpu.targets import GPUS, find

SEARCH = "attention a { input x: int[token] mask { exists i in 0..100 : x[q] + i == k } }"
SPECS = {
    "line/mistral": {"seq": 512},
    "line/longformer": {"seq": 512},
    "score/alibi": {"seq": 512},
    "score/relative_bias": {"seq": 512},
    "input/revela": {"seq": 512},
    "input/gather": {"seq": 512},
    "route/moba": {"seq": 512},
    "grid/natten2d": {"grid": (32, 32)},
    SEARCH: {"seq": 512},
}


def refused(build: object, *arguments: object, **keywords: object) -> str:
    try:
        build(*arguments, **keywords)  # type: ignore[operator]
    except AttnError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("spec", SPECS)
def test_as_printers_say(spec: str) -> None:
    found = attnc.analyze(spec, heads=8, kv_heads=8, **SPECS[spec]).backends
    bound = load(spec).bind()
    sizes = {n: sizes_for(bound, dtype=n, head_dim=64, heads=8) for n in ("bfloat16", "float32")}
    why = refused(triton_source, bound, sizes["bfloat16"])
    gradients = refused(triton_source, bound, sizes["bfloat16"], backward=Backward.alike(64, 64))
    source = refused(gpu_script, bound, sizes["float32"])
    cpu = refused(stages, bound, sizes["float32"], host_machine())
    for target, says in found.items():
        own, reason = why, why or gradients
        if target not in GPUS:
            own = reason = source if target.startswith("emit ") else cpu
        assert says.startswith("refuses") == bool(own), (target, says)
        said = says.partition("refuses: ")[2].removesuffix(" is not built")
        assert bool(said) == bool(reason) and said in reason, (target, says)


def test_a_tile_that_no_gpu_holds() -> None:
    found = attnc.analyze("line/causal", seq=64, head_dim=4096).backends
    assert "no tile of 4096 and 4096 columns" in found["cuda:sm_90"]
    assert found["cpu"] == "accepts"
    sizes = sizes_for(load("line/causal").bind(), dtype="bfloat16", head_dim=4096)
    with pytest.raises(NothingFits):
        search(load("line/causal").bind(), sizes, find("cuda:sm_90"))


def test_parts_of_the_tokens() -> None:
    found = attnc.analyze("grid/clear", grid=(8, 8), text=7).backends
    assert found["cuda:sm_90"] == found["cpu"] == "accepts"
    assert "of its own" in found["emit metal"]
