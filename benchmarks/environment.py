"""What a figure depends on: processor, threads and versions."""

import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import torch

PACKAGES = ("attnc", "torch", "apache-tvm", "islpy", "transformers")


def describe() -> dict[str, str]:
    """The facts to print beside results."""
    return {
        "processor": processor(),
        "threads": str(torch.get_num_threads()),
        "system": f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
    } | {name: installed(name) for name in PACKAGES}


def processor() -> str:
    """The model of the CPU, with torch's word for its vector instructions."""
    name = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        models = [x for x in info.read_text().splitlines() if x.startswith("model name")]
        name = models[0].partition(":")[2].strip() if models else name
    return f"{name} ({torch.backends.cpu.get_cpu_capability()})"


def installed(package: str) -> str:
    """A package's version."""
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
