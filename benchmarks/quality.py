"""Perplexity of Gemma 3 270M under other patterns than the one it was trained with.

    python -m benchmarks.quality                  (about 2 minutes a row on one core)
    python -m benchmarks.quality --only window    (the rows whose name has a word)

The model reads 16,384 tokens of Python's manual once for each row, with a pattern of the catalogue
in place of its own, and nothing is trained. Rows are kept as they are measured, in
`benchmarks/quality.json`; `docs/quality.md` and its picture are written from them.
"""

import argparse
import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from math import exp
from pathlib import Path
from time import process_time
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

import attnc

TOKENS, CHUNK = 16_384, 1024
PATH = Path(__file__).with_name("quality.json")
NAME = "attnc_quality"
GLOBAL, ALL = "global", "all"


@dataclass(frozen=True, slots=True)
class Case:
    """A spec with its parameters, in the layers that it takes over: the 3 global ones or all 18."""

    name: str
    spec: str
    parameters: dict[str, int] = field(default_factory=dict)
    layers: str = GLOBAL

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
)


@dataclass(frozen=True, slots=True)
class Measured:
    """A row: `losses` are sums of nats over each `CHUNK` of tokens, seconds are of processor time.

    `attention_seconds` is the time inside of the operators of the layers that were taken over.
    """

    spec: str
    parameters: dict[str, int]
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


@dataclass(slots=True)
class Timed:
    """An operator that adds up the processor time of its calls."""

    operator: Callable[..., Tensor]
    seconds: float = 0.0

    def __call__(self, *arguments: Any, **keywords: Any) -> Tensor:
        """Call the operator."""
        start = process_time()
        out = self.operator(*arguments, **keywords)
        self.seconds += process_time() - start
        return out


@torch.no_grad()
def measure(case: Case, model: Any, tokens: Tensor) -> Measured:
    """Read the tokens [1, N] with the pattern in place, and predict each from those before it."""
    own = attnc.compile("line/mistral", w=model.config.sliding_window)
    pattern = Timed(attnc.compile(case.spec, **case.parameters))

    def choose(module: nn.Module) -> Callable[..., Tensor]:
        return own if module.is_sliding and case.layers == GLOBAL else pattern

    attnc.integrations.register(NAME, choose=choose)
    model.set_attn_implementation(NAME)
    model.model(tokens[:, :64], use_cache=False)  # compiles
    pattern.seconds, start = 0.0, process_time()
    states = model.model(tokens, use_cache=False).last_hidden_state[0]
    seconds = process_time() - start
    heads = model.config.num_attention_heads
    facts = attnc.analyze(case.spec, seq=TOKENS, heads=heads, **case.parameters)
    assert facts.density is not None  # no run-time tensor decides any of these masks
    losses = tuple(chunk_losses(model.lm_head, states, tokens[0]))
    return Measured(
        case.spec,
        case.parameters,
        case.layers,
        facts.density,
        losses,
        pattern.seconds,
        seconds,
        torch.get_num_threads(),
    )


def chunk_losses(head: nn.Module, states: Tensor, words: Tensor) -> Iterator[float]:
    """The summed loss of each chunk of words [N], from the states [N, hidden] before them.

    The vocabulary has 262,144 words, so all logits at once would take 16 GiB.
    """
    for start in range(0, len(words), CHUNK):
        first = max(start, 1)
        wanted = words[first : start + CHUNK]
        before = states[first - 1 : first - 1 + len(wanted)]
        yield cross_entropy(head(before), wanted, reduction="sum").item()


def load(path: Path = PATH) -> dict[str, Measured]:
    """The rows measured so far, by key."""
    rows = json.loads(path.read_text()) if path.exists() else {}
    return {key: Measured(**row) for key, row in rows.items()}


def save(rows: dict[str, Measured], path: Path = PATH) -> None:
    """Keep the rows of the declared cases, in their order."""
    kept = {case.key: asdict(rows[case.key]) for case in CASES if case.key in rows}
    path.write_text(json.dumps(kept, indent=1) + "\n")


def main() -> None:
    """Measure the rows that are asked for, and write the page from all there are."""
    from benchmarks import quality_page
    from examples.models import gemma, manual

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", metavar="WORD", help="rows whose name has the word")
    parser.add_argument("--missing", action="store_true", help="rows not measured yet")
    options = parser.parse_args()
    model, tokenizer = gemma()
    tokens = manual(tokenizer)[:, :TOKENS]
    for case in CASES:
        if options.only not in case.key or (options.missing and case.key in load()):
            continue
        found = measure(case, model, tokens)
        save(load() | {case.key: found})
        print(f"{case.key}: {found.perplexity():.2f}", flush=True)
    quality_page.write(load())


if __name__ == "__main__":
    main()
