"""The scripts of a page, run by V8 in this process: what they count is compared with the oracle."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from py_mini_racer import MiniRacer

from attnc.codegen.javascript.pattern import print_pattern
from attnc.dsl.program import Bound
from attnc.runtime.calls.grids import segment_lengths
from attnc.runtime.view.page import embedded, text

Pairs = NDArray[np.bool_]


@pytest.fixture(scope="session")
def javascript() -> MiniRacer:
    """The script without a pattern; `var` makes its functions visible to later calls."""
    context = MiniRacer()
    context.eval(text("pairs.js"))
    return context


@pytest.fixture(scope="session")
def pairs(javascript: MiniRacer) -> Callable[..., Pairs]:
    """`pairs(bound, extents, heads, **inputs)`: what the page draws, [heads, N, N]."""

    def found(bound: Bound, extents: tuple[int, ...], heads: int, **inputs: Any) -> Pairs:
        values = {n: [*x] if isinstance(x, tuple) else x for n, x in bound.values.items()}
        lengths = segment_lengths(bound, inputs)
        setting = {"parameters": values, "extents": extents, "heads": heads}
        setting["segments"] = [(part, lengths.get(part, 0)) for part in bound.parts]
        setting["inputs"] = {
            name: _tensor(value, lists=bound.inputs[name].dtype == "set")
            for name, value in inputs.items()
        }
        run = f"""(() => {{
            {print_pattern(bound)}
            globalThis.attends = attends;
            const heads = Array.from({{ length: {heads} }}, (_, h) => h);
            return heads.map((h) => pairsOf({embedded(setting)}, h).join("")).join("");
        }})()"""
        bits = np.frombuffer(str(javascript.eval(run)).encode(), dtype=np.uint8)
        n = int(np.prod(extents)) + sum(lengths.values())
        return (bits == ord("1")).reshape(heads, n, n)

    return found


def _tensor(value: Any, lists: bool) -> Any:
    if isinstance(value, int | float):
        return value
    found = np.asarray(value)
    if not found.ndim:
        return found.item()
    return {"shape": found.shape, "values": found.ravel().tolist(), "lists": lists}
