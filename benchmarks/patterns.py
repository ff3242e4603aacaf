"""The patterns of the benchmarks, and the tensors that some of them read."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch

import attnc
from attnc.compiler.analysis import Analysis
from attnc.runtime.operator import Operator

DILATED = "attention dilated(w = 64, d = 4) { mask causal & dilated(w, d) }"
DOCUMENT = 1024  # the mean length of a document
TEXT = 512  # tokens of text beside an image
Inputs = dict[str, Any]
Grid = tuple[int, ...]


def no_inputs(heads: int, length: int) -> Inputs:
    """Most patterns read no tensor."""
    return {}


def documents(heads: int, length: int) -> Inputs:
    """The document of each token; lengths are even from 1 to twice the mean."""
    chance = torch.Generator().manual_seed(0)
    lengths = torch.randint(1, 2 * DOCUMENT, (length,), generator=chance)
    ids = torch.repeat_interleave(torch.arange(length), lengths)[:length]
    return {"doc": ids}


def text(heads: int, length: int) -> Inputs:
    """The length of a segment."""
    return {"text": TEXT}


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

    def visited(self, length: int, grid: Grid = ()) -> int:
        """The pairs of a head whose dot product a kernel computes."""
        return self._analysis(length, grid).visited

    def useful(self, length: int, grid: Grid = ()) -> int:
        """The pairs of a head that the pattern has; those of documents depend on their ids."""
        found = self._analysis(length, grid).useful
        if found is not None:
            return found
        sizes: torch.Tensor = self.inputs(1, length)["doc"].bincount()
        return int((sizes * (sizes + 1) // 2).sum())

    def _analysis(self, length: int, grid: Grid) -> Analysis:
        """Of a sequence, or of a grid with the segments that the inputs say."""
        where: Inputs = {"seq": length}
        if grid:
            inputs = self.inputs(1, length)
            where = {"grid": grid} | {n: x for n, x in inputs.items() if isinstance(x, int)}
        return attnc.analyze(self.spec, **where, **self.parameters)


PATTERNS = {
    "full": Pattern("line/full"),
    "causal": Pattern("line/causal"),
    "window 256": Pattern("line/mistral", {"w": 256}),
    "window 1024": Pattern("line/mistral", {"w": 1024}),
    "dilated 64 by 4": Pattern(DILATED),
    "Longformer": Pattern("line/longformer"),
    "strided": Pattern("line/sparse_transformer_strided"),
    "PowerAttention": Pattern("line/power_attention"),
    "dilated 31 by 4": Pattern("grid/natten1d", {"kernel": 31, "dilation": 4}),
    "NATTEN 13 by 13": Pattern("grid/natten2d", {"kernel_y": 13, "kernel_x": 13}),
    "NATTEN 5 by 9 by 9": Pattern("grid/natten3d"),
    "CLEAR, 512 of text": Pattern("grid/clear", inputs=text),
    "documents": Pattern("input/document", inputs=documents),
    "ALiBi": Pattern("score/alibi", inputs=slopes),
    "soft-cap": Pattern("score/softcap"),
}
