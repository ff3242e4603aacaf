"""Gemma 3 270M with its attention compiled by attnc, beside the stock model.

    python -m examples.gemma          (or `make demo`, which installs what it needs)

Of the 18 layers, 15 see a window of 512 keys and 3 see all earlier ones: two specs. The compiled
model must give the same numbers and the same sentence, in less time. Exit status 1 if it does not.
"""

import sys
from math import exp
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import torch
from rich.console import Console
from rich.table import Table
from torch.nn.functional import cross_entropy

import attnc
from examples.models import gemma, manual

STOCK, OURS = "sdpa", "attnc"
FULL, SLIDING = "line/causal", "line/mistral"
PROMPT = "The first thing to know about attention is"
PICTURE = Path("build/gemma_window.png")
TOLERANCE = 1e-3
TURNS = {2048: 3, 8192: 1}
Row = tuple[str, str, str]


def install(window: int) -> float:
    """Compile both specs, make them the attention `attnc`, return the seconds to first results."""
    start = perf_counter()
    full, sliding = attnc.compile(FULL), attnc.compile(SLIDING, w=window)
    q, kv = torch.randn(1, 4, 8, 256), torch.randn(1, 1, 8, 256)
    full(q, kv, kv), sliding(q, kv, kv)
    attnc.integrations.register(OURS, full=full, sliding=sliding)
    return perf_counter() - start


@torch.no_grad()
def hidden_states(model: Any, attention: str, tokens: torch.Tensor) -> torch.Tensor:
    """The last layer's states under one of the two attentions, [N, hidden]."""
    model.set_attn_implementation(attention)
    return model.model(tokens, use_cache=False).last_hidden_state[0]


@torch.no_grad()
def compare_predictions(model: Any, tokens: torch.Tensor) -> tuple[float, dict[str, float]]:
    """The largest difference of any logit, and both perplexities.

    The vocabulary has 262,144 words, so logits are made for 1024 positions at a time.
    """
    states = {name: hidden_states(model, name, tokens[:, :-1]) for name in (STOCK, OURS)}
    largest, losses = 0.0, dict.fromkeys(states, 0.0)
    chunks = [tokens[0, 1:].split(1024), *(s.split(1024) for s in states.values())]
    for words, *parts in zip(*chunks, strict=True):
        logits = [model.lm_head(part) for part in parts]
        for name, values in zip(states, logits, strict=True):
            losses[name] += cross_entropy(values, words, reduction="sum").item()
        largest = max(largest, logits[0].sub_(logits[1]).abs_().max().item())
    return largest, {name: exp(loss / (tokens.shape[1] - 1)) for name, loss in losses.items()}


def sentence(model: Any, attention: str, prompt: torch.Tensor) -> list[int]:
    """The prompt and the 24 likeliest tokens after it, generated with a KV cache."""
    model.set_attn_implementation(attention)
    return model.generate(prompt, max_new_tokens=24, do_sample=False)[0].tolist()


@torch.no_grad()
def prefill(model: Any, attention: str, tokens: torch.Tensor) -> float:
    """Seconds to read `tokens` and predict one."""
    model.set_attn_implementation(attention)
    start = perf_counter()
    model(tokens, use_cache=False, logits_to_keep=1)
    return perf_counter() - start


def prefill_both(model: Any, tokens: torch.Tensor, turns: int) -> tuple[float, float]:
    """Median seconds of the stock and of the compiled model, taking turns."""
    pairs = [[prefill(model, name, tokens) for name in (STOCK, OURS)] for _ in range(turns)]
    stock, ours = zip(*pairs, strict=True)
    return median(stock), median(ours)


def draw(window: int) -> None:
    """A picture of the window among 1024 tokens, with the tiles that the kernel visits."""
    from attnc.runtime.pictures.plot import plot

    PICTURE.parent.mkdir(exist_ok=True)
    plot(SLIDING, PICTURE, w=window, seq=1024)


def describe(window: int, seconds: float) -> list[str]:
    """What the compiler knows of the window, without running anything."""
    facts = attnc.analyze(SLIDING, w=window, seq=8192)
    proofs = (f"{p.assertion}: {p.verdict} in {p.seconds:.2g} s" for p in facts.proofs)
    return [
        f"{SLIDING}, w = {window}: {facts.density:.1%} of the pairs of 8192 tokens, "
        f"a KV cache of at most {facts.cache_bound} keys",
        f"for every length: {', '.join(proofs)}",
        f"from the two specs to their first results: {seconds:.2f} s",
    ]


def agreement(model: Any, tokenizer: Any, tokens: torch.Tensor) -> tuple[bool, str, list[Row]]:
    """Whether both models predict and write the same; what attnc's wrote; rows that show it."""
    largest, perplexity = compare_predictions(model, tokens)
    prompt = tokenizer(PROMPT, return_tensors="pt").input_ids
    stock, ours = (sentence(model, name, prompt) for name in (STOCK, OURS))
    rows = [
        ("largest logit difference", "", f"{largest:.1e}"),
        ("perplexity, 2048 tokens", *(f"{p:.2f}" for p in perplexity.values())),
        ("24 generated tokens", "", "the same" if stock == ours else "different"),
    ]
    text = tokenizer.decode(ours, skip_special_tokens=True)
    return largest <= TOLERANCE and stock == ours, text, rows


def speed(model: Any, tokens: torch.Tensor, turns: int) -> Row:
    """One row: how long both models take to read the tokens."""
    stock, ours = prefill_both(model, tokens, turns)
    name = f"prefill, {tokens.shape[1]} tokens"
    return name, f"{stock:.1f} s", f"{ours:.1f} s ({stock / ours:.1f}x)"


def main() -> bool:
    """Print the comparison; return whether the two models agree."""
    console = Console()
    with console.status("loading Gemma 3 270M (the first time, unpacking takes a minute)"):
        model, tokenizer = gemma()
        tokens = manual(tokenizer)
    window = model.config.sliding_window
    console.print(*describe(window, install(window)), sep="\n")
    draw(window)
    console.print(f"the window and its tiles: {PICTURE}")

    table = Table("", "stock (SDPA)", "attnc", title="Gemma 3 270M, float32")
    with console.status("comparing predictions"):
        agrees, table.caption, rows = agreement(model, tokenizer, tokens[:, :2048])
    for length, turns in TURNS.items():
        with console.status(f"reading {length} tokens"):
            rows.append(speed(model, tokens[:, :length], turns))
    for row in rows:
        table.add_row(*row)
    console.print(table)
    return agrees


if __name__ == "__main__":
    sys.exit(0 if main() else 1)
