"""Dense definitions of the shipped specs, written from the papers: what every kernel must match.

`MASKS[name](q_len, kv_len, heads, **parameters_and_inputs)` is a numpy bool array
[heads, q_len, kv_len]; `SCORES[name](s, q, k, **parameters_and_inputs)` the scores of a spec that
changes them; `SINKS[name](**parameters_and_inputs)` the logits [H] of one more term of the
denominator; `PARAMETERS[name]` cases to try, small enough for short sequences; `inputs(name, ...)`
random run-time inputs.
"""

from collections.abc import Callable, Mapping
from functools import partial
from importlib import import_module
from typing import Any

import numpy as np

from attnc.dsl.loader import load
from tests.references.relation import Mask, dense

PARAMETERS: Mapping[str, tuple[dict[str, Any], ...]] = {
    "line/full": ({},),
    "line/causal": ({},),
    "line/prefix_lm": ({"n": 0}, {"n": 5}, {"n": 40}),
    "line/streaming_llm": ({"sinks": 4, "w": 6}, {"sinks": 0, "w": 1}, {"sinks": 1, "w": 90}),
    "line/mistral": ({"w": 1}, {"w": 7}, {"w": 100}),
    "line/longformer": ({"w": 3, "g": 2}, {"w": 0, "g": 0}, {"w": 50, "g": 1}, {"w": 1, "g": 40}),
    "line/longformer_dilated": (
        {"w": 3, "g": 2, "dilations": [2, 1, 5, 1]},
        {"w": 2, "g": 0, "dilations": [4, 3, 4, 4]},
        {"w": 60, "g": 1, "dilations": [1, 1, 70, 2]},
    ),
    "line/sparse_transformer_strided": ({"l": 1}, {"l": 5}, {"l": 64}),
    "line/sparse_transformer_fixed": ({"l": 8, "c": 2}, {"l": 5, "c": 5}, {"l": 64, "c": 1}),
    "line/power_attention": ({"w": 3, "sinks": 2, "block": 2}, {"w": 1, "sinks": 0, "block": 1}),
    "line/s2_attention": ({"w": 3, "block": 4}, {"w": 1, "block": 1}, {"w": 8, "block": 64}),
    "line/longlora": ({"g": 8}, {"g": 5}, {"g": 1}, {"g": 64}),
    "line/block_diffusion": ({"size": 4}, {"size": 7}, {"size": 1}, {"size": 64}),
    "line/block_diffusion_train": ({"size": 4}, {"size": 3}, {"size": 1}, {"size": 64}),
    "line/moonshine": ({"left": 4, "right": 2}, {"left": 0, "right": 0}, {"left": 2, "right": 50}),
    "line/short_swa": ({"w": 1}, {"w": 8}),
    "line/streaming_vlm": (
        {"sinks": 2, "text_window": 15, "vision_window": 4},
        {"sinks": 0, "text_window": 3, "vision_window": 9},
    ),
    "line/sink_lora": ({"g": 8, "back": 2, "sinks": 1}, {"g": 5, "back": 3, "sinks": 0}),
    "line/sener_arrow": ({"w": 4, "base": 8}, {"w": 60, "base": 512}),
    "line/bigbird": (
        {"block": 4, "w": 1, "g": 1, "r": 2, "seed": 5},
        {"block": 3, "w": 0, "g": 0, "r": 3, "seed": -1},
    ),
    "line/subsample": ({"p": 0.5}, {"p": 0.02}),
    "input/document": ({},),
    "input/gather": ({},),
    "input/mesh": ({"w": 2, "d": 3, "globals": 1}, {"w": 0, "d": 1, "globals": 0}),
    "input/learned_mask": ({},),
    "input/key_flags": ({},),
    "input/head_classes": ({"sinks": 2, "w": 5}, {"sinks": 0, "w": 60}),
    "input/revela": ({"documents": 4},),
    "input/reuse": ({"sinks": 1, "w": 4}, {"sinks": 0, "w": 1}),
    "score/alibi": ({},),
    "score/softcap": ({"cap": 2.0}, {"cap": 50.0}),
    "score/relative_bias": ({"r": 3}, {"r": 0}, {"r": 64}),
    "score/softmax1": ({},),
    "score/sink_logit": ({"w": 1}, {"w": 100}, {"w": 7}),
}

WITHOUT_SETS = tuple(
    name
    for name in sorted(PARAMETERS)
    if all(given.dtype != "set" for given in load(name).inputs.values())
)

_MODULES = {name: import_module(f"{__name__}.{name.replace('/', '.')}") for name in PARAMETERS}

MASKS: Mapping[str, Callable[..., Mask]] = {
    name: partial(dense, module.keys) for name, module in _MODULES.items()
}

SCORES: Mapping[str, Callable[..., Any]] = {
    name: module.scores for name, module in _MODULES.items() if hasattr(module, "scores")
}

SINKS: Mapping[str, Callable[..., Any]] = {
    name: module.sinks for name, module in _MODULES.items() if hasattr(module, "sinks")
}


def inputs(
    name: str,
    heads: int,
    kv_len: int,
    rng: int = 0,
    q_len: int | None = None,
    **parameters: Any,
) -> dict[str, Any]:
    """Random numpy values for the inputs of a spec; `q_len` is `kv_len` where it is not given.

    `rng` seeds them.
    """
    random = np.random.default_rng(rng)
    queries = kv_len if q_len is None else q_len
    match name:
        case "input/document":
            return {"doc": np.sort(random.integers(0, 4, kv_len)).astype(np.int32)}
        case "input/revela":
            documents = parameters["documents"]
            doc = np.sort(random.integers(0, documents, kv_len)).astype(np.int32)
            return {"doc": doc, "weight": random.standard_normal(documents**2)}
        case "input/gather" | "input/mesh":
            return {"nbr": random.integers(-1, max(kv_len, 1), (queries, 5))}
        case "input/learned_mask":
            return {"logit": random.standard_normal((queries, kv_len))}
        case "input/key_flags":
            return {"keep": random.integers(0, 2, (heads, kv_len)).astype(np.int32)}
        case "input/head_classes":
            return {"retrieval": random.integers(0, 2, heads).astype(np.int32)}
        case "input/reuse":
            return {"picked": random.integers(-1, max(kv_len, 1), (heads, 6))}
        case "line/streaming_vlm":
            return {"vision": random.integers(0, 2, kv_len).astype(np.int32)}
        case "line/subsample":
            return {"seed": np.array(-3, np.int32)}
        case _:
            return _score_inputs(name, heads, random, **parameters)


def _score_inputs(
    name: str, heads: int, random: np.random.Generator, **parameters: Any
) -> dict[str, Any]:
    match name:
        case "score/alibi":
            return {"slope": 2.0 ** -(8 * np.arange(1, heads + 1) / heads)}
        case "score/sink_logit":
            return {"z": random.standard_normal(heads)}
        case "score/relative_bias":
            return {"table": random.standard_normal((heads, 2 * parameters["r"] + 1))}
        case _:
            return {}
