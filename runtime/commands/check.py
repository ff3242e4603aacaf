"""`attnc check`: the assertions of a spec, proved for every length or refuted with an example."""

import argparse
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from rich.text import Text

from attnc.compiler.fold import substitute
from attnc.compiler.inline import pairs_condition
from attnc.compiler.proofs import (
    Counterexample,
    Proof,
    proofs_of as proofs_of_attention,
    proofs_of_stack,
)
from attnc.compiler.relation import relation as of_condition
from attnc.dsl.diagnostics import Diagnostic
from attnc.dsl.errors import HeadsMissing
from attnc.dsl.loader import load_any
from attnc.dsl.printer import print_assertion, print_set
from attnc.dsl.program import Bound
from attnc.dsl.stack import BoundStack
from attnc.dsl.syntax import Bool, Int, SetBinary, SetExpr
from attnc.runtime.commands import options as shared
from attnc.runtime.commands.output import (
    VERDICT_STYLES,
    console,
    print_json,
    progress,
    seconds,
    table,
)
from attnc.runtime.commands.report import FAILED, YES


@dataclass(frozen=True, slots=True)
class RefutedRule(Diagnostic):
    """A rule of the mask, or the assertion itself, that a counterexample points at."""

    code: ClassVar[str] = "assertion-refuted"
    title: ClassVar[str] = "assertion `{assertion}` does not hold: {example}"
    label: ClassVar[str] = "{why}"
    assertion: str
    example: str
    why: str


def arguments(parser: argparse.ArgumentParser) -> None:
    """SPEC, its parameters and head counts."""
    shared.add_spec(parser)
    shared.add_heads(parser)


def run(options: argparse.Namespace) -> int:
    """0 where everything is proved."""
    program = load_any(options.spec)
    bound = program.bind(**shared.given(options))
    proofs = proofs_of(bound, options.heads, options.kv_heads)
    ok = all(proof.verdict == "proved" for proof in proofs)
    if options.json:
        print_json(_data(bound, options, proofs, ok))
    else:
        _print(bound, options, proofs)
    return YES if ok else FAILED


def proofs_of(bound: Bound | BoundStack, heads: int | None, kv_heads: int | None) -> list[Proof]:
    """A proof of each assertion; `unknown` where the pattern cannot be analysed."""
    try:
        if isinstance(bound, BoundStack):
            found, layers = proofs_of_stack(bound, heads, kv_heads), bound.distinct
        else:
            found, layers = proofs_of_attention(bound, heads, kv_heads), (bound,)
        routed = [layer for layer in layers if layer.routes]
        return [_perturbed(routed, proof) for proof in found] if routed else found
    except HeadsMissing as error:
        option = f"--{error.name.replace('_', '-')}"
        reason = f"the mask depends on the head: pass {option}"
        texts = map(print_assertion, bound.asserts)
        return [Proof(text, "unknown", 0.0, reason=reason) for text in texts]


def _perturbed(routed: Sequence[Bound], proof: Proof) -> Proof:
    """A causal mask with routes is causal if no later token changes what they choose, either."""
    if proof.assertion != "causal" or proof.verdict != "proved":
        return proof
    from attnc.runtime.routes.causality import leak

    with progress("changing later tokens"):
        found = next(filter(None, map(leak, routed)), None)
    if found is None:
        return replace(proof, reason="the mask is; no later token that was changed had an effect")
    reason = "a choice depends on later tokens, though the mask hides them"
    return replace(proof, verdict="refuted", counterexample=found, reason=reason)


VERBS = {"heads_cover": "in no head sees", "reaches": "does not depend on", "same_as": "differs at"}


def example(assertion: str, found: Counterexample) -> str:
    """A counterexample in words."""
    rows = f" (the last {found.q_len} are queries)" if found.q_len != found.n else ""
    head = f" in head {found.h}" if found.h is not None else ""
    verb = VERBS.get(re.split(r"\W", assertion)[0], "sees")
    sees = "has no key" if found.k is None else f"{verb} k = {found.place(found.k)}"
    size = f"grid {found.grid}" if found.grid else f"N = {found.n}{rows}"
    return f"at {size}, q = {found.place(found.q)} {sees}{head}"


def rules(
    bound: Bound, found: Counterexample, heads: int | None, kv_heads: int | None
) -> list[SetExpr]:
    """The parts of the mask's union that hold the pair of a counterexample."""
    if found.k is None or bound.mask is None:
        return []
    if found.grid:
        return _rules_on_grid(bound, bound.mask, found, heads, kv_heads)
    place = {"q": found.q, "k": found.k, "h": found.h or 0, "k_start": 0, "k_len": found.n}
    place |= {"q_len": found.q_len, "q_start": 0 if bound.cross else found.n - found.q_len}

    def holds(part: SetExpr) -> bool:
        condition = pairs_condition(part, bound, heads, kv_heads)
        return not of_condition(condition, heads).upper.fix(**place).is_empty()

    return [part for part in _union(bound.mask) if holds(part)]


def _rules_on_grid(
    bound: Bound, mask: SetExpr, found: Counterexample, heads: int | None, kv_heads: int | None
) -> list[SetExpr]:
    """The same on a grid: the parts that every number at this pair makes true."""
    place: dict[str, Any] = {"q": found.q, "k": found.k, "h": found.h or 0}
    place |= {"len": found.n, "qlen": found.n}
    points = (found.place(found.q), found.place(found.k or 0), found.grid)
    for name, point in zip(("q", "k", "len"), points, strict=True):
        assert isinstance(point, tuple)
        place |= {f"{name}.{a}": n for (a, _), n in zip(bound.grid, point, strict=True)}
    values = {name: Int(n) for name, n in place.items()}

    def holds(part: SetExpr) -> bool:
        return substitute(pairs_condition(part, bound, heads, kv_heads), values) == Bool(True)

    return [part for part in _union(mask) if holds(part)]


def _union(mask: SetExpr) -> Iterator[SetExpr]:
    """The parts of a union, each within a written set."""
    match mask:
        case SetBinary("|", left, right):
            yield from _union(left)
            yield from _union(right)
        case _:
            yield mask


def _data(
    bound: Bound | BoundStack, options: argparse.Namespace, proofs: list[Proof], ok: bool
) -> dict[str, Any]:
    return {
        "spec": bound.program.source.name,
        "name": bound.name,
        "parameters": dict(bound.values),
        "ok": ok,
        "proofs": [
            proof.to_dict()
            | {"rules": [print_set(rule) for rule in _blamed(bound, options, proof)]}
            for proof in proofs
        ],
    }


def _blamed(bound: Bound | BoundStack, options: argparse.Namespace, proof: Proof) -> list[SetExpr]:
    if proof.counterexample is None or isinstance(bound, BoundStack):
        return []
    return rules(bound, proof.counterexample, options.heads, options.kv_heads)


def _print(bound: Bound | BoundStack, options: argparse.Namespace, proofs: list[Proof]) -> None:
    out, rows = console(), table("assertion", "verdict", "time", "", numbers=("time",))
    out.print(shared.title(bound), style="bold")
    if not proofs:
        out.print("no mistakes; it asserts nothing", style="green")
        return
    for proof in proofs:
        verdict = Text(proof.verdict, style=VERDICT_STYLES[proof.verdict])
        found = [example(proof.assertion, proof.counterexample)] if proof.counterexample else []
        words = "; ".join([*found, *([proof.reason] if proof.reason else [])])
        rows.add_row(proof.assertion, verdict, seconds(proof.seconds), words)
    out.print(rows)
    for proof in proofs:
        if proof.counterexample is not None:
            print(f"\n{_excerpt(bound, options, proof, proof.counterexample)}")


def _excerpt(
    bound: Bound | BoundStack, options: argparse.Namespace, proof: Proof, found: Counterexample
) -> str:
    """The lines of the spec that a counterexample is about."""
    statement = next(s for s in bound.asserts if print_assertion(s) == proof.assertion)
    words = example(proof.assertion, found)
    shown = RefutedRule(proof.assertion, words, "asserted here", span=statement.span)
    blamed = _blamed(bound, options, proof)
    marks = [replace(shown, why="this holds the pair", span=part.span) for part in blamed]
    return "\n".join(mark.render() for mark in marks or [shown])
