"""Time attnc's kernels against others on the GPU of this machine: one command, no arguments needed.

    python -m benchmarks.gpu            # about 20 minutes, most of it compiling
    python -m benchmarks.gpu --only causal 8192 --tune

Both sides are checked against each other first. Times are medians between two events on the
device's stream. Writes a table and JSON, named after the device. `--toy` runs every pattern at a
toy size, also in Triton's interpreter (TRITON_INTERPRET=1), where times mean nothing.
"""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any

import torch
from rich.console import Console

from attnc.compiler.elaborate import Sizes
from attnc.dsl.diagnostics import AttnError
from attnc.runtime.calls.options import Options
from attnc.runtime.cpu.lower import sizes_for
from attnc.runtime.gpu import autotune
from attnc.runtime.gpu.devices import interpreted, resolve
from attnc.runtime.gpu.timing import seconds
from attnc.runtime.gpu.tuned import device_name
from attnc.runtime.operator import Operator
from attnc.runtime.timing import Work
from benchmarks.gpu_cases import GpuCase, cases, toys
from benchmarks.gpu_cells import table
from benchmarks.gpu_peers import PEERS, TOY_PEERS, Peer, refusals
from benchmarks.measure import UnavailableError, check_equal

WARMUP, TURNS = 5, 30
TOLERANCE = {torch.bfloat16: 3e-2, torch.float32: 1e-4}


@dataclass(frozen=True, slots=True)
class Row:
    """Median seconds of attnc and of each peer; why one has none; NATTEN's published seconds."""

    case: str
    ours: float | None
    theirs: Mapping[str, float] = field(default_factory=dict)
    reasons: Mapping[str, str] = field(default_factory=dict)
    published: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print each row as it comes, and write."""
    options = parser().parse_args(arguments)
    try:
        target = resolve("hip" if torch.version.hip else "cuda")
    except AttnError as error:
        sys.exit(f"{error}; a toy run needs none: TRITON_INTERPRET=1 ... --toy")
    chosen = [case for case in (toys() if options.toy else cases()) if holds(case, options.only)]
    console, rows = Console(soft_wrap=True), []
    peers, turns = (TOY_PEERS, 2) if options.toy else (PEERS, TURNS)
    for case in chosen:
        with console.status(str(case)):
            rows.append(measure(case, target, peers, turns, options.tune))
        console.print(*line(rows[-1], list(peers)), sep="  ", markup=False, highlight=False)
    where = write(options.output, target, rows, list(peers))
    console.print(f"written: {where} and {where.with_suffix('.json').name}")


def parser() -> argparse.ArgumentParser:
    """The command line."""
    found = argparse.ArgumentParser(
        prog="python -m benchmarks.gpu",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    found.add_argument("--only", nargs="+", default=[], metavar="WORD", help="cases of these words")
    found.add_argument("--toy", action="store_true", help="toy sizes")
    tuning = "first find the fastest config of each case, for S seconds (10)"
    found.add_argument(
        "--tune", type=float, default=0.0, metavar="S", nargs="?", const=10.0, help=tuning
    )
    found.add_argument(
        "-o", "--output", type=Path, default=Path(), metavar="DIR", help="where the table goes"
    )
    return found


def holds(case: GpuCase, words: Sequence[str]) -> bool:
    """Whether a case is named by all words."""
    return all(word.lower() in str(case).lower() for word in words)


def measure(case: GpuCase, target: str, peers: Mapping[str, Peer], turns: int, limit: float) -> Row:
    """One row."""
    device, dtype = ("cpu", torch.float32) if interpreted() else ("cuda", torch.bfloat16)
    q, k, v = case.tensors(device, dtype)
    inputs, reasons = case.tables(device), {}
    operator = Operator(case.bound, Options(target=target))
    attend = partial(operator, q, k, v, grid=case.grid or None, **inputs)
    try:
        with refusals("attnc"):
            if limit:
                tune(case, target, (q, k, v), limit)
            expected = attend()
    except UnavailableError as reason:
        return Row(str(case), None, {}, {"attnc": str(reason)}, case.published)
    theirs = {}
    for name, peer in peers.items():
        try:
            with refusals(name):
                work = peer(case, q, k, v)
                check_equal(expected, work(), TOLERANCE[dtype])
                theirs[name] = time(work, turns)
        except UnavailableError as reason:
            reasons[name] = str(reason)
    return Row(str(case), time(attend, turns), theirs, reasons, case.published)


def tune(case: GpuCase, target: str, tensors: Sequence[torch.Tensor], limit: float) -> None:
    """Find the fastest config of the case's kernel, and keep it for this device."""
    q, inputs = tensors[0], case.tables(str(tensors[0].device))
    sizes: Sizes = sizes_for(
        case.bound,
        dtype=str(q.dtype).removeprefix("torch."),
        head_dim=case.d,
        heads=case.heads,
        kv_heads=case.kv_heads,
    )
    call = lambda kernel: kernel.attention(*tensors, **inputs)  # noqa: E731
    autotune.tune(case.bound, sizes, target, call, limit)


def time(work: Work, turns: int) -> float:
    """The median of a call, in seconds."""
    for _ in range(min(WARMUP, turns)):
        work()
    return median(seconds(work) for _ in range(turns))


def line(row: Row, peers: Sequence[str]) -> list[str]:
    """A row as text: milliseconds, and how many times as long the others take."""
    if row.ours is None:
        return [row.case, row.reasons["attnc"], *[""] * (len(peers) + 1)]
    ratios = [
        f"{row.theirs[name] * 1e3:.3f} ({row.theirs[name] / row.ours:.2f})"
        if name in row.theirs
        else ""
        for name in peers
    ]
    return [row.case, f"{row.ours * 1e3:.3f}", *ratios, f"{row.published or ''}"]


def write(folder: Path, target: str, rows: Sequence[Row], peers: Sequence[str]) -> Path:
    """`gpu-DEVICE.md` and `.json`; the path of the first."""
    device = device_name()
    name = "gpu-" + "-".join(device.lower().split())
    versions = {package: version(package) for package in ("attnc", "torch", "triton")}
    facts = {"device": device, "target": target, "versions": versions}
    data = {**facts, "rows": [row.to_dict() for row in rows]}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.json").write_text(json.dumps(data, indent=2) + "\n")
    head = ("case", "attnc, ms", *(f"{peer}, ms (ratio)" for peer in peers), "NATTEN on H100, ms")
    made = ", ".join(f"{package} {number}" for package, number in versions.items())
    text = (
        f"# {device} ({target})\n\nMedians of calls, {made}. Why a cell is empty says the JSON.\n\n"
    )
    page = folder / f"{name}.md"
    page.write_text(text + table(head, [line(row, peers) for row in rows]))
    return page


if __name__ == "__main__":
    main()
