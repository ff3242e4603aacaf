"""The choice of a tile and a launch, and what is said where there is none."""

import importlib.util
from dataclasses import replace
from pathlib import Path

import pytest

from attnc.compiler.counts import Census
from attnc.compiler.elaborate import Sizes
from attnc.dsl.errors import HeadsMissing, NotBuiltForTarget, NothingFits, PackageMissing
from attnc.dsl.loader import load
from attnc.runtime.gpu import aot, search
from attnc.runtime.gpu.configs import Candidate, Config, first_guess
from attnc.runtime.gpu.gradients import ROUNDS, candidates as gradient_candidates, search_gradient
from attnc.runtime.gpu.jobs import jobs
from attnc.runtime.gpu.lower_triton import triton_source
from attnc.runtime.gpu.model import Bound
from attnc.runtime.gpu.report import KernelReport, LoopReport
from attnc.runtime.gpu.resources import Occupancy, Resources
from attnc.runtime.gpu.targets import GPUS, find

SIZES = Sizes(head_dim=64, value_dim=64, dtype="bfloat16")
SM_90 = find("cuda:sm_90")
CLEAN = Resources(registers=200, spills=0, stack=0, warps=4, shared=40960)


def report(used: Resources, clocks: float) -> KernelReport:
    loops = (LoopReport(0, {}, 8.0, 1.0, Bound("exp", {"mma": 1.0}, 1.0, clocks)),)
    return KernelReport("forward", SM_90.target, used, Occupancy(1, 4, 0.1, "registers"), loops)


@pytest.fixture
def compiler(monkeypatch: pytest.MonkeyPatch) -> dict[Config, object]:
    """Stands for the compiler: answers by config, `CLEAN` kernels by default; keeps what it saw."""
    answers: dict[Config, object] = {}

    def reports(found: list[aot.Job], processes: int) -> list[object]:
        made = []
        for job in found:
            tile = job.constants["BLOCK_M"], job.constants["BLOCK_N"]
            launch = job.options["num_warps"], job.options["num_stages"]
            copies = any(name.startswith("desc_") for name in job.signature)
            config = Config(*tile, *launch, descriptors=copies)
            made.append(answers.setdefault(config, report(CLEAN, tile[0] * tile[1] / 100)))
        return made

    monkeypatch.setattr(search, "reports", reports)
    monkeypatch.setattr(search, "BATCH", 4)
    return answers


def test_the_fewest_clocks_of_a_pair_win(compiler: dict[Config, object]) -> None:
    compiler[Config(64, 64, 4, descriptors=True)] = report(CLEAN, 10.0)
    found = search.search(load("line/causal").bind(), SIZES, SM_90)
    best = Config(64, 64, 4, descriptors=True)
    assert found.chosen.config == best and len(found.tried) == search.BATCH
    assert "BLOCK_M = 64" in found.source.text and "num_warps=4" in found.source.text


def test_bad_kernels_are_dropped_and_others_compiled(compiler: dict[Config, object]) -> None:
    first = search.search(load("line/causal").bind(), SIZES, SM_90).tried
    bad = [replace(CLEAN, spills=8), replace(CLEAN, serialised=True), replace(CLEAN, shared=10**6)]
    for one, used in zip(first, [*bad, bad[0]], strict=True):
        compiler[one.config] = report(used, 1.0)
    compiler[first[-1].config] = aot.Failed("no such instruction")
    found = search.search(load("line/causal").bind(), SIZES, SM_90)
    reasons = [one.why_not for one in found.tried[: len(first)]]
    assert "spills 8 bytes" in reasons[0] and "serialises" in reasons[1]
    assert "1,000,000 bytes of shared memory, a block has 232,448" in reasons[2]
    assert reasons[3] == "no such instruction"
    assert not found.chosen.why_not and len(found.tried) == 2 * search.BATCH


def test_where_nothing_fits_the_limit_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    spilling = report(replace(CLEAN, spills=8, registers=255), 1.0)
    monkeypatch.setattr(search, "reports", lambda found, _: [spilling] * len(found))
    with pytest.raises(NothingFits, match=r"`causal` fits `cuda:sm_90`.*spills 8 bytes with 255"):
        search.search(load("line/causal").bind(), SIZES, SM_90)


@pytest.mark.parametrize("target", list(GPUS))
@pytest.mark.parametrize("d", [16, 80, 256])
def test_every_target_has_candidates(target: str, d: int) -> None:
    config = first_guess(find(target), Sizes(head_dim=d, value_dim=d, dtype="bfloat16"))
    assert config.tile_q >= config.tile_k / 8 and config.num_warps in (4, 8)


def test_a_window_counts_the_pairs_that_a_tile_visits_in_vain(
    compiler: dict[Config, object],
) -> None:
    """Tiles of the same clocks for a score: the smaller ones waste fewer on a short window."""
    found = search.search(load("line/mistral").bind(w=32), SIZES, SM_90)
    tiles = [one.config.tile_q * one.config.tile_k for one in found.tried]
    assert max(tiles) <= 64 * 64
    assert found.chosen.config.tile_q * found.chosen.config.tile_k == min(tiles) < max(tiles)


def test_clocks_weigh_both_classes() -> None:
    text = "for c in a:\n    s = f_full(c)\nfor c in b:\n    s = f_partial(c)\n"
    bound = Bound("exp", {}, 1.0, 10.0)
    full = LoopReport(1, {}, 8.0, 1.0, bound)
    loops = [full, replace(full, line=3, bound=replace(bound, clocks=30.0))]
    visits = Census(pairs=1000, useful=500, visited=600, empty=1, partial=2, full=4)
    assert search.clocks_of(loops, text, visits) == (4 * 10 + 2 * 30) / 500
    assert search.clocks_of(loops[:1], text, visits) == 6 * 10 / 500
    assert search.clocks_of([], text, visits) is None


def test_few_queries_want_the_fewest_instructions(compiler: dict[Config, object]) -> None:
    few = replace(SIZES, rows=12, packed=6)
    first = search.search(load("line/causal").bind(), few, SM_90).tried
    assert all(one.config.tile_q == 16 for one in first)
    best = report(CLEAN, 1e6)
    compiler[first[-1].config] = replace(best, loops=(replace(best.loops[0], per_element=1.0),))
    found = search.search(load("line/causal").bind(), few, SM_90)
    assert found.chosen.config == first[-1].config and "merge" in found.jobs


@pytest.mark.parametrize("owner", ["q", "k"])
def test_gradients_have_tiles_of_their_own(compiler: dict[Config, object], owner: str) -> None:
    """The fewest clocks win; one stage waits for its rows, so that two win at the same clocks."""
    bound = load("line/causal").bind()
    first = search_gradient(bound, SIZES, SM_90, owner, ()).tried
    assert len(first) == search.BATCH
    assert {one.config.descriptors for one in first} == ({True, False} if owner == "q" else {False})
    compiler[first[1].config] = report(CLEAN, 1.0)
    found = search_gradient(bound, SIZES, SM_90, owner, ())
    assert found.chosen.config == first[1].config
    assert found.kernel == {"q": "backward_q", "k": "backward_kv"}[owner] in found.jobs
    for stages, one in enumerate(first[:2], 1):
        same = replace(one.config, tile_q=64, tile_k=64, num_stages=stages)
        visits = Census(1, 1, 1, 0, 1, 0)
        judged = search.judged(Candidate(same, visits, 0.0), report(CLEAN, 9.0), "", SM_90)
        assert (judged.clocks_per_pair == 9.0) == (stages == 2)


def test_gradients_that_spill_take_the_least(monkeypatch: pytest.MonkeyPatch) -> None:
    used = [replace(CLEAN, spills=900 - n, shared=10**6 * (n % 2)) for n in range(400)]
    seen: list[str] = []

    def reports(found: list[aot.Job], processes: int) -> list[KernelReport]:
        seen.extend(job.name for job in found)
        return [report(used[len(seen) - len(found) + n], 1.0) for n, _ in enumerate(found)]

    monkeypatch.setattr(search, "reports", reports)
    found = search_gradient(load("line/causal").bind(), SIZES, SM_90, "k", ())
    spills = [one.report.resources.spills for one in found.tried if one.report]
    assert len(seen) == ROUNDS * search.BATCH
    assert found.report.resources.spills == min(spills[::2]) and found.chosen.why_not


@pytest.mark.parametrize("target", list(GPUS))
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("owner", ["q", "k"])
def test_every_target_has_candidates_for_gradients(target: str, dtype: str, owner: str) -> None:
    visits = Census(1, 1, 1, 0, 1, 0)
    for d in (16, 80, 256):
        sizes = Sizes(head_dim=d, value_dim=d, dtype=dtype)
        assert gradient_candidates(find(target), sizes, owner, lambda _: visits)


def test_jobs_are_as_the_jit_would_compile() -> None:
    source = triton_source(load("input/document").bind(), SIZES)
    launches = {"forward": Config(128, 64, 4)}
    found = jobs(source, launches, SIZES, "cuda:sm_90")
    forward = found["forward"]
    assert set(found) == {"forward_plan", "forward"}
    assert forward.signature["doc_s0"] == "constexpr" and forward.constants["doc_s0"] == 1
    assert {"p_q", "q_sh", "out_sb", "p_doc"} <= set(forward.divisible)
    assert forward.signature["q_sn"] == "constexpr" and forward.constants["q_sn"] == 64
    assert not {"q_len", "doc_sb"} & set(forward.divisible)
    odd = jobs(source, launches, replace(SIZES, head_dim=72), "cuda:sm_90")["forward"]
    assert "q_sh" not in odd.divisible and "p_q" in odd.divisible


def test_what_has_no_triton_form_is_refused() -> None:
    wide = replace(SIZES, dtype="float64")
    with pytest.raises(NotBuiltForTarget, match=r"dtype float64 is not built.*cuda:sm_90.*cpu"):
        search.search(load("line/causal").bind(), wide, SM_90)
    with pytest.raises(HeadsMissing):
        search.search(load("route/moba").bind(), SIZES, SM_90)
    with pytest.raises(HeadsMissing):
        search.search(load("line/longlora").bind(), SIZES, SM_90)


def test_without_triton(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(aot, "find_spec", lambda name: None)
    assert importlib.util.find_spec("triton") is not None
    with pytest.raises(PackageMissing, match=r"pip install 'attnc\[triton\]'"):
        search.search(load("line/causal").bind(), SIZES, SM_90)
