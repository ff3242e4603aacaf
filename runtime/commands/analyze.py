"""`attnc analyze`: what a pattern costs at given lengths; nothing is compiled.

With `--static`, kernels for a GPU are, and their machine code is judged.
"""

import argparse
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.table import Table

from attnc.dsl.loader import load_any
from attnc.dsl.stack import StackProgram
from attnc.runtime.commands import min_stride, options as shared, static
from attnc.runtime.commands.output import console, facts, print_json, progress, table
from attnc.runtime.commands.report import YES, UsageError
from attnc.runtime.gpu.targets import is_gpu

if TYPE_CHECKING:
    from attnc.compiler.analysis import Analysis, StackAnalysis
    from attnc.compiler.tile_choices import TileChoice

HEAD_DIM = 64


def arguments(parser: argparse.ArgumentParser) -> None:
    """SPEC, lengths, head counts. Run-time integers are given with -p as well."""
    shared.add_spec(parser)
    for name, what in (("seq", "both lengths"), ("q-len", "queries"), ("kv-len", "keys")):
        parser.add_argument(f"--{name}", type=shared.count, metavar="N", help=what)
    shared.add_grid(parser)
    shared.add_heads(parser)
    parser.add_argument("--static", action="store_true", help="the machine code for a GPU --target")
    shared.add_decode(parser, "with --static, ")
    parser.add_argument(
        "--gradient",
        choices=("q", "k"),
        default="",
        help="with --static, the kernel of dQ, or that of dK and dV",
    )
    parser.add_argument(
        "--min-stride",
        nargs="?",
        const="",
        metavar="NAME",
        help="the least stride (parameters `stride...`, or NAME) without partial tiles on a grid",
    )
    parser.add_argument(
        "--tile",
        type=min_stride.tile,
        metavar="QxK",
        help="with --min-stride: boxes of queries and keys, 8,16x1,128; default: the kernel's own",
    )
    shared.add_dims(parser)
    shared.add_target(parser)


def run(options: argparse.Namespace) -> int:
    """0, with the numbers on stdout."""
    if options.static:
        return static.run(options)
    if options.gradient:
        raise UsageError("--gradient is for --static: the kernels of a GPU target")
    if options.decode:
        raise UsageError("--decode is for --static: counts of one query take --q-len 1")
    if options.min_stride is not None:
        return min_stride.run(options)
    if options.tile is not None:
        raise UsageError("--tile is for --min-stride: counts are of the kernel's own tiles")
    if is_gpu(options.target):
        raise UsageError("counts are the same for every target: for the machine code add --static")
    program = load_any(options.spec)
    if program.grid is None and not options.seq and not (options.q_len and options.kv_len):
        raise UsageError("give --seq, or --q-len and --kv-len")
    if isinstance(program, StackProgram):
        return _stack(options)
    with progress("analysing"):
        from attnc.runtime.api import analyze, split_parameters

        given = shared.given(options)
        bound, _ = split_parameters(options.spec, given)
        shared.check_size(bound, options, "seq", "q_len", "kv_len")
        found = analyze(
            options.spec,
            seq=options.seq,
            q_len=options.q_len,
            kv_len=options.kv_len,
            grid=options.grid,
            heads=options.heads,
            kv_heads=options.kv_heads,
            head_dim=options.head_dim or HEAD_DIM,
            **given,
        )
    if options.json:
        print_json(found.to_dict())
    else:
        _print(found)
    return YES


def _stack(options: argparse.Namespace) -> int:
    with progress("analysing"):
        from attnc.runtime.stack import analyze_stack

        found = analyze_stack(
            options.spec,
            seq=options.seq,
            q_len=options.q_len,
            kv_len=options.kv_len,
            grid=options.grid,
            heads=options.heads,
            kv_heads=options.kv_heads,
            head_dim=options.head_dim or HEAD_DIM,
            **shared.given(options),
        )
    if options.json:
        print_json(found.to_dict())
    else:
        _print_stack(found)
    return YES


def _print_stack(found: "StackAnalysis") -> None:
    """A row for each layer, then the sums."""
    columns = ("layer", "pairs", "visited", "reaches", "flops", "keeps")
    out, rows = console(), table(*columns, numbers=columns[:5])
    reached = [f"{keys:,}" for keys in found.receptive_field]
    reached += ["not known"] * (len(found.layers) - len(reached))
    for i, (layer, field) in enumerate(zip(found.layers, reached, strict=True)):
        numbers = (layer.at_most, layer.visited)
        kept = layer.cache_rule.removeprefix("keeps ")
        rows.add_row(str(i), *(f"{x:,}" for x in numbers), field, f"{layer.flops:,}", kept)
    out.print(f"{found.name}, {len(found.layers)} layers", style="bold")
    out.print(rows)
    bound = "it grows" if found.cache_bound is None else f"{found.cache_bound:,} keys"
    out.print(f"all layers: {found.flops:,} flops, {found.bytes:,} bytes, cache: {bound}")
    for proof in found.proofs:
        out.print(f"assert {proof.assertion}: {_proof(proof)}")


def _print(found: "Analysis") -> None:
    out = console()
    grid = f" on a grid of {' x '.join(map(str, found.grid))}" if found.grid else ""
    size = f"{found.q_len} queries, {found.kv_len} keys{grid}"
    out.print(f"{found.name}, {size}", style="bold")
    out.print(facts(_rows(found)))
    if found.choices:
        out.print(_choices(found.choices))
    for note in found.notes:
        out.print(f"note: {note}", style="yellow")


def _choices(choices: "Sequence[TileChoice]") -> Table:
    """What each tile could gain over a dense kernel of the same speed."""
    columns = ("queries", "keys", "classes", "visited", "for each pair", "speed-up")
    rows = table(*columns, "", numbers=columns[3:])
    for one in choices:
        shapes = (" x ".join(map(str, box)) for box in (one.queries, one.keys, one.steps))
        numbers = (f"{one.visited:,}", f"{one.waste:.3f}", f"{one.speedup:.2f}")
        rows.add_row(*shapes, *numbers, "chosen" if one.chosen else "")
    return rows


def _rows(found: "Analysis") -> dict[str, str]:
    tiles = found.tiles
    pairs = f"{found.useful:,}" if found.useful is not None else f"at most {found.at_most:,}"
    density = f" of {found.heads * found.q_len * found.kv_len:,}"
    if found.density is not None:
        density += f", density {found.density:.4%}"
    if found.estimate is not None:
        density += ", density about {:.4%} (standard error {:.4%})".format(*found.estimate)
    bound = "" if found.cache_bound is None else f"{found.cache_bound:,} keys: "
    return {
        "pairs": pairs + density,
        "visited": f"{found.visited:,}{_share(found.visited, found.at_most)}",
        "tiles": f"{tiles.empty:,} empty, {tiles.partial:,} partial, {tiles.full:,} full"
        f" ({found.full_share:.0%} of those visited)",
        "tile map": found.tile_map,
        "work": f"{found.flops:,} flops, {found.bytes:,} bytes at {found.head_dim} columns,"
        f" {found.intensity:,.1f} flops a byte",
        "cache": f"{bound}{found.cache_rule}",
        **{f"assert {p.assertion}": _proof(p) for p in found.proofs},
        **(
            {"time": f"{found.predicted_seconds * 1e3:,.3g} ms predicted"}
            if found.predicted_seconds
            else {}
        ),
        "layers": _layers(found),
        "backends": _backends(found.backends),
    }


def _backends(found: Mapping[str, str]) -> str:
    """A line for each thing that targets say."""
    saying: dict[str, list[str]] = {}
    for target, says in found.items():
        saying.setdefault(says, []).append(target)
    return "\n".join(f"{says}: {', '.join(targets)}" for says, targets in saying.items())


def _share(visited: int, pairs: int) -> str:
    return f", {visited / pairs:.3f} for each pair" if pairs else ""


def _layers(found: "Analysis") -> str:
    """The receptive field in words."""
    reached = ", ".join(f"{keys:,}" for keys in found.receptive_field)
    return f"after 1, 2, ... the last token depends on {reached}" if reached else "not known"


def _proof(proof: Any) -> str:
    return f"{proof.verdict} ({proof.reason})" if proof.reason else str(proof.verdict)
