"""The tiles of a page are the compiler's, and its text cannot break out of its script."""

import json
from math import ceil

import numpy as np
import pytest
from py_mini_racer import MiniRacer

from attnc.compiler.relation import of_bound
from attnc.dsl.loader import load
from attnc.runtime.pictures.plot import classes
from attnc.runtime.view.page import embedded

SEQ = 50


@pytest.mark.parametrize("name", ["line/longformer", "line/power_attention", "line/longlora"])
def test_classes_are_those_of_the_compiler(name: str, javascript: MiniRacer, pairs: object) -> None:
    small = {"line/longformer": {"w": 9, "g": 4}, "line/longlora": {"g": 16}}.get(
        name, {"w": 4, "sinks": 2, "block": 3}
    )
    bound, tile, heads = load(name).bind(**small), (8, 4), 2
    pairs(bound, (SEQ,), heads)  # type: ignore[operator]
    setting = {"parameters": bound.values, "inputs": {}, "extents": [SEQ], "heads": heads}
    for head in range(heads):
        run = f"""(() => {{
            const setting = {embedded(setting)};
            const [rows, columns] = {list(tile)}.map((size) => tileOrder(setting, [size], [1]));
            const pairs = pairsOf(setting, {head});
            return JSON.stringify(tileClasses(pairs, rows, columns));
        }})()"""
        found = json.loads(javascript.eval(run))
        relation = of_bound(bound, heads, heads)
        wanted = classes(relation, head if relation.uses_head else None, tile, SEQ, {})
        np.testing.assert_array_equal(found, wanted)


def test_order_is_by_residue_then_box(javascript: MiniRacer) -> None:
    found = json.loads(javascript.eval("JSON.stringify(tileOrder({ extents: [7] }, [2], [3]))"))
    assert found == {"order": [0, 3, 6, 1, 4, 2, 5], "starts": [0, 2, 3, 5, 7]}
    grid = json.loads(
        javascript.eval("JSON.stringify(tileOrder({ extents: [4, 6] }, [2, 4], [1, 1]))")
    )
    assert grid["order"][:8] == [0, 1, 2, 3, 6, 7, 8, 9]
    assert len(grid["starts"]) == 1 + ceil(4 / 2) * ceil(6 / 4)
    beside = 'tileOrder({ extents: [4], segments: [["a", 3], ["", 0], ["b", 5]] }, [2], [2], 2)'
    found = json.loads(javascript.eval(f"JSON.stringify({beside})"))
    assert found["order"] == [0, 1, 2, 3, 5, 4, 6, *range(7, 12)]
    assert found["starts"] == [0, 2, 3, 5, 7, 9, 11, 12]


def test_embedded_text_ends_no_script() -> None:
    text = embedded({"source": "# </script><!-- <script>"})
    assert "<" not in text and json.loads(text)["source"] == "# </script><!-- <script>"


def test_runs(javascript: MiniRacer) -> None:
    assert javascript.eval("runs([0, 1, 2, 5, 7, 8])") == "0 to 2, 5, 7 to 8"
