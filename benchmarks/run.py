"""Run the benchmark cases and write `benchmarks/results.md` and `results.json`.

python -m benchmarks.run [WORD ...]     only the cases whose name or peer holds one of the words
"""

import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from rich.console import Console

from attnc.runtime.timing import take_turns
from benchmarks import cold, environment, report
from benchmarks.cases import CASES, Make, UnavailableError
from benchmarks.peak import Peak, peak

FOLDER = Path(__file__).parent
COLD: dict[str, Callable[[], float]] = {
    "attnc, `line/mistral`": cold.ours,
    "FlexAttention, the same window": cold.flex,
}


def main(words: list[str]) -> None:
    """Run, print and write."""
    console = Console()
    with console.status("measuring the peak"):
        results: dict[str, Any] = {"environment": environment.describe(), "peak": asdict(peak())}
    results["cases"] = []
    for name, peer, make in chosen(words):
        with console.status(f"{name} against {peer}"):
            results["cases"].append({"name": name, "peer": peer} | measured(make, peak()))
    if not words:
        with console.status("compiling with empty caches"):
            results["cold"] = {name: or_reason(run) for name, run in COLD.items()}
    text = report.markdown(results)
    console.print(text, markup=False, highlight=False, soft_wrap=True)
    if not words:
        (FOLDER / "results.md").write_text(text)
        (FOLDER / "results.json").write_text(json.dumps(results, indent=2) + "\n")


def chosen(words: list[str]) -> Iterator[tuple[str, str, Make]]:
    """The cases that a command line asks for; all of them if it names none."""
    for (name, peer), make in CASES.items():
        if not words or any(word in f"{name} {peer}" for word in words):
            yield name, peer, make


def measured(make: Make, best: Peak) -> dict[str, Any]:
    """The figures of one case, or the reason why it was skipped.

    `peak_share` is the useful arithmetic done a second over the peak measured just before.
    """
    try:
        case = make()
    except UnavailableError as reason:
        return {"skipped": str(reason)}
    if case.warmup:
        check_equal(case.ours(), case.theirs())
    pairs = take_turns(case.ours, case.theirs, turns=case.turns, warmup=case.warmup)
    ours, theirs = pairs.seconds
    figures = asdict(pairs) | {
        "ours": ours,
        "theirs": theirs,
        "speedup": pairs.speedup,
        "spread": pairs.spread,
    }
    if case.flops is not None:
        gflops = case.flops / ours / 1e9
        figures |= {"gflops": gflops, "peak_share": gflops / best.gflops}
    return figures


def check_equal(ours: object, theirs: object) -> None:
    """Refuse to time two computations whose outputs differ, where both give a tensor."""
    if isinstance(ours, torch.Tensor) and isinstance(theirs, torch.Tensor):
        torch.testing.assert_close(ours, theirs, rtol=1e-3, atol=1e-4)


def or_reason(run: Callable[[], float]) -> float | str:
    """Seconds, or the reason why this cannot run here."""
    try:
        return run()
    except UnavailableError as reason:
        return f"skipped: {reason}"


if __name__ == "__main__":
    main(sys.argv[1:])
