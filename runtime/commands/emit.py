"""`attnc emit`: the text of one stage, or the IR after one pass."""

import argparse
import sys

from attnc.compiler.elaborate import Sizes
from attnc.dsl.diagnostics import closest
from attnc.dsl.program import Bound
from attnc.runtime.commands import options as shared
from attnc.runtime.commands.output import print_json, progress
from attnc.runtime.commands.report import YES, UsageError
from attnc.runtime.tree import tree

LAST_PASSES = {"attn": "plan-visits", "tile": "specialise"}
PRINTED = (*LAST_PASSES, "tvm")
BUILT = ("ast", *PRINTED, "llvm", "asm", "triton")
NOT_BUILT = ("ttgir", "ptx", "sass")
HEAD_DIM = 64


def arguments(parser: argparse.ArgumentParser) -> None:
    """SPEC, the stage or the pass, and what a kernel is specialised on."""
    shared.add_spec(parser)
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--stage", choices=(*BUILT, *NOT_BUILT), help="the default is tile")
    which.add_argument("--after", metavar="PASS", help="print the IR after this pass")
    shared.add_heads(parser)
    shared.add_dims(parser)
    parser.add_argument("--backward", action="store_true", help="the kernel of the gradients")
    shared.add_target(parser)
    parser.add_argument("--cropped", action="store_true", help="keys may start after position 0")


def run(options: argparse.Namespace) -> int:
    """0, with the text on stdout."""
    stage = options.stage or "tile"
    if stage in NOT_BUILT and not options.after:
        raise UsageError(f"stage `{stage}` is not built yet; the stages are {', '.join(BUILT)}")
    bound = shared.bind(options)
    text = text_of(bound, stage, options)
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
        from attnc.runtime import build
        from attnc.runtime.api import check_target
        from attnc.runtime.lower import stages

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


def _triton(bound: Bound, options: argparse.Namespace) -> str:
    from attnc.dsl.errors import NotBuiltForTarget
    from attnc.runtime.lower_triton import triton_source

    if options.backward or options.cropped:
        feature = "the kernel of the gradients" if options.backward else "keys cropped away"
        raise NotBuiltForTarget(feature, "triton", ("cpu",))
    return triton_source(bound, sizes_of(bound, options)).text


def _printed(texts: dict[str, str], name: str) -> str:
    if name in texts:
        return texts[name]
    known = [step for step in texts if step != "tvm"]
    near = closest(name, known)
    hint = f"did you mean `{near}`?" if near else f"the passes are {', '.join(known)}"
    raise UsageError(f"there is no pass `{name}`; {hint}")


def sizes_of(bound: Bound, options: argparse.Namespace) -> Sizes:
    """What the kernel is specialised on: head counts only where the spec depends on them."""
    from attnc.runtime.api import parse_dtype
    from attnc.runtime.inputs import dtype_name
    from attnc.runtime.lower import needs_heads

    wanted = needs_heads(bound)
    head_dim = options.head_dim or HEAD_DIM
    dtype = parse_dtype(options.dtype)
    assert dtype is not None
    return Sizes(
        heads=(options.heads or 0) if wanted else 0,
        kv_heads=(options.kv_heads or options.heads or 0) if wanted else 0,
        head_dim=head_dim,
        value_dim=options.value_dim or head_dim,
        cropped=options.cropped,
        dtype=dtype_name(dtype),
    )
