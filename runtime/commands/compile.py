"""`attnc compile`: an artifact, to be loaded with `attnc.load`."""

import argparse
import json
from pathlib import Path

from attnc.codegen.tvm_gpu import LANGUAGES
from attnc.compiler.elaborate import Sizes
from attnc.dsl.errors import NotBuiltForTarget
from attnc.dsl.program import Bound
from attnc.runtime.commands import options as shared
from attnc.runtime.commands.emit import HEAD_DIM, sizes_of
from attnc.runtime.commands.output import print_json, progress
from attnc.runtime.commands.report import YES, UsageError
from attnc.runtime.gpu.targets import find, is_gpu

LAYOUTS = ("bhsd", "bshd")


def arguments(parser: argparse.ArgumentParser) -> None:
    """SPEC, the folder, the target and what the kernel is specialised on."""
    shared.add_spec(parser)
    parser.add_argument(
        "-o", "--output", required=True, type=Path, metavar="DIR", help="the folder"
    )
    shared.add_target(parser)
    parser.add_argument("--layout", choices=LAYOUTS, default=LAYOUTS[0], help="order of the axes")
    shared.add_heads(parser)
    shared.add_dims(parser)
    parser.add_argument("--cropped", action="store_true", help="keys may start after position 0")
    parser.add_argument(
        "--forward-only", action="store_true", help="without the kernel of the gradients"
    )
    parser.add_argument(
        "--queries",
        type=queries,
        metavar="N,N,...",
        help="numbers of queries against long keys that get kernels of their own, or `many`"
        " for none: those for many queries serve (default: 1,4,16,64)",
    )


def queries(text: str) -> tuple[int, ...]:
    """`1,16` as numbers; none for `many`.

    >>> queries("1,16"), queries("many")
    ((1, 16), ())
    """
    return () if text == "many" else tuple(map(shared.count, text.split(",")))


def run(options: argparse.Namespace) -> int:
    """0, with the artifact written."""
    if options.target in LANGUAGES and not is_gpu(options.target):
        emit = f"`attnc emit {options.spec} --target {options.target}`"
        raise UsageError(f"an artifact for {options.target} is not built; {emit} prints the source")
    _check_target(options)
    _check_folder(options.output)
    bound = shared.bind(options)
    with progress(f"compiling {bound.name}"):
        folder = write(bound, options)
    found = json.loads((folder / "manifest.json").read_text())
    kernels = [one["folder"] for one in found.get("kernels", ())]
    facts = {"artifact": str(folder), "name": bound.name, "target": options.target}
    if options.json:
        print_json(facts | {"kernels": kernels})
    else:
        print(f"{shared.title(bound)} is in {folder}{': ' * bool(kernels)}{', '.join(kernels)}")
    return YES


def write(bound: Bound, options: argparse.Namespace) -> Path:
    """Prove the assertions, compile, write the artifact; its folder."""
    from attnc.runtime.api import check_assertions, parse_dtype
    from attnc.runtime.artifacts.artifact import save
    from attnc.runtime.artifacts.contents import QUERIES, Contents
    from attnc.runtime.calls.options import Options

    sizes = sizes_of(bound, options) if is_gpu(options.target) else _sizes(options)
    wanted = QUERIES if options.queries is None else options.queries
    fixed = Options(
        layout=options.layout,
        dtype=parse_dtype(shared.dtype(options), options.target),
        head_dim=sizes.head_dim,
        value_dim=sizes.value_dim,
        heads=options.heads,
        kv_heads=options.kv_heads,
        target=options.target,
    )
    check_assertions(bound, options.heads, options.kv_heads or options.heads)
    return save(options.output, bound, sizes, fixed, Contents(wanted, not options.forward_only))


def _sizes(options: argparse.Namespace) -> Sizes:
    """What all kernels of an artifact share; head counts are of each attention in it."""
    from attnc.runtime.api import parse_dtype
    from attnc.runtime.calls.inputs import dtype_name

    head_dim = options.head_dim or HEAD_DIM
    dtype = dtype_name(parse_dtype(shared.dtype(options), options.target))
    return Sizes(
        head_dim=head_dim,
        value_dim=options.value_dim or head_dim,
        cropped=options.cropped,
        dtype=dtype,
    )


def _check_target(options: argparse.Namespace) -> None:
    """Refuse a target that is unknown, and what a GPU's kernels lack."""
    with progress("loading torch"):
        from attnc.runtime.api import check_target
    if not is_gpu(options.target):
        check_target(options.target)
        return
    find(options.target)
    if options.cropped:
        raise NotBuiltForTarget("keys cropped away", options.target, ("cpu",))
    if options.queries is not None:
        raise UsageError("an artifact of a GPU has one forward kernel: no --queries")


def _check_folder(folder: Path) -> None:
    """Refuse a folder that holds something else than an artifact."""
    if folder.is_dir() and any(folder.iterdir()) and not (folder / "manifest.json").exists():
        raise UsageError(f"`{folder}` is not empty and holds no artifact")
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"`{folder}` is not a folder")
