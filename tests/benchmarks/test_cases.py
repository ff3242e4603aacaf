"""The cases on small shapes: both sides agree, and the derived figures are what they say."""

from dataclasses import replace

import pytest
import torch

import attnc
from attnc.compiler.elaborate import Sizes
from attnc.dsl.loader import load
from benchmarks import loops, memory, plan, reading, routes
from benchmarks.attention import FLOOR, Setup, against_full, compare
from benchmarks.measure import Figures, UnavailableError, check_equal, duel
from benchmarks.patterns import PATTERNS, TEXT
from benchmarks.product import attention

TINY = Setup(pattern="window 256", n=600, d=32, heads=2)


@pytest.mark.parametrize("direction", ["forward", "backward"])
def test_a_case_gives_times_and_arithmetic(direction):
    found = compare(replace(TINY, direction=direction), "SDPA", 0.0)
    assert len(found.ours) == len(found.theirs) == 3
    assert found.facts["GFLOP/s"] > 0 and found.facts["of peak"] > 0


@pytest.mark.parametrize("pattern", PATTERNS)
def test_useful_pairs_are_those_of_the_mask(pattern):
    chosen = PATTERNS[pattern]
    axes = len(load(chosen.spec).bind().grid)
    grid = {0: (), 1: (1500,), 2: (20, 32), 3: (6, 11, 12)}[axes]
    where = {"grid": grid} if grid else {"seq": 1500}
    pairs = attnc.mask(chosen.spec, **where, heads=1, **chosen.parameters, **chosen.inputs(1, 1500))
    assert chosen.useful(1500, grid) == int(pairs.sum())


@pytest.mark.parametrize(
    "setup",
    [
        Setup(pattern="NATTEN 13 by 13", n=20 * 30, grid=(20, 30), heads=2, d=16),
        Setup(pattern="CLEAR, 512 of text", n=5 * 7 + TEXT, grid=(5, 7), heads=2, d=16),
    ],
    ids=str,
)
def test_a_case_on_a_grid(setup):
    assert compare(setup, "SDPA", 0.0).facts["GFLOP/s"] > 0
    assert against_full(setup, 0.0).facts["time per visited pair, full = 1"] > 0


def test_useful_pairs_of_the_last_queries():
    decoding = replace(TINY, pattern="causal", queries=7)
    pairs = attnc.mask("line/causal", q_len=7, kv_len=600)
    assert decoding.useful == 2 * int(pairs.sum())
    assert decoding.flops == 4 * 32 * decoding.useful
    assert str(decoding) == "causal, Nq 7, Nk 600, D 32, H 2, fp32"


def test_full_attention_costs_one_per_visited_pair():
    found = against_full(replace(TINY, pattern="full"), 0.0)
    assert found.facts["visited / useful"] == pytest.approx(1.0, abs=0.1)
    per_pair = found.facts["time per visited pair, full = 1"]
    assert per_pair > 0  # no speed is claimed by a test
    rows = found.facts["moving the rows, of the time"]
    assert rows > 0 and found.facts[FLOOR] == min(per_pair, 1 / rows)


def test_what_a_peer_refuses_is_the_reason():
    with pytest.raises(UnavailableError, match="cannot change the scores"):
        compare(replace(TINY, pattern="soft-cap"), "SDPA", 0.0)


def test_results_that_differ_are_not_timed():
    with pytest.raises(AssertionError, match="not close"):
        check_equal(torch.zeros(3), torch.ones(3), 1e-3)
    check_equal(
        (torch.zeros(3), torch.full((2,), 100.0)), (torch.zeros(3), torch.ones(2) * 101), 0.1
    )


def test_a_duel_takes_few_turns_of_slow_work_and_many_of_fast():
    assert len(duel(lambda: None, lambda: None, 0.0).first) == 3
    assert len(duel(lambda: None, lambda: None, 10.0).second) == 31


def test_the_reading_loop_reads_every_word():
    from attnc.runtime.cpu import build

    host = build.host()
    lanes = host.machine.lanes
    [kernel] = build.load(build.to_llvm(reading.script(lanes), host), "main")
    words = torch.arange(2 * reading.STREAMS * lanes * 3, dtype=torch.int32)
    sums = torch.empty(2, lanes, dtype=torch.int32)
    kernel(words, sums)
    assert sums.sum() == words.sum() and sums[0].sum() < sums[1].sum()


def test_the_planner_writes_every_visited_tile():
    window = PATTERNS["window 256"]
    offsets, tiles = plan.planner(window, 5000)().table
    found = attnc.analyze(window.spec, seq=5000, **window.parameters)
    assert tiles.numel() == offsets[-1] == found.tiles.partial + found.tiles.full


def test_memory_counts_what_a_call_holds_at_its_height():
    found = memory.growth("memory", lambda: torch.ones(1 << 25))
    if not found:
        pytest.skip("this system does not say")
    assert (1 << 27) * 0.9 < found["memory"] < (1 << 27) * 1.3


def test_figures_without_a_peer():
    assert Figures((1.0,)).theirs == ()


@pytest.mark.parametrize("role", ["attnc", "plain"])
def test_the_processes_of_matrix_products_call_attention(role):
    assert attention(role)().shape == (1, 8, 512, 64)


def test_pairs_of_lists_are_counted():
    """Each query from 256 on chooses two blocks before its own of 128."""
    spec = "route/moba"
    setup = Setup(pattern="causal", n=600, d=32, heads=2)
    operator = attnc.compile(spec, n=2, block=128)
    lists = routes.chooser(operator, setup.tensors())()
    visited, useful = routes.counts(operator, setup.tensors(), lists)
    own = sum(1 + q % 128 for q in range(600))
    chosen = sum(min(2, q // 128) for q in range(600))
    assert useful == 2 * (own + chosen * 128)
    assert useful < visited < 1.5 * useful


def test_lists_by_blocks_of_queries_are_counted():
    """Of 600 tokens in 10 blocks of 64 each block sees all 10; the formula sees those before."""
    setup = Setup(pattern="causal", n=600, d=32, heads=2)
    lists, sizes = routes.drawn(setup)
    assert lists.shape == (2, 10, 10) and int(sizes.sum()) == 600
    assert routes.by_blocks(setup, 0.0).facts[routes.OTHER] > 0
    blocks = torch.arange(600) // 64
    before = int((blocks[:, None] >= blocks).sum())
    found = attnc.analyze(routes.NEAREST, seq=600, block=64, n=16)
    assert found.useful == before


def test_routes_give_times_and_the_part_of_the_choice():
    setup = Setup(pattern="causal", n=600, d=32, heads=2)
    found = routes.against_causal("route/moba", setup, 0.0)
    assert len(found.ours) == len(found.theirs) == 3 and found.facts[routes.ROUTING] > 0
    assert routes.choosing("route/moba", setup, 0.0).ours


LOOP = """\
.LBB0_1:
\tvbroadcastss\t(%rax), %zmm1
\tvmovups\t(%rcx), %zmm2
\tvfmadd231ps\t%zmm1, %zmm2, %zmm3
\tvfmadd231ps\t64(%rcx), %zmm2, %zmm4
\tprefetcht1\t(%rdx)
\tvpunpcklwd\t%zmm1, %zmm2, %zmm5
\tvaddps\t%zmm1, %zmm2, %zmm5
\taddq\t$4, %rax
\tjne\t.LBB0_1
"""


def test_instructions_of_a_loop_are_counted_by_kind():
    (found,) = loops.LOOP.finditer(f".LBB0_0:\n\tret\n{LOOP}\tret\n")
    counts = loops.count(found[0])
    wanted = {"products": 2, "broadcasts": 1, "reads ahead": 1, "shuffles": 1, "moves": 1}
    assert counts == {**wanted, "rounding": 0, "other vector": 1, "scalar": 2}


def test_the_loops_of_a_kernel_hold_its_products():
    found = loops.measure("forward", Sizes(head_dim=64, value_dim=64), "outputs", 0.0)
    assert found.facts["products"] > found.facts["broadcasts"] + found.facts["moves"] > 0
