"""The operator of a spec with segments: one operator for each of its steps."""

from typing import Any

from torch import Tensor

from attnc.compiler.segments import Step, steps_of
from attnc.dsl.program import Bound
from attnc.runtime.calls.call import bind_call
from attnc.runtime.calls.options import Options
from attnc.runtime.operator import Artifact, Operator
from attnc.runtime.segmented.attend import attend
from attnc.runtime.sink import add_sink


def attention_operator(
    bound: Bound, options: Options, artifact: Artifact | None = None
) -> Operator:
    """The operator of a spec of one attention."""
    make = SegmentedOperator if bound.segments else Operator
    return make(bound, options, artifact)


class SegmentedOperator(Operator):
    """A compiled attention of a grid and segments of tokens, called as any operator is."""

    def __init__(self, bound: Bound, options: Options, artifact: Artifact | None = None) -> None:
        self.bound, self.options, self.artifact = bound, options, artifact
        self._steps: dict[tuple[int, int], list[Step]] = {}
        self._operators: dict[tuple[str, str, tuple[str, ...]], Operator] = {}

    def _compute(
        self,
        operands: tuple[Tensor, Tensor, Tensor],
        where: dict[str, Any],
        tensors: dict[str, Tensor],
        numbers: dict[str, Any],
        routes: dict[str, Tensor],
        inside: bool = False,
    ) -> tuple[Tensor, Tensor | None, dict[str, Tensor]]:
        """Outputs and lse; segments are refused beside routes, so that there are none."""
        layout, given = self.options.layout, tensors | numbers
        call = bind_call(self.bound, *operands, layout=layout, inputs=given, **where)
        steps = self.steps(call.q.shape[1], call.k.shape[1])
        out, lse = attend(self.bound, steps, operands, where, given, layout, self._run)
        out, lse = add_sink(self.bound, out, lse, call.k.shape[1], given, layout)
        return out, lse, routes

    def steps(self, heads: int, kv_heads: int) -> list[Step]:
        """The attentions of the spec for these head counts, made once."""
        key = heads, kv_heads
        if key not in self._steps:
            self._steps[key] = steps_of(self.bound, heads, kv_heads)
        return self._steps[key]

    def _run(
        self, step: Step, q: Tensor, k: Tensor, v: Tensor, keywords: Any, inputs: Any
    ) -> tuple[Tensor, Tensor]:
        key = step.queries, step.keys[0], tuple(step.bound.inputs)
        if key not in self._operators:
            self._operators[key] = Operator(step.bound, self.options, self.artifact)
        out, lse = self._operators[key](q, k, v, return_lse=True, **keywords, **inputs)
        return out, lse

    @property
    def compilations(self) -> int:
        """How many kernels the attentions of this spec have loaded in this process."""
        return sum(own.compilations for own in self._operators.values())
