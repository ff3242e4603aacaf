"""`attnc emit`: the text of one stage, or the IR after one pass."""

import argparse
import sys

from attnc.codegen.tvm_gpu import LANGUAGES
from attnc.compiler.elaborate import Sizes
from attnc.dsl.diagnostics import closest, listing
from attnc.dsl.errors import NotBuiltForTarget
from attnc.dsl.program import Bound
from attnc.runtime.commands import options as shared
from attnc.runtime.commands.output import print_json, progress
from attnc.runtime.commands.report import YES, UsageError
from attnc.runtime.gpu.targets import GPUS, find, is_gpu
from attnc.runtime.tree import tree

LAST_PASSES = {"attn": "plan-visits", "tile": "specialise"}
PRINTED = (*LAST_PASSES, "tvm")
CPU_STAGES = ("ast", *PRINTED, "llvm", "asm", "triton")
GPU_STAGES = {
    "cuda": ("triton", "ttir", "ttgir", "llvm", "ptx", "sass"),
    "hip": ("triton", "ttir", "ttgir", "llvm", "amdgcn"),
}
STAGES = tuple(dict.fromkeys((*CPU_STAGES, *(x for found in GPU_STAGES.values() for x in found))))
HEAD_DIM = 64


def arguments(parser: argparse.ArgumentParser) -> None:
    """SPEC, the stage or the pass, and what a kernel is specialised on."""
    shared.add_spec(parser)
    which = parser.add_mutually_exclusive_group()
    which.add_argument(
        "--stage",
        choices=STAGES,
        help="the default is tile, on a GPU triton, in a language of GPUs tvm",
    )
    which.add_argument("--after", metavar="PASS", help="print the IR after this pass")
    shared.add_grid(parser, "the kernel for these extents of a grid alone (default: for all)")
    shared.add_heads(parser)
    shared.add_dims(parser)
    shared.add_decode(parser)
    parser.add_argument("--backward", action="store_true", help="the kernel of the gradients")
    shared.add_target(parser)
    parser.add_argument("--cropped", action="store_true", help="keys may start after position 0")


def run(options: argparse.Namespace) -> int:
    """0, with the text on stdout."""
    language = options.target in LANGUAGES
    gpu = is_gpu(options.target) and not language
    stage = options.stage or ("triton" if gpu else "tvm" if language else "tile")
    _check_stage(stage, options)
    bound = shared.bind(options)
    shared.check_size(bound, options)
    if options.grid:
        from attnc.runtime.calls.grids import at_extents

        bound = at_extents(bound, options.grid)
    writer = _gpu_text if gpu else _source if language else text_of
    text = writer(bound, stage, options)
    if options.json:
        print_json({"name": bound.name, "stage": options.after or stage, "text": text})
    else:
        sys.stdout.write(text if text.endswith("\n") else text + "\n")
    return YES


def text_of(bound: Bound, stage: str, options: argparse.Namespace) -> str:
    """The text of a stage, or of the pass that the options name."""
    if stage == "ast" and not options.after:
        return tree(bound.program)
    with progress(f"compiling {bound.name}"):
        from attnc.runtime.api import check_target
        from attnc.runtime.cpu import build
        from attnc.runtime.cpu.lower import stages

        if stage == "triton" and not options.after:
            return _triton(bound, options)
        check_target(options.target)
        host = build.host(options.target)
        sizes = sizes_of(bound, options)
        texts = stages(bound, sizes, host.machine, options.backward).texts
        if options.after or stage in PRINTED:
            return _printed(texts, options.after or LAST_PASSES.get(stage, stage))
        compiler = build.to_llvm if stage == "llvm" else build.to_assembly
        return compiler(texts["tvm"], host)


def _check_stage(stage: str, options: argparse.Namespace) -> None:
    """Refuse a stage that the target does not go through."""
    if options.decode and options.backward:
        raise UsageError("the kernel of the gradients is for any number of queries: one of both")
    family = options.target.partition(":")[0]
    language = options.target in LANGUAGES
    known = ("tvm",) if language else GPU_STAGES.get(family, CPU_STAGES)
    if options.after and (language or family in GPU_STAGES):
        raise UsageError(f"the passes are those of the CPU: leave out --target {options.target}")
    if stage not in known and not options.after:
        others = [name for name, found in GPU_STAGES.items() if stage in found]
        near = [target for target in GPUS if target.partition(":")[0] in others]
        hint = f"; `{stage}` is a stage of --target {listing(near)}" if near else ""
        stages = listing(known, "and")
        raise UsageError(f"the stages of target `{options.target}` are {stages}{hint}")


def _source(bound: Bound, stage: str, options: argparse.Namespace) -> str:
    """The GPU kernel as TVM prints it in a language of GPUs."""
    if options.backward or options.cropped or options.decode:
        feature = "the kernel of the gradients" if options.backward else "keys cropped away"
        feature = "the kernel for one query" if options.decode else feature
        raise NotBuiltForTarget(feature, options.target, ("cpu",))
    with progress(f"compiling {bound.name}"):
        from attnc.runtime.gpu.lower_tvm_gpu import device_source, gpu_script

        return device_source(gpu_script(bound, sizes_of(bound, options)), options.target)


def _triton(bound: Bound, options: argparse.Namespace) -> str:
    from attnc.runtime.gpu.lower_triton import triton_source

    _check_triton(options)
    return triton_source(bound, sizes_of(bound, options)).text


def _check_triton(options: argparse.Namespace) -> None:
    if options.backward or options.cropped:
        feature = "the kernel of the gradients" if options.backward else "keys cropped away"
        raise NotBuiltForTarget(feature, "triton", ("cpu",))


def _gpu_text(bound: Bound, stage: str, options: argparse.Namespace) -> str:
    """A stage of the kernels with the tile and launch that the search chooses."""
    _check_triton(options)
    gpu = find(options.target)
    with progress(f"compiling {bound.name}"):
        from attnc.runtime.gpu.files import stage_text
        from attnc.runtime.gpu.search import search

        choice = search(bound, sizes_of(bound, options), gpu)
        return choice.source.text if stage == "triton" else stage_text(choice, stage)


def _printed(texts: dict[str, str], name: str) -> str:
    if name in texts:
        return texts[name]
    known = [step for step in texts if step != "tvm"]
    near = closest(name, known)
    hint = f"did you mean `{near}`?" if near else f"the passes are {', '.join(known)}"
    raise UsageError(f"there is no pass `{name}`; {hint}")


def sizes_of(bound: Bound, options: argparse.Namespace) -> Sizes:
    """What the kernel is specialised on."""
    from attnc.runtime.api import parse_dtype
    from attnc.runtime.calls.inputs import dtype_name
    from attnc.runtime.cpu.lower import sizes_for

    sizes = sizes_for(
        bound,
        dtype=dtype_name(parse_dtype(shared.dtype(options), options.target)),
        head_dim=options.head_dim or HEAD_DIM,
        value_dim=options.value_dim,
        heads=options.heads,
        kv_heads=options.kv_heads,
        cropped=options.cropped,
    )
    return few_sizes(bound, sizes, options) if getattr(options, "decode", False) else sizes


def few_sizes(bound: Bound, sizes: Sizes, options: argparse.Namespace) -> Sizes:
    """The sizes of the kernel for one query, on a GPU or on a CPU."""
    from attnc.runtime.cpu import build, few
    from attnc.runtime.gpu.few import tile_rows

    def choose(group: int) -> few.Rows:
        if is_gpu(options.target) or options.stage == "triton":
            return tile_rows(1, group)
        machine = build.host(options.target).machine.computing(sizes.dtype)
        return few.choose_rows(machine, 1, group, min(sizes.head_dim, sizes.value_dim))

    return few.decoding(bound, sizes, options.heads, options.kv_heads, choose)
