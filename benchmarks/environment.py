"""What a figure depends on: processor, threads, versions and the arithmetic peak."""

import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import torch

from benchmarks.peak import peak

PACKAGES = ("attnc", "torch", "apache-tvm", "islpy", "transformers")


def describe() -> dict[str, str]:
    """The facts to print beside results."""
    peaks = {"peak in float32": peak(), "peak in bfloat16": peak("bf16")}
    return {
        "processor": processor(),
        "threads": str(torch.get_num_threads()),
        "system": f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
        "versions": ", ".join(f"{name} {installed(name)}" for name in PACKAGES),
    } | {name: f"{best.gflops:.0f} GFLOP/s ({best.method})" for name, best in peaks.items()}


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
