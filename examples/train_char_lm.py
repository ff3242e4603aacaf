"""Train a small language model whose every layer attends within a window, twice: attnc and SDPA.

    python -m examples.train_char_lm              (200 steps, about 6 minutes on two cores)
    python -m examples.train_char_lm --steps 20

The model reads bytes of Python's own manual (`pydoc_data.topics`). Both copies start from the same
weights and see the same batches; one attends through `line/mistral`, the other through PyTorch's
`scaled_dot_product_attention` with a boolean mask of the window, which is how one trains such a
model on a CPU without attnc. Steps take turns, so that whatever else the machine does meets both.

Both compute the same function, so their losses may differ by rounding and no more. But training
makes differences grow: two runs of *one* implementation drift apart if they only round differently.
How far is measured, not assumed. A third copy, also on SDPA, has the heads of every layer in
another order: the same function again, whose output projections add the same numbers in another
order. What it differs by from the first SDPA run is the noise. Exit status 1 if attnc's loss is
ever further from SDPA's than `MARGIN` times the noise up to that step: drift has a random size, so
a factor of a few says nothing, while a wrong gradient is off by thousands.
"""

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pydoc_data.topics import topics
from statistics import median
from time import perf_counter
from typing import Any

import torch
from rich.console import Console
from rich.table import Table
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, gelu, scaled_dot_product_attention

import attnc

Attend = Callable[[Tensor, Tensor, Tensor], Any]
MARGIN, ROUNDING = 10.0, 1e-5  # times the noise; what a loss of about 5 may always differ by
BYTES = 256


@dataclass(frozen=True, slots=True)
class Settings:
    """The sizes. Attention over the context must matter for its speed to show: 2048 bytes."""

    steps: int = 200
    context: int = 2048
    window: int = 256
    width: int = 256
    layers: int = 4
    heads: int = 4
    rate: float = 1e-3


class Layer(nn.Module):
    """Attention, then a perceptron, each on normalised input and added to it."""

    def __init__(self, settings: Settings, attend: Attend) -> None:
        super().__init__()
        width = settings.width
        self.attend, self.heads = attend, settings.heads
        self.before, self.between = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        """[B, N, width] to the same."""
        q, k, v = self.qkv(self.before(x)).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        x = x + self.out(self.attend(q, k, v).transpose(1, 2).flatten(2))
        return x + self.down(gelu(self.up(self.between(x))))

    @torch.no_grad()
    def reverse_heads(self) -> None:
        """Put the heads in the opposite order, in what makes them and in what adds them up."""
        for rows in (self.qkv.weight, self.qkv.bias):
            split = rows.unflatten(0, (3, self.heads, -1))
            rows.copy_(split.flip(1).flatten(0, 2))
        columns = self.out.weight.unflatten(1, (self.heads, -1))
        self.out.weight.copy_(columns.flip(1).flatten(1))


class Model(nn.Module):
    """Bytes to the logits of the next ones."""

    def __init__(self, settings: Settings, attend: Attend) -> None:
        super().__init__()
        self.bytes = nn.Embedding(BYTES, settings.width)
        self.places = nn.Embedding(settings.context, settings.width)
        self.layers = nn.Sequential(*(Layer(settings, attend) for _ in range(settings.layers)))
        self.after, self.logits = nn.LayerNorm(settings.width), nn.Linear(settings.width, BYTES)

    def forward(self, text: Tensor) -> Tensor:
        """[B, N] to [B, N, 256]."""
        places = self.places(torch.arange(text.shape[1]))
        logits: Tensor = self.logits(self.after(self.layers(self.bytes(text) + places)))
        return logits


@dataclass(slots=True)
class Learner:
    """A model in training, its losses and the seconds of its steps."""

    model: Model
    optimizer: torch.optim.Optimizer
    losses: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    def step(self, text: Tensor) -> None:
        """One step on [B, N + 1] bytes."""
        start = perf_counter()
        self.optimizer.zero_grad()
        loss = cross_entropy(self.model(text[:, :-1]).flatten(0, 1), text[:, 1:].flatten())
        loss.backward()
        self.optimizer.step()
        self.losses.append(loss.item())
        self.seconds.append(perf_counter() - start)


Show = Callable[[int, Sequence[Learner]], None]


def learner(settings: Settings, attend: Attend, *, reverse_heads: bool = False) -> Learner:
    """A new model from the same seed."""
    torch.manual_seed(0)
    model = Model(settings, attend)
    if reverse_heads:
        for layer in model.layers:
            layer.reverse_heads()
    return Learner(model, torch.optim.AdamW(model.parameters(), lr=settings.rate))


def masked_sdpa(settings: Settings) -> Attend:
    """PyTorch's attention with the window as a boolean mask of all pairs."""
    distance = torch.arange(settings.context)[:, None] - torch.arange(settings.context)
    mask = (distance >= 0) & (distance < settings.window)
    return lambda q, k, v: scaled_dot_product_attention(q, k, v, attn_mask=mask)


def batches(settings: Settings) -> Iterator[Tensor]:
    """Random stretches of the manual, [1, context + 1]."""
    manual = "\n".join(topics[name] for name in sorted(topics)).encode()
    text = torch.frombuffer(bytearray(manual), dtype=torch.uint8).long()
    chance = torch.Generator().manual_seed(1)
    for _ in range(settings.steps):
        start = int(torch.randint(len(text) - settings.context, (1,), generator=chance))
        yield text[None, start : start + settings.context + 1]


def train(
    settings: Settings, show: Callable[[int, Sequence[Learner]], None]
) -> tuple[Learner, ...]:
    """Train attnc's copy, SDPA's and SDPA's with reversed heads, in turns."""
    window = attnc.compile("line/mistral", w=settings.window)
    sdpa = masked_sdpa(settings)
    learners = (
        learner(settings, window),
        learner(settings, sdpa),
        learner(settings, sdpa, reverse_heads=True),
    )
    for number, text in enumerate(batches(settings)):
        for one in learners:
            one.step(text)
        show(number, learners)
    return learners


def beyond_noise(ours: Sequence[float], sdpa: Sequence[float], again: Sequence[float]) -> list[int]:
    """The steps at which our loss is further from SDPA's than `MARGIN` times the noise so far."""
    noise, found = ROUNDING, []
    for step, (a, b, c) in enumerate(zip(ours, sdpa, again, strict=True)):
        noise = max(noise, MARGIN * abs(b - c))
        if not abs(a - b) <= noise:
            found.append(step)
    return found


def largest(a: Learner, b: Learner) -> float:
    """The largest difference between two curves."""
    return max(abs(x - y) for x, y in zip(a.losses, b.losses, strict=True))


def main(arguments: Sequence[str] | None = None) -> int:
    """Train, print both curves and the times; 1 if the curves differ by more than noise."""
    settings = Settings(**vars(parser().parse_args(arguments)))
    console, interval = Console(), max(1, settings.steps // 10)

    def show(step: int, learners: Sequence[Learner]) -> None:
        if step % interval == 0 or step == settings.steps - 1:
            ours, sdpa, again = (x.losses[-1] for x in learners)
            numbers = f"attnc {ours:.6f}   SDPA {sdpa:.6f}"
            apart = f"apart {abs(ours - sdpa):.1e}, noise {abs(sdpa - again):.1e}"
            console.print(f"step {step:4}   {numbers}   {apart}", highlight=False)

    ours, sdpa, again = train(settings, show)
    table = Table("", "attnc", "SDPA, boolean mask")
    table.add_row("last loss", *(f"{x.losses[-1]:.4f}" for x in (ours, sdpa)))
    seconds = [median(x.seconds) for x in (ours, sdpa)]
    table.add_row("median step", *(f"{s:.3f} s" for s in seconds))
    console.print(table)
    faster = median(b / a for a, b in zip(ours.seconds, sdpa.seconds, strict=True))
    console.print(f"speedup of a step: {faster:.2f}")
    console.print(f"largest difference of the loss: {largest(ours, sdpa):.1e}")
    console.print(f"two runs of SDPA differ by up to {largest(sdpa, again):.1e}")
    wrong = beyond_noise(*(x.losses for x in (ours, sdpa, again)))
    if wrong:
        console.print(f"the curves part by more than noise at step {wrong[0]}", style="red")
    return 1 if wrong else 0


def parser() -> argparse.ArgumentParser:
    """The command line: the sizes."""
    found = argparse.ArgumentParser(
        prog="python -m examples.train_char_lm", description=(__doc__ or "").partition("\n")[0]
    )
    defaults = Settings()
    for name in ("steps", "context", "window"):
        value = getattr(defaults, name)
        text = f"default {value}"
        found.add_argument(f"--{name}", type=positive, default=value, metavar="N", help=text)
    return found


def positive(text: str) -> int:
    """A number from 1 on."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"`{text}` is no positive number")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
