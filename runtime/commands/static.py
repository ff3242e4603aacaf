"""`attnc analyze --static`: what the machine code of a spec's kernel says of it."""

import argparse
from typing import TYPE_CHECKING

from attnc.dsl.loader import load
from attnc.runtime.commands import options as shared
from attnc.runtime.commands.output import console, facts, print_json, progress, table
from attnc.runtime.commands.report import YES, UsageError
from attnc.runtime.gpu.targets import GPUS, find, is_gpu

if TYPE_CHECKING:
    from attnc.runtime.gpu.static import StaticAnalysis, StaticLoop

HEAD_DIM = 64


def run(options: argparse.Namespace) -> int:
    """0, with the kernel's resources and loops on stdout."""
    if not is_gpu(options.target):
        raise UsageError(f"--static is of a GPU: --target {', '.join(GPUS)}")
    if options.decode and options.gradient:
        raise UsageError("the kernels of the gradients are for any number of queries: one of both")
    if options.q_len or options.kv_len:
        raise UsageError("--static counts tiles at one length: --seq (default 4096)")
    find(options.target)
    load(options.spec).bind(**shared.given(options))  # refuses what is wrong before torch loads
    with progress("compiling"):
        from attnc.runtime.gpu.search import LENGTH
        from attnc.runtime.gpu.static import analyze_static

        found = analyze_static(
            options.spec,
            target=options.target,
            dtype=shared.dtype(options),
            head_dim=options.head_dim or HEAD_DIM,
            value_dim=options.value_dim,
            heads=options.heads,
            kv_heads=options.kv_heads,
            seq=options.seq or LENGTH,
            decode=options.decode,
            gradient=options.gradient,
            **shared.given(options),
        )
    if options.json:
        print_json(found.to_dict())
    else:
        _print(found)
    return YES


def _print(found: "StaticAnalysis") -> None:
    out = console()
    dims = f"D {found.head_dim}" + (
        f", Dv {found.value_dim}" if found.value_dim != found.head_dim else ""
    )
    kernel = "" if found.kernel == "forward" else f" {found.kernel}"
    out.print(f"{found.name}{kernel}, {found.target}, {found.dtype}, {dims}", style="bold")
    out.print(facts(_facts(found)))
    out.print(_loops(found.loops))
    for loop in found.loops:
        mix = ", ".join(f"{count} {what}" for what, count in loop.counts.items())
        out.print(f"line {loop.line}: {mix}")
    out.print(_tried(found))


def _facts(found: "StaticAnalysis") -> dict[str, str]:
    used, busy = found.resources, found.occupancy
    rows, keys = found.tile
    spills = f"{used.spills:,} bytes of spills" if used.spills else "no spills"
    clocks = found.clocks_per_pair
    return {
        "tile": f"{rows} queries, {keys} keys; {found.num_warps} warps, {found.num_stages} stages",
        "registers": f"{used.registers} a thread, {spills}",
        "shared memory": f"{used.shared:,} bytes a block",
        "occupancy": f"{busy.blocks} blocks, {busy.warps} warps ({busy.share:.0%}), limited by "
        f"{busy.limit}",
        "predicted": "no loop multiplies matrices"
        if clocks is None
        else f"{clocks:.3f} clocks of a multiprocessor for a pair, at {found.seq} tokens",
    }


def _loops(loops: tuple["StaticLoop", ...]) -> object:
    columns = ("line", "an element", "i/M", "clocks", "MMA busy")
    rows = table("loop", *columns, "bound by", numbers=columns)
    for loop in loops:
        rows.add_row(
            loop.tile_class or "around",
            str(loop.line),
            f"{loop.per_element:.1f}",
            f"{loop.issue_over_mma:.2f}",
            f"{loop.clocks:,.0f}",
            f"{loop.mma_share:.0%}",
            loop.pipe,
        )
    return rows


def _tried(found: "StaticAnalysis") -> object:
    from attnc.runtime.gpu.configs import Config

    rows = table("compiled", "clocks a pair", "", numbers=("clocks a pair",))
    chosen = Config(*found.tile, found.num_warps, found.num_stages, found.descriptors)
    for one in found.tried:
        clocks = "" if one.clocks_per_pair is None else f"{one.clocks_per_pair:.3f}"
        said = [*filter(None, ("chosen" * (one.config == chosen), one.why_not))]
        rows.add_row(str(one.config), clocks, ", but ".join(said))
    return rows
