"""The patterns of the benchmarks, and the tensors that some of them read."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch

import attnc
from attnc.runtime.operator import Operator

DILATED = "attention dilated(w = 64, d = 4) { mask causal & dilated(w, d) }"
DOCUMENT = 1024  # the mean length of a document
Inputs = dict[str, Any]


def no_inputs(heads: int, length: int) -> Inputs:
    """Most patterns read no tensor."""
    return {}


def documents(heads: int, length: int) -> Inputs:
    """The document of each token; lengths are even from 1 to twice the mean."""
    chance = torch.Generator().manual_seed(0)
    lengths = torch.randint(1, 2 * DOCUMENT, (length,), generator=chance)
    ids = torch.repeat_interleave(torch.arange(length), lengths)[:length]
    return {"doc": ids}


def slopes(heads: int, length: int) -> Inputs:
    """ALiBi's slope of each head."""
    return {"slope": 2.0 ** (-8.0 * torch.arange(1, heads + 1) / heads)}


@dataclass(frozen=True, slots=True)
class Pattern:
    """A spec, its parameters, and its inputs for a number of heads and a length."""

    spec: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    inputs: Callable[[int, int], Inputs] = no_inputs

    def compile(self) -> Operator:
        """The operator."""
        return attnc.compile(self.spec, **self.parameters)

    def visited(self, length: int) -> int:
        """The pairs of a head whose dot product a kernel computes."""
        return attnc.analyze(self.spec, seq=length, **self.parameters).visited

    def useful(self, length: int) -> int:
        """The pairs of a head that the pattern has; those of documents depend on their ids."""
        found = attnc.analyze(self.spec, seq=length, **self.parameters).useful
        if found is not None:
            return found
        sizes: torch.Tensor = self.inputs(1, length)["doc"].bincount()
        return int((sizes * (sizes + 1) // 2).sum())


PATTERNS = {
    "full": Pattern("line/full"),
    "causal": Pattern("line/causal"),
    "window 256": Pattern("line/mistral", {"w": 256}),
    "window 1024": Pattern("line/mistral", {"w": 1024}),
    "dilated 64 by 4": Pattern(DILATED),
    "Longformer": Pattern("line/longformer"),
    "strided": Pattern("line/sparse_transformer_strided"),
    "PowerAttention": Pattern("line/power_attention"),
    "documents": Pattern("input/document", inputs=documents),
    "ALiBi": Pattern("score/alibi", inputs=slopes),
    "soft-cap": Pattern("score/softcap"),
}
