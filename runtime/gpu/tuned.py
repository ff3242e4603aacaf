"""The configs that were measured to be fastest, kept for each device, spec and specialisation."""

import hashlib
import json
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path

import torch

from attnc.compiler.elaborate import Sizes
from attnc.dsl.program import Bound
from attnc.runtime import cache
from attnc.runtime.gpu.configs import Config
from attnc.runtime.gpu.lower_triton import triton_source


def device_name() -> str:
    """The name of the current GPU; of none where kernels are interpreted."""
    return torch.cuda.get_device_name() if torch.cuda.is_available() else "interpreter"


def path(bound: Bound, sizes: Sizes, target: str) -> Path:
    """Where a result is kept: named by the device, by Triton, and by the text of the kernel."""
    parts = device_name(), target, version("triton"), triton_source(bound, sizes).text
    digest = hashlib.sha256(repr(parts).encode()).hexdigest()[:32]
    return cache.root() / "tuned" / f"gpu-{digest}.json"


def store(bound: Bound, sizes: Sizes, target: str, config: Config) -> Path:
    """Keep a config for this and later processes."""
    place = path(bound, sizes, target)
    cache.replace(place, json.dumps(asdict(config)) + "\n")
    return place


def stored(bound: Bound, sizes: Sizes, target: str) -> Config | None:
    """The config that was kept, if there is one."""
    try:
        return Config(**json.loads(path(bound, sizes, target).read_text()))
    except (OSError, ValueError, TypeError):
        return None
