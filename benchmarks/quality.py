"""Perplexity of Gemma 3 270M under other patterns than the one it was trained with.

    python -m benchmarks.quality                  (about 2 minutes a row on one core)
    python -m benchmarks.quality --only window    (the rows whose name has a word)

The model reads 16,384 tokens of Python's manual once for each row, with a pattern of the catalogue
in place of its own, and nothing is trained. Rows are kept as they are measured, in
`benchmarks/quality.json`; `docs/quality.md` and its picture are written from them.
"""

import argparse
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from time import process_time
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

import attnc
from benchmarks import quality_page
from benchmarks.quality_rows import CASES, CHUNK, GLOBAL, NEXT, TOKENS, Case, Measured, load, save
from examples.models import gemma, manual

NAME, WARM = "attnc_quality", 256


@dataclass(slots=True)
class Pattern:
    """The operator of a case: it adds up the processor time of its calls, and counts pairs.

    `ends` are the tokens that end a line, bool [N]; counts are [B, H, N] of each call.
    """

    case: Case
    operator: Callable[..., Any]
    ends: Tensor
    seconds: float = 0.0
    kept: list[Tensor] = field(default_factory=list)

    def __call__(self, q: Tensor, k: Tensor, v: Tensor, **where: Any) -> Tensor:
        """Call the operator, with what its routes read."""
        start = process_time()
        inputs = self.case.inputs(q[0], k[0], self.ends[: q.shape[2]])
        out: Tensor
        out, lists = self.operator(q, k, v, return_routes=True, **where, **inputs)
        self.seconds += process_time() - start
        if lists:  # scores of 0 make the sum of exponentials a count
            zeros = torch.zeros_like(q)
            _, lse = self.operator(zeros, k, v, return_lse=True, **where, **inputs, **lists)
            self.kept.append(lse.exp().round())
        return out

    def reset(self) -> None:
        """Forget the calls so far."""
        self.seconds = 0.0
        self.kept.clear()

    def density(self, length: int, heads: int) -> float:
        """The share of all pairs that are in the pattern: analysed, or counted at the calls."""
        if self.kept:
            return sum(float(x.double().mean()) for x in self.kept) / (len(self.kept) * length)
        facts = attnc.analyze(self.case.spec, seq=length, heads=heads, **self.case.parameters)
        assert facts.density is not None  # no run-time tensor decides any of the other masks
        return facts.density


@torch.no_grad()
def measure(case: Case, model: Any, tokens: Tensor, ends: Tensor) -> Measured:
    """Read the tokens [1, N] with the pattern in place, and predict each from those before it."""
    own = attnc.compile("line/mistral", w=model.config.sliding_window)
    pattern = Pattern(case, attnc.compile(case.spec, **case.parameters), ends)

    def choose(module: nn.Module) -> Callable[..., Tensor]:
        return own if module.is_sliding and case.layers == GLOBAL else pattern

    attnc.integrations.register(NAME, choose=choose)
    model.set_attn_implementation(NAME)
    model.model(tokens[:, :WARM], use_cache=False)  # compiles
    heads = model.config.num_attention_heads
    if case.spec.startswith("route/"):  # long calls have kernels of their own
        groups, columns = model.config.num_key_value_heads, model.config.head_dim
        pattern(*(torch.randn(1, h, TOKENS, columns) for h in (heads, groups, groups)))
    pattern.reset()
    start = process_time()
    states = model.model(tokens, use_cache=False).last_hidden_state[0]
    seconds = process_time() - start
    return Measured(
        case.spec,
        case.parameters,
        case.layers,
        pattern.density(TOKENS, heads),
        tuple(chunk_losses(model.lm_head, states, tokens[0])),
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


def main() -> None:
    """Measure the rows that are asked for, and write the page from all there are."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", metavar="WORD", help="rows whose key has the word")
    parser.add_argument("--missing", action="store_true", help="rows not measured yet")
    options = parser.parse_args()
    model, tokenizer = gemma()
    tokens = manual(tokenizer)[:, :TOKENS]
    words = tokenizer.convert_ids_to_tokens(tokens[0].tolist())
    ends = torch.tensor(["\n" in word for word in words])
    for case in (*CASES, *NEXT):
        if options.only not in case.key or (options.missing and case.key in load()):
            continue
        found = measure(case, model, tokens, ends)
        save(load() | {case.key: found})
        print(f"{case.key}: {found.perplexity():.2f}", flush=True)
    quality_page.write(load())


if __name__ == "__main__":
    main()
