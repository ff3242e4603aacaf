"""`attnc bench`: the compiled kernel and PyTorch's, timed in turns in one process.

With `--tune`, the kernels of all tile heights are, and the fastest is kept.
"""

import argparse
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attnc.compiler.elaborate import Sizes
from attnc.dsl.program import Bound
from attnc.runtime.commands import options as shared
from attnc.runtime.commands.output import console, print_json, progress, seconds, table
from attnc.runtime.commands.report import USAGE, YES, UsageError
from attnc.runtime.timing import Pairs, take_turns

if TYPE_CHECKING:
    from attnc.runtime.cpu.tuning import Tuned
    from attnc.runtime.operator import Operator
    from attnc.runtime.trials import Arguments

PEERS = ("sdpa", "flex")
LENGTH = 2048
NUMBERS = ("attnc", "peer", "times as long", "quartiles")


@dataclass(frozen=True, slots=True)
class Comparison:
    """The times of attnc and of a peer, and how far their results are apart; or why not."""

    peer: str
    pairs: Pairs | None
    difference: float | None
    reason: str = ""

    def to_dict(self) -> dict[str, Any]:
        """The fields as plain data: seconds, and the quartiles of the paired ratios."""
        found: dict[str, Any] = {"peer": self.peer, "reason": self.reason}
        if self.pairs is not None:
            ours, theirs = self.pairs.seconds
            found |= {"attnc_seconds": ours, "peer_seconds": theirs, "ratios": self.pairs.quartiles}
        return found | {"difference": self.difference}


def arguments(parser: argparse.ArgumentParser) -> None:
    """SPEC, the peers and the shape."""
    shared.add_spec(parser)
    parser.add_argument(
        "--against", type=peers, default=PEERS[:1], metavar="PEERS", help="sdpa, flex or sdpa,flex"
    )
    parser.add_argument(
        "--seq", type=shared.count, metavar="N", help=f"the length (default {LENGTH})"
    )
    shared.add_grid(parser)
    parser.add_argument("--batch", type=shared.count, default=1, metavar="N")
    parser.add_argument("--head-dim", type=shared.count, default=64, metavar="D", help="columns")
    parser.add_argument("--dtype", choices=shared.DTYPES, default="fp32", help="default: fp32")
    parser.add_argument(
        "--backward", action="store_true", help="time the gradients of q, k and v, without forward"
    )
    parser.add_argument("--turns", type=turns, default=11, metavar="N", help="timed calls of each")
    parser.add_argument(
        "--tune", action="store_true", help="find the fastest tile, and keep it for this spec"
    )
    parser.add_argument(
        "--limit", type=shared.count, default=10, metavar="S", help="seconds of --tune (default 10)"
    )
    parser.add_argument(
        "-o", "--output", type=Path, metavar="DIR", help="with --tune: write the artifact here"
    )
    shared.add_heads(parser)


def peers(text: str) -> tuple[str, ...]:
    """`sdpa,flex` as a tuple."""
    names = tuple(dict.fromkeys(name.strip() for name in text.split(",")))
    for name in names:
        if name not in PEERS:
            raise argparse.ArgumentTypeError(f"`{name[:40]}` is none of {', '.join(PEERS)}")
    return names


def turns(text: str) -> int:
    """A number of turns, at least 2: quartiles need so many."""
    return max(2, shared.count(text))


def run(options: argparse.Namespace) -> int:
    """0 where a peer could be timed, 2 where none can compute the spec."""
    bound = shared.bind(options)
    tokens, grid = shared.size(bound, options, LENGTH)
    if options.tune and options.backward:
        raise UsageError("--tune is for the forward pass: leave --backward out")
    if options.tune:
        return tune(bound, options)
    if options.output is not None:
        raise UsageError("-o is where --tune writes an artifact: add --tune")
    found = comparisons(bound, options)
    if options.json:
        data = {"name": bound.name, "parameters": dict(bound.values), "seq": tokens, "grid": grid}
        data |= {"dtype": options.dtype, "backward": options.backward}
        print_json(data | {"comparisons": [row.to_dict() for row in found]})
    else:
        _print(bound, options, found)
    return YES if any(row.pairs for row in found) else USAGE


def comparisons(bound: Bound, options: argparse.Namespace) -> list[Comparison]:
    """Compile, make the inputs, and time each peer."""
    with progress(f"compiling {bound.name}"):
        from attnc.runtime.calls.options import Options
        from attnc.runtime.composed.operator import operator as operator_of

        call = arguments_of(bound, options)
        operator = operator_of(bound, Options())
        operator(call.q, call.k, call.v, **call.keywords, **call.inputs)
    return [compare(operator, call, name, options) for name in options.against]


def arguments_of(bound: Bound, options: argparse.Namespace) -> "Arguments":
    """The tensors of the timed call, once the assertions hold."""
    from attnc.runtime.api import check_assertions
    from attnc.runtime.calls.options import parse_dtype
    from attnc.runtime.trials import Trial, make

    heads, kv_heads = head_counts(options)
    check_assertions(bound, heads, kv_heads)
    shape = (options.batch, heads, kv_heads, options.head_dim, options.head_dim)
    tokens, grid = shared.size(bound, options, LENGTH)
    trial = Trial("bench", tokens, tokens, *shape, grid=grid)
    call = make(bound, trial, parse_dtype(options.dtype), seed=0)
    for x in (call.q, call.k, call.v):
        x.requires_grad_(options.backward)
    return call


def head_counts(options: argparse.Namespace) -> tuple[int, int]:
    """Those of the queries and of the keys."""
    heads: int = options.heads or 8
    return heads, options.kv_heads or heads


def tune(bound: Bound, options: argparse.Namespace) -> int:
    """Time the kernel of each tile height, keep the fastest, print what was found."""
    with progress(f"compiling {bound.name}"):
        from attnc.runtime.artifacts import artifact
        from attnc.runtime.artifacts.library import Held, Library
        from attnc.runtime.calls.inputs import dtype_name
        from attnc.runtime.calls.options import Options
        from attnc.runtime.cpu import build, kernels, tuning
        from attnc.runtime.cpu.lower import chosen_tile, needs_heads, tiling
        from attnc.runtime.operator import Artifact, Operator

        call, (heads, kv_heads) = arguments_of(bound, options), head_counts(options)
        columns, dtype = options.head_dim, dtype_name(call.q.dtype)
        sizes = Sizes(head_dim=columns, value_dim=columns, dtype=dtype)
        if needs_heads(bound):
            sizes = replace(sizes, heads=heads, kv_heads=kv_heads)
        host = build.host()
        (chosen, _), _ = chosen_tile(bound, sizes, host.machine)
        works = {}
        for height in tuning.heights(tiling(host.machine, sizes).rows, chosen):
            texts = kernels.files(bound, replace(sizes, height=height))
            held = Held(bound.identity, sizes, None, partial(kernels.from_files, texts))
            library = Library(f"tile of {height}", [held])
            one = Operator(bound, Options(), Artifact(library.folder, "", library, artifact.load))
            works[height] = partial(one, call.q, call.k, call.v, **call.keywords, **call.inputs)
    with progress("timing"):
        found = tuning.measure(works, chosen, options.limit)
    place = tuning.store(kernels.digest(bound, sizes, host), found)
    if options.output is not None:
        fixed = Options(dtype=call.q.dtype, head_dim=options.head_dim, value_dim=options.head_dim)
        artifact.save(options.output, bound, sizes, fixed)
    if options.json:
        print_json({"name": bound.name, **asdict(found), "file": str(place)})
    else:
        _print_tuned(bound, options, found)
    return YES


def compare(
    operator: "Operator", call: "Arguments", name: str, options: argparse.Namespace
) -> Comparison:
    """Time the operator and one peer."""
    from attnc.runtime.peers import PEERS, PeerUnavailableError, gradients

    def ours() -> Any:
        return operator(call.q, call.k, call.v, **call.keywords, **call.inputs)

    try:
        with progress(f"timing against {name}"):
            grid = call.keywords.get("grid", ())
            theirs = PEERS[name](operator.bound, call.q, call.k, call.v, call.inputs, grid)
            works: list[Callable[[], Any]] = [ours, theirs]
            if options.backward:
                works = [gradients(work, (call.q, call.k, call.v)) for work in works]
            first, second = works
            difference = _difference(first(), second())
            return Comparison(name, take_turns(first, second, turns=options.turns), difference)
    except (PeerUnavailableError, NotImplementedError) as error:
        return Comparison(name, None, None, str(error).splitlines()[0])


def _difference(ours: Any, theirs: Any) -> float:
    """How far the results, a tensor or several, are apart at most."""
    pairs = zip(ours, theirs, strict=True) if isinstance(ours, tuple) else [(ours, theirs)]
    return max(float((a - b).abs().max()) for a, b in pairs)


def _print_tuned(bound: Bound, options: argparse.Namespace, found: "Tuned") -> None:
    out, numbers = console(), ("rows", "a call", "of the chosen")
    rows = table(*numbers, "", numbers=numbers)
    for height, time in found.seconds.items():
        words = ["chosen by the cost model"] if height == found.chosen else []
        words += ["kept"] if height == found.height else []
        share = time / found.seconds[found.chosen]
        rows.add_row(str(height), seconds(time), f"{share:.2f}", ", ".join(words))
    out.print(f"{shared.title(bound)}, {_shape(options)}, {found.turns} turns", style="bold")
    out.print(rows)


def _shape(options: argparse.Namespace) -> str:
    heads, _ = head_counts(options)
    tokens = "x".join(map(str, options.grid or (options.seq or LENGTH,)))
    return f"B {options.batch}, H {heads}, N {tokens}, D {options.head_dim}, {options.dtype}"


def _print(bound: Bound, options: argparse.Namespace, found: list[Comparison]) -> None:
    out = console()
    rows = table("against", *NUMBERS, "", numbers=NUMBERS)
    for row in found:
        if row.pairs is None:
            rows.add_row(row.peer, *["-"] * len(NUMBERS), row.reason)
            continue
        low, high = row.pairs.spread
        times = map(seconds, row.pairs.seconds)
        apart = f"results differ by {row.difference:.1e}"
        rows.add_row(
            row.peer, *times, f"{row.pairs.speedup:.2f}", f"{low:.2f} to {high:.2f}", apart
        )
    what = ", gradients" if options.backward else ""
    out.print(f"{shared.title(bound)}, {_shape(options)}{what}", style="bold")
    out.print(rows)
