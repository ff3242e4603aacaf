"""`attnc equal`: two specs are the same attention at every length, or where they differ."""

import argparse
from typing import Any

from attnc.compiler.inline import score_expression, sink_expression
from attnc.compiler.proofs import Counterexample, Proof, equal, grid_mask
from attnc.compiler.proofs.points import equal as equal_on_grid
from attnc.compiler.relation import of_bound
from attnc.dsl.loader import load
from attnc.dsl.program import Bound, Program
from attnc.runtime.commands import options as shared
from attnc.runtime.commands.output import VERDICT_STYLES, console, print_json, seconds
from attnc.runtime.commands.report import FAILED, YES


def arguments(parser: argparse.ArgumentParser) -> None:
    """Two specs; -p goes to those that declare it."""
    shared.add_spec(parser, "a", "b")
    for side in ("a", "b"):
        parser.add_argument(
            f"--p{side}",
            action="append",
            type=shared.parameter,
            default=[],
            metavar="NAME=VALUE",
            help=f"a parameter of {side.upper()} alone",
        )
    shared.add_heads(parser)


def run(options: argparse.Namespace) -> int:
    """0 where they are proved equal."""
    a, b = bind_both(options)
    proof = compare(a, b, options.heads, options.kv_heads)
    if options.json:
        print_json(proof.to_dict() | {"equal": proof.verdict == "proved", "a": a.name, "b": b.name})
    else:
        _print(a, b, proof)
    return YES if proof.verdict == "proved" else FAILED


def bind_both(options: argparse.Namespace) -> tuple[Bound, Bound]:
    """Both specs. A parameter that neither declares goes to both, which refuse it."""
    programs = load(options.a), load(options.b)
    declared = [{p.name for p in program.attention.parameters} for program in programs]
    nobody = {name for name, _ in options.parameters} - declared[0] - declared[1]

    def bind(program: Program, known: set[str], own: list[tuple[str, Any]]) -> Bound:
        common = {n: x for n, x in options.parameters if n in known or n in nobody}
        return program.bind(**(common | dict(own)))

    return bind(programs[0], declared[0], options.pa), bind(programs[1], declared[1], options.pb)


def compare(a: Bound, b: Bound, heads: int | None, kv_heads: int | None) -> Proof:
    """Equality of masks, scores and normalisers; scores are compared as they are written."""
    if a.cross != b.cross:
        return Proof("equal", "refuted", 0.0, reason="only one of them is `cross`")
    sinks = [sink_expression(bound, heads, kv_heads) for bound in (a, b)]
    if sinks[0] != sinks[1]:
        return Proof("equal", "refuted", 0.0, reason="their normalisers differ")
    proof = _masks(a, b, heads, kv_heads)
    if proof.verdict != "proved":
        return proof
    scores = [score_expression(bound, heads, kv_heads) for bound in (a, b)]
    if scores[0] != scores[1]:
        reason = "their masks are equal, but their scores are written differently"
        return Proof("equal", "unknown", proof.seconds, reason=reason)
    return proof


def _masks(a: Bound, b: Bound, heads: int | None, kv_heads: int | None) -> Proof:
    """Equality of the masks, on sequences or on grids."""
    if not (a.grid or b.grid):
        left, right = (of_bound(bound, heads, kv_heads) for bound in (a, b))
        return equal(left, right, a.cross)
    if _axes(a) != _axes(b):
        return Proof("equal", "refuted", 0.0, reason="they are not on the same axes")
    mine, other = (grid_mask(bound, heads, kv_heads) for bound in (a, b))
    return equal_on_grid(mine, other.condition)


def _axes(bound: Bound) -> list[tuple[str, str | int]]:
    """The axes with their extents, names of which only say which are alike."""
    names = [extent for _, extent in bound.grid]
    return [(n, e if isinstance(e, int) else f"#{names.index(e)}") for n, e in bound.grid]


def where(found: Counterexample) -> str:
    """The pair that only one of them holds."""
    rows = f" and {found.q_len} queries" if found.q_len != found.n else ""
    head = f", h = {found.h}" if found.h is not None else ""
    size = f"grid {found.grid}" if found.grid else f"{found.n} keys{rows}"
    q, k = found.place(found.q), found.place(found.k or 0)
    return f"{size}: only one of them holds q = {q}, k = {k}{head}"


def _print(a: Bound, b: Bound, proof: Proof) -> None:
    out = console()
    style = VERDICT_STYLES[proof.verdict]
    names = f"{shared.title(a)} and {shared.title(b)}"
    verdict = {"proved": "equal", "refuted": "different", "unknown": "not decided"}[proof.verdict]
    out.print(f"{names}: {verdict}", style=style)
    if proof.counterexample is not None:
        out.print(where(proof.counterexample))
    elif proof.reason:
        out.print(proof.reason)
    if proof.verdict == "proved":
        every = "every extent" if a.grid else "every length"
        out.print(f"for {every}, proved in {seconds(proof.seconds)}")
