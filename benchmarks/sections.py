"""Everything that is timed, as data: the tables of the results."""

from dataclasses import dataclass

from benchmarks import cases, matmul
from benchmarks.measure import Case


@dataclass(frozen=True, slots=True)
class Section:
    """A table of the results, with what a reader must know about it."""

    title: str
    text: str
    cases: tuple[Case, ...]


SECTIONS = (
    Section(
        "Forward, float32",
        "*Of peak*: the arithmetic that the pattern's pairs need, done each second, over multiply-"
        "adds in registers timed just before.",
        tuple(cases.forward()),
    ),
    Section(
        "Forward, 16 bits",
        "*Of peak*: in bf16 over the CPU's products of bfloat16 pairs in registers, in fp16 over "
        "float32.",
        tuple(cases.halves()),
    ),
    Section(
        "Forward, patterns",
        "SDPA is given a mask where a person would: one for all heads, as `torch.bool`.",
        tuple(cases.patterns()),
    ),
    Section(
        "Forward, grids",
        "Both are given the same mask; FlexAttention's has the points in row-major order, and its "
        "block mask is made before.",
        tuple(cases.grids()),
    ),
    Section(
        "Pairs visited",
        "*Visited* is every pair whose dot product is computed, *useful* those of the pattern. The "
        "time for each visited pair is compared with that of full attention of the same shape. "
        "Short windows do little for each row: *moving the rows* is a loop that reads q, k and v "
        "and writes an output, each once, and nothing else. *The greater floor* is the longer of "
        "that and of the visited pairs at the rate of full attention.",
        tuple(cases.visited()),
    ),
    Section(
        "Backward",
        "The gradients of q, k and v; the forward pass is done before and not timed.",
        tuple(cases.backward()),
    ),
    Section(
        "Decoding",
        "The last one or sixteen queries of many keys. *Reading K and V* is a loop that adds up "
        "the same buffers on the same threads.",
        tuple(cases.decoding()),
    ),
    Section(
        "By length",
        "![Time over length](../docs/images/time_over_length.png)",
        tuple(cases.lengths()),
    ),
    Section("Backward by length", "", tuple(cases.backward_lengths())),
    Section(
        "Plans",
        "Finding the tiles of a window, written to a table for all rows; all is compiled before. "
        "Kernels run such loops as they go, and the whole call of an operator includes them.",
        tuple(cases.plans()),
    ),
    Section(
        "Block masks",
        "`attnc.flex.block_mask`, from reading the spec to the lists of blocks and their "
        "transposes; both give FlexAttention the same mask.",
        tuple(cases.block_masks()),
    ),
    Section(
        "Routes",
        "SDPA attends to all earlier keys. *Choosing* is the part of the call that finds the "
        "blocks; it is timed by itself, too. *Memory* is what a call takes at its height. Lists by "
        "blocks of queries are compared with a formula that gives each about as many pairs.",
        tuple(cases.routed()),
    ),
    Section(
        "CUDA through TVM",
        "The source that `attnc emit --target cuda` prints, compiled by `nvcc`: seconds from the "
        "spec to a cubin, and what a work-item takes of registers and spilled bytes.",
        tuple(cases.cuda()),
    ),
    Section(
        "Inner loops",
        "Instructions of one pass through the innermost loop of each product, counted in the "
        "assembly of a causal kernel. Where products outnumber what reads memory (broadcasts, and "
        "moves of whole registers), the multipliers are busy in every clock: a CPU with AVX-512 "
        "starts one or two products of 512 bits, and two reads, in a clock. What such kernels lose "
        "to the peak is spent outside of these loops, in exponentials and at the ends of tiles. "
        "For one query the loops wait for memory, which is asked for ahead of time.",
        tuple(cases.inner_loops()),
    ),
    Section(
        "First call",
        "From a spec to its first output in a new process, imports aside.",
        tuple(cases.first_calls()),
    ),
    Section(
        "Analysis",
        "`attnc.analyze` of shipped specs with 8 heads, in one process: of 16,384 tokens, of grids "
        "of 128 by 128 and of 16 by 32 by 32 points. The time is the median of the specs.",
        tuple(cases.analysed()),
    ),
    Section(
        "Gemma 3 270M",
        "Prefill of the whole model in float32 (`use_cache=False, logits_to_keep=1`). *Memory* is "
        "what the reading adds to the weights.",
        tuple(cases.models()),
    ),
    Section(
        "PyTorch's own speed",
        "Five products of 1024 x 1024 matrices, in a process that has just called an operator, and "
        "in one that has just called SDPA and never imported attnc.",
        (Case("torch.matmul beside attnc", "torch.matmul without", matmul.measure, quick=True),),
    ),
)
