"""`docs/quality.md` and its picture, from the rows of `benchmarks/quality.json`."""

from pathlib import Path
from typing import Any

from benchmarks.quality_rows import ALL, CHUNK, GLOBAL, NEXT, TOKENS, Case, Measured

PAGE = Path(__file__).parents[1] / "docs" / "quality.md"
PICTURE = PAGE.parent / "images" / "quality.png"
SPANS = ((0, 1024), (1024, 4096), (4096, TOKENS))
LAYERS = {GLOBAL: "3 global", ALL: "all 18"}
HEADER = """\
# What a pattern costs in quality

Written by `python -m benchmarks.quality`. Gemma 3 270M (weights of 4 bits, computed in float32)
reads 16,384 tokens of Python's manual and predicts each from those before it. Nothing is trained:
the model meets each pattern for the first time.

The model has 18 layers. 15 of them see a window of 512 keys by design, 3 (every sixth) are
global, that is, causal. *3 global*: the pattern replaces the global layers only, and the others
keep their window. *All 18*: the pattern replaces every layer. Heads are 4, with one key head.
Positions (RoPE) are those in the text, also of keys that a window has left behind.

Density is the share of all pairs in the pattern itself; that of a route is counted at its calls on
this text, mean over layers and heads. Times are of one processor core, in
seconds: *attention* is the time inside of the layers that were replaced, *model* the whole model
without the output layer. They were taken while the machine was busy with other work, and are good
for a factor of 1.5; that of a route has its choice in it, and what makes its inputs.
"""
ROUTES = """
## Patterns chosen from the data

Routes replace the global layers. Budgets are cut to a text of 16,384 tokens: about 1,000 chosen
keys for a query where a system's own setting, made for 32 to 128 thousand, would keep most of this
text. The model has been trained with none of them. A pattern keeps the positions of the text,
where InfLLM gives far keys one position. Squeezed clusters the keys of the whole text, FlexPrefill
and MInference ask its last queries, and InfLLM judges keys by queries after them: there a choice
may depend on later tokens, though no query attends to one.
"""
WAITING = "Declared, and not measured yet (`python -m benchmarks.quality --missing`):\n"
COLUMNS = ("pattern", "spec", "layers", "density", "perplexity", "attention", "model")


def write(rows: dict[str, Measured]) -> None:
    """Write the page and the picture."""
    PAGE.write_text(page(rows), encoding="utf-8")
    draw(rows, PICTURE)


def page(rows: dict[str, Measured]) -> str:
    """The Markdown."""
    spans = [f"tokens {a // 1024}k to {b // 1024}k" for a, b in SPANS]
    columns = [*COLUMNS[:5], *spans, *COLUMNS[5:]]
    lines = [columns, ["---"] * len(columns)]
    lines += [_cells(key, row) for key, row in rows.items()]
    table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    picture = "![Loss along the text](images/quality.png)"
    return f"{HEADER}\n{table}\n\n{picture}\n\n{findings(rows)}{routes(rows)}"


def _cells(key: str, row: Measured) -> list[str]:
    found = [f"{row.perplexity(*span):.2f}" for span in ((0, TOKENS), *SPANS)]
    times = [f"{row.attention_seconds:.1f} s", f"{row.model_seconds:.0f} s"]
    name = key.rpartition(",")[0]
    return [
        name,
        _spec(row.spec, row.parameters),
        LAYERS[row.layers],
        f"{row.density:.1%}",
        *found,
        *times,
    ]


def _spec(spec: str, parameters: dict[str, Any]) -> str:
    values = ", ".join(f"{name} = {value}" for name, value in parameters.items())
    return f"`{spec}`" + (f" ({values})" if values else "")


def findings(rows: dict[str, Measured]) -> str:
    """What the rows say of StreamingLLM's claim, with their numbers."""

    def of(name: str, layers: str = GLOBAL) -> str:
        return f"{rows[Case(name, '', layers=layers).key].perplexity():.2f}"

    try:
        own, window, sinks = (
            of("causal (the model's own)"),
            of("window of 256"),
            of("4 sinks, window of 252"),
        )
        wide, wide_sinks = of("window of 1024"), of("4 sinks, window of 1020")
        everywhere, one, four = (
            of(name, ALL)
            for name in ("window of 256", "1 sink, window of 255", "4 sinks, window of 252")
        )
        power, shard = (rows[Case(n, "").key] for n in ("PowerAttention", "S2-Attention"))
    except KeyError:
        return ""
    return f"""\
## Windows with and without sinks

StreamingLLM reports that a model falls apart once its window has left the first tokens behind,
and that keeping four of them restores it.

- **In the global layers it is so, in direction.** A window of 256 keys has perplexity {window},
  the same number of keys with 4 sinks among them {sinks}; with 1024 keys {wide} and {wide_sinks};
  the model's own attention {own}. Sinks win back most of what the window loses, at the same cost
  and the same cache.
- **There is no collapse** by orders of magnitude, as there is for Llama 2 in that paper: 15 of
  the 18 layers have been trained with a window and keep working.
- **In all layers one sink helps and four do harm**: a window of 256 everywhere has {everywhere},
  with one sink {one}, with four {four}. The first token is the one that begins every text. A
  likely reason, not tested here: the next three are words, which the local layers have never met
  from afar, as positions are those in the text; StreamingLLM moves kept keys next to the window,
  which a pattern alone does not.
- **What keeps the first keys is better than what is dense.** PowerAttention, which has 4 sinks,
  has perplexity {power.perplexity():.2f} at a density of {power.density:.1%}; S2-Attention, whose
  first keys are one head's, {shard.perplexity():.2f} at {shard.density:.1%}.
"""


def routes(rows: dict[str, Measured]) -> str:
    """What the rows say of patterns that are chosen from the data, with their numbers."""
    chosen = {key: row for key, row in rows.items() if row.spec.startswith("route/")}
    waiting = "".join(f"- {case.name}: {_spec(case.spec, case.parameters)}\n" for case in NEXT)
    fixed = [row for row in rows.values() if row.layers == GLOBAL and row not in chosen.values()]
    lines = [_against(key, row, fixed[1:]) for key, row in chosen.items()]
    return f"{ROUTES}\n{''.join(lines)}" + (f"\n{WAITING}\n{waiting}" if waiting else "")


def _against(key: str, row: Measured, fixed: list[Measured]) -> str:
    """A route beside the best fixed pattern that is no denser."""
    name, own = key.rpartition(",")[0], fixed_best(row, fixed)
    found = f"- **{name}**: perplexity {row.perplexity():.2f} at {row.density:.1%}"
    if own is None:
        return f"{found}; no fixed pattern here is as sparse.\n"
    verb = "beats" if row.perplexity() < own.perplexity() else "loses to"
    other = f"{own.perplexity():.2f} at {own.density:.1%} of {_spec(own.spec, own.parameters)}"
    return f"{found} {verb} {other}, the best fixed pattern that is no denser.\n"


def fixed_best(row: Measured, fixed: list[Measured]) -> Measured | None:
    """The fixed pattern of the least perplexity among those that are no denser than a row."""
    sparser = (one for one in fixed if one.density <= row.density)
    return min(sparser, key=lambda one: one.perplexity(), default=None)


def draw(rows: dict[str, Measured], path: Path) -> None:
    """Loss above the model's own along the text, for the patterns in the global layers."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 5), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=(3, 2))
    own = next(iter(rows.values()))
    for key, row in rows.items():
        if row.layers == GLOBAL and row is not own:
            above = [(a - b) / CHUNK for a, b in zip(row.losses, own.losses, strict=True)]
            places = [(at + 1) * CHUNK / 1024 for at in range(len(above))]
            (line,) = left.plot(places, above, ".-", label=key.rpartition(",")[0])
            _point(right, row, line.get_color())
    _point(right, own, "black")
    left.axhline(0, color="black", linewidth=0.8, label="the model's own")
    left.set(xlabel="thousands of tokens", ylabel="nats above the model's own attention")
    left.set_title("Loss along the text, patterns in the global layers")
    left.legend(fontsize=7.5)
    right.set(xscale="log", xlabel="density", ylabel="perplexity, 16,384 tokens")
    right.set_title("Perplexity over density")
    for axis in (left, right):
        axis.grid(alpha=0.3)
    figure.savefig(path, dpi=110, metadata={"Software": None})


def _point(axis: Any, row: Measured, colour: Any) -> None:
    axis.plot([row.density], [row.perplexity()], "o", color=colour)
