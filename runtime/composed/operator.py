"""The operator of a spec with branches or an `output`: one operator for each attention in it."""

from typing import Any

from torch import Tensor

from attnc.dsl.branch import Part, parts
from attnc.dsl.program import Bound
from attnc.runtime.calls.call import bind_call
from attnc.runtime.calls.options import Options
from attnc.runtime.composed.attend import attend, refuse_lse
from attnc.runtime.operator import Artifact, Operator
from attnc.runtime.segmented.operator import attention_operator


def operator(bound: Bound, options: Options, artifact: Artifact | None = None) -> Operator:
    """The operator of any spec."""
    make = ComposedOperator if bound.composite else attention_operator
    return make(bound, options, artifact)


class ComposedOperator(Operator):
    """A compiled attention of several steps, called as any operator is."""

    def __init__(self, bound: Bound, options: Options, artifact: Artifact | None = None) -> None:
        self.bound, self.options, self.artifact = bound, options, artifact
        self._parts = parts(bound)
        _ = bound.routes  # found now: `torch.compile` traces calls, and cannot look into the parser
        self._own = {
            part.name: attention_operator(part.bound, options, artifact) for part in self._parts
        }

    def _check_lse(self) -> None:
        """A sum of branches has none."""
        refuse_lse(self.bound)

    def _compute(
        self,
        operands: tuple[Tensor, Tensor, Tensor],
        where: dict[str, Any],
        tensors: dict[str, Tensor],
        numbers: dict[str, Any],
        routes: dict[str, Tensor],
        inside: bool = False,
    ) -> tuple[Tensor, Tensor | None, dict[str, Tensor]]:
        """Outputs, lse (None for a sum of branches) and index lists of all steps."""
        layout, given = self.options.layout, tensors | numbers
        if not inside:  # the attentions check their own calls
            bind_call(self.bound, *operands, layout=layout, inputs=given, **where)

        lses: dict[str, Tensor] = {}

        def run(part: Part, q: Tensor, k: Tensor, v: Tensor, own: Any, inputs: Any) -> Any:
            call, chosen = self._own[part.name], not inside
            if chosen and part.bound.routes:
                inputs = inputs | call.choose((q, k, v), own, inputs, lses)
            found = call(q, k, v, return_lse=True, return_routes=chosen, **own, **inputs)
            if found[1].dtype == q.dtype:  # of 16 bits it is less precise than a choice
                lses[part.name] = found[1]
            return (*found, {}) if inside else found

        return attend(self.bound, self._parts, operands, where, given | routes, layout, run)

    @property
    def compilations(self) -> int:
        """How many kernels the attentions of this spec have loaded in this process."""
        return sum(own.compilations for own in self._own.values())
