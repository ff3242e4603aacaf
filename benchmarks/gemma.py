"""Gemma 3 270M reading a long text: the whole model with attnc's attention and with its own."""

from collections.abc import Callable

from attnc.runtime.timing import seconds, take_turns
from benchmarks.measure import Figures, UnavailableError
from benchmarks.memory import OURS, THEIRS, growth


def prefill(length: int, turns: int, budget: float) -> Figures:
    """Both models in turns; the first calls, on a short text, are not timed."""
    read, ours, stock = _readers()
    for name in (ours, stock):
        read(name, 256)
    found = take_turns(
        lambda: read(ours, length), lambda: read(stock, length), turns=turns, warmup=0
    )
    return Figures(found.first, found.second)


def memory(length: int, stock_too: bool, budget: float) -> Figures:
    """One reading each, with the memory it takes beyond the weights."""
    read, ours, stock = _readers()
    read(ours, 256)
    times: list[float] = []
    facts = growth(OURS, lambda: times.append(seconds(lambda: read(ours, length))))
    if stock_too:
        facts |= growth(THEIRS, lambda: times.append(seconds(lambda: read(stock, length))))
    return Figures(times[:1], times[1:], facts)


def _readers() -> tuple[Callable[[str, int], object], str, str]:
    """`read(attention, length)`, and the names of both attentions."""
    try:
        from examples import gemma as example
        from examples.models import gemma, manual

        model, tokenizer = gemma()
    except ImportError as missing:
        raise UnavailableError(f"needs {missing.name}") from missing
    tokens = manual(tokenizer)
    example.install(model.config.sliding_window)

    def read(attention: str, length: int) -> object:
        return example.prefill(model, attention, tokens[:, :length])

    return read, example.OURS, example.STOCK
