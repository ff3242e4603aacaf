"""The rows of `docs/quality.md`: what is measured, what was found, and the file that keeps it."""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from math import exp
from pathlib import Path
from typing import Any

from benchmarks import quality_inputs

TOKENS, CHUNK = 16_384, 1024
PATH = Path(__file__).with_name("quality.json")
GLOBAL, ALL = "global", "all"


@dataclass(frozen=True, slots=True)
class Case:
    """A spec with its parameters, in the layers that it takes over: the 3 global ones or all 18.

    `inputs(q, k, ends)` are the tensors that a route reads, made from those of the layer: q [H, N,
    D], k [Hkv, N, D], and which tokens end a line, bool [N].
    """

    name: str
    spec: str
    parameters: dict[str, Any] = field(default_factory=dict)
    layers: str = GLOBAL
    inputs: Callable[..., quality_inputs.Inputs] = quality_inputs.none

    @property
    def key(self) -> str:
        """What names the row."""
        return f"{self.name}, {self.layers} layers"


WINDOW, SINKS = "line/mistral", "line/streaming_llm"
CASES = (
    Case("causal (the model's own)", "line/causal"),
    Case("window of 1024", WINDOW, {"w": 1024}),
    Case("4 sinks, window of 1020", SINKS, {"sinks": 4, "w": 1020}),
    Case("window of 256", WINDOW, {"w": 256}),
    Case("4 sinks, window of 252", SINKS, {"sinks": 4, "w": 252}),
    Case("window of 256", WINDOW, {"w": 256}, ALL),
    Case("4 sinks, window of 252", SINKS, {"sinks": 4, "w": 252}, ALL),
    Case("1 sink, window of 255", SINKS, {"sinks": 1, "w": 255}, ALL),
    Case("Sparse Transformer, strided", "line/sparse_transformer_strided"),
    Case("Sparse Transformer, fixed", "line/sparse_transformer_fixed"),
    Case("PowerAttention", "line/power_attention"),
    Case("S2-Attention", "line/s2_attention"),
    Case("LongLoRA shift", "line/longlora"),
    Case("MoBA-style", "route/moba", {"n": 16, "block": 64}),
    Case("LServe", "route/lserve", {"n": 64, "page": 16, "sinks": 64, "w": 256}),
    Case(
        "InfLLM",
        "route/infllm",
        {"n": 4, "block": 128, "chunk": 512, "sinks": 32, "w": 1024},
        inputs=quality_inputs.representatives,
    ),
    Case(
        "FlexPrefill",
        "route/flexprefill",
        {"p": 0.9, "block": 128, "last": 128},
        inputs=quality_inputs.kinds,
    ),
    Case("MInference", "route/minference", {"kinds": [1, 1, 1, 1], "lines": 500, "last": 64}),
    Case("DHSA", "route/dhsa", {"n": 64, "block": 64, "w": 256}, inputs=quality_inputs.chunks),
    Case("HiP", "route/hip", {"n": 16, "block": 32, "sinks": 32, "w": 256}),
    Case(
        "Squeezed",
        "route/squeezed",
        {"coarse": 0.003, "fine": 0.0006, "w": 64},
        inputs=quality_inputs.clusters,
    ),
)
NEXT: tuple[Case, ...] = ()  # declared, and moved up once they are measured


@dataclass(frozen=True, slots=True)
class Measured:
    """A row: `losses` are sums of nats over each `CHUNK` of tokens, seconds are of processor time.

    `attention_seconds` is the time inside of the operators of the layers that were taken over,
    with what makes the inputs of routes. `density` is the share of all pairs that are in the
    pattern: counted for routes, the mean over layers and heads.
    """

    spec: str
    parameters: dict[str, Any]
    layers: str
    density: float
    losses: tuple[float, ...]
    attention_seconds: float
    model_seconds: float
    threads: int

    def perplexity(self, start: int = 0, end: int = TOKENS) -> float:
        """Of the tokens from `start` to `end`, multiples of `CHUNK`; the first is not predicted."""
        found = self.losses[start // CHUNK : end // CHUNK]
        return exp(sum(found) / (end - start - (start == 0)))


def load(path: Path = PATH) -> dict[str, Measured]:
    """The rows measured so far, by key."""
    rows = json.loads(path.read_text()) if path.exists() else {}
    return {key: Measured(**row) for key, row in rows.items()}


def save(rows: dict[str, Measured], path: Path = PATH) -> None:
    """Keep the rows of the declared cases, in their order."""
    kept = {case.key: asdict(rows[case.key]) for case in (*CASES, *NEXT) if case.key in rows}
    path.write_text(json.dumps(kept, indent=1) + "\n")
