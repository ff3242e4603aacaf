"""`attnc verify`: the compiled kernel against the float64 reference, on random inputs."""

import argparse
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from rich.text import Text

from attnc.dsl.loader import load_any
from attnc.dsl.program import Bound
from attnc.dsl.stack import BoundStack
from attnc.runtime.commands import options as shared
from attnc.runtime.commands.output import console, print_json, progress, table
from attnc.runtime.commands.report import FAILED, YES

if TYPE_CHECKING:
    from attnc.runtime.operator import Operator
    from attnc.runtime.trials import Judgement, Trial

SHORTEST, LONGEST = 301, 1501  # the default of --seq follows the spec's parameters within these
DTYPES = {"fp32": "float32", "fp64": "float64", "bf16": "bfloat16", "fp16": "float16"}


@dataclass(frozen=True, slots=True)
class Outcome:
    """A trial and what was found; `lse` is the log of the denominator.

    `gradients` are those asked for, by what they belong to; `misplaced` units that a route chose
    (or left) and that no rounding of their scores explains.
    """

    trial: "Trial"
    out: "Judgement"
    lse: "Judgement"
    gradients: "dict[str, Judgement]"
    misplaced: int = 0

    @property
    def ok(self) -> bool:
        """Whether all results are within their allowance."""
        judged = (self.out, self.lse, *self.gradients.values())
        return not self.misplaced and all(found.ok for found in judged)


def arguments(parser: argparse.ArgumentParser) -> None:
    """SPEC, the longest length, what to fix."""
    shared.add_spec(parser)
    parser.add_argument("--seq", type=shared.count, metavar="N", help="the longest length")
    shared.add_grid(parser)
    shared.add_heads(parser)
    parser.add_argument("--head-dim", type=shared.count, metavar="D", help="this D only")
    parser.add_argument("--dtype", choices=shared.DTYPES, default="fp32")
    parser.add_argument("--backward", action="store_true", help="check the gradients too")
    parser.add_argument("--seed", type=shared.count, default=1, metavar="N", help="of the inputs")


def run(options: argparse.Namespace) -> int:
    """0 where every trial is within the tolerance."""
    found = load_any(options.spec).bind(**shared.given(options))
    shared.check_size(found, options, "seq")
    seq = options.seq or default_length(found)
    with progress("loading torch"):
        from attnc.runtime.trials import grid_trials, specialised, trials
    checked: list[tuple[Bound, list[Outcome]]] = []
    for bound in found.distinct if isinstance(found, BoundStack) else (found,):
        calls = grid_trials(bound, options.grid, options.seed) if bound.grid else trials(seq)
        chosen = (specialised(t, *fixed(bound, options), options.head_dim) for t in calls)
        checked.append((bound, check(bound, list(chosen), options)))
    ok = all(outcome.ok for _, outcomes in checked for outcome in outcomes)
    if not options.json:
        for bound, outcomes in checked:
            _print(bound, outcomes, seq)
    elif isinstance(found, BoundStack):
        layers = [_data(*one) for one in checked]
        print_json(
            {"name": found.name, "parameters": dict(found.values), "ok": ok, "layers": layers}
        )
    else:
        print_json(_data(*checked[0]))
    return YES if ok else FAILED


def default_length(bound: Bound | BoundStack) -> int:
    """Longer than twice the greatest int parameter, within limits."""
    reach = [abs(x) for x in bound.values.values() if isinstance(x, int)]
    return min(max(SHORTEST, 2 * max(reach, default=0) + 37), LONGEST)


def fixed(bound: Bound, options: argparse.Namespace) -> tuple[int | None, int | None]:
    """Head counts: those given, else those that the spec's lists have, else free."""
    return options.heads or bound.listed_heads, options.kv_heads


def check(bound: Bound, chosen: "list[Trial]", options: argparse.Namespace) -> list[Outcome]:
    """Run the trials that the spec can have."""
    from attnc.runtime.api import check_assertions
    from attnc.runtime.calls.options import Options
    from attnc.runtime.composed.operator import operator as operator_of
    from attnc.runtime.trials import fits

    check_assertions(bound, chosen[0].heads, chosen[0].kv_heads)
    operator = operator_of(bound, Options())
    outcomes = []
    for trial in chosen:
        if fits(bound, trial):
            with progress(f"{trial.name}: {trial.shape}"):
                outcomes.append(outcome(operator, trial, options))
    return outcomes


def outcome(operator: "Operator", trial: "Trial", options: argparse.Namespace) -> Outcome:
    """Call the kernel, plain torch and the reference with the same arguments."""
    import torch

    from attnc.runtime.calls.call import bind_call
    from attnc.runtime.composed.eager import eager_steps
    from attnc.runtime.oracle import Reference
    from attnc.runtime.routes.judge import wrong_choices
    from attnc.runtime.trials import Judgement, differentiable, judge, make

    dtype = getattr(torch, DTYPES[options.dtype])
    call, bound = make(operator.bound, trial, dtype, options.seed), operator.bound
    wanted = differentiable(bound, call) if options.backward else {}
    tensors, keywords = (call.q, call.k, call.v), {**call.keywords, **call.inputs}
    with_lse = bound.merge is None or bound.merge.gate is None  # a sum of branches has none
    *found, chosen = operator(*tensors, return_lse=with_lse, return_routes=True, **keywords)
    keywords |= chosen  # other choices of equal worth would have other outputs
    exact = Reference(bound)(*tensors, return_lse=True, **keywords)
    plain = eager_steps(bound, *tensors, call.inputs | chosen, **call.keywords)
    called = bind_call(bound, *tensors, inputs=call.inputs, **call.keywords)
    misplaced = wrong_choices(bound, called, call.inputs, chosen)
    ours, torchs, exacts = ([x.detach() for x in pair] for pair in (found, plain, exact))
    out = judge(ours[0], torchs[0], exacts[0], dtype)
    lse = judge(ours[1], torchs[1], exacts[1], dtype) if with_lse else Judgement(0.0, 0.0, 0.0)
    if not wanted:
        return Outcome(trial, out, lse, {}, misplaced)
    above = torch.randn_like(exact[0])
    slopes = [
        torch.autograd.grad(x, list(wanted.values()), above.to(x.dtype))
        for x in (found[0], plain[0], exact[0])
    ]
    # Large terms may cancel in a gradient: its rounding is relative to the largest of the call.
    largest = max(float(x.abs().max()) for x in slopes[2])
    # Those of an input add up over a row, where the gradients of the scores sum to zero.
    terms = max(trial.q_len, trial.kv_len)
    judged = {
        name: judge(mine, theirs, right, dtype, largest * (terms if name in bound.inputs else 1))
        for name, mine, theirs, right in zip(wanted, *slopes, strict=True)
    }
    return Outcome(trial, out, lse, judged, misplaced)


def _data(bound: Bound, outcomes: list[Outcome]) -> dict[str, Any]:
    return {
        "name": bound.name,
        "parameters": dict(bound.values),
        "ok": all(outcome.ok for outcome in outcomes),
        "trials": [asdict(outcome) | {"ok": outcome.ok} for outcome in outcomes],
    }


def _print(bound: Bound, outcomes: list[Outcome], seq: int) -> None:
    out = console()
    heads = ("trial", "shape", "error", "plain torch", "of allowed", "lse", "gradients", "")
    rows = table(*heads, numbers=heads[2:-1])
    for found in outcomes:
        verdict = Text("ok", style="green") if found.ok else Text("FAILED", style="bold red")
        numbers = (f"{found.out.error:.1e}", f"{found.out.plain:.1e}", f"{found.out.share:.0%}")
        slopes = [judged.share for judged in found.gradients.values()]
        shares = (f"{found.lse.share:.0%}", f"{max(slopes):.0%}" if slopes else "")
        rows.add_row(found.trial.name, found.trial.shape, *numbers, *shares, verdict)
    out.print(shared.title(bound), style="bold")
    out.print(rows)
    longest, option = (
        (max(max(o.trial.grid) for o in outcomes), "--grid") if bound.grid else (seq, "--seq")
    )
    for name, value in bound.values.items():
        if isinstance(value, int) and value >= longest:
            what = f"{name} = {value} is not shorter than {option} {longest}"
            out.print(f"note: {what}", style="yellow")
