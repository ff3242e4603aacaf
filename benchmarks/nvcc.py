"""The CUDA that TVM prints, compiled by NVIDIA's compiler: registers and spills, no GPU."""

import re
import shutil
import subprocess
import tempfile
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from time import perf_counter

from attnc.compiler.elaborate import Sizes
from attnc.runtime.gpu.lower_tvm_gpu import device_source, gpu_script
from benchmarks.measure import Figures, UnavailableError
from benchmarks.patterns import PATTERNS

KERNEL = re.compile(
    r"properties for attention_kernel\s+\d+ bytes stack frame, (\d+) bytes spill stores"
    r".*?Used (\d+) registers.*?(\d+) bytes smem",
    re.DOTALL,
)


@cache
def compiler() -> list[str]:
    """The command: `nvcc` on the path, or that of the wheel `nvidia-cuda-nvcc`."""
    if found := shutil.which("nvcc"):
        return [found]
    package = find_spec("nvidia")
    folders = [] if package is None else list(package.submodule_search_locations or ())
    wheels = [path for folder in folders for path in Path(folder).glob("*/bin/nvcc")]
    if not wheels:
        raise UnavailableError("no nvcc: neither on the path nor nvidia-cuda-nvcc installed")
    return [str(wheels[0]), f"-I{wheels[0].parents[1] / 'include'}"]


def measure(pattern: str, head_dim: int, architecture: str, budget: float) -> Figures:
    """Seconds from the spec to a cubin, and what the kernel takes on the architecture."""
    command, start = compiler(), perf_counter()
    bound = PATTERNS[pattern].compile().bound
    source = gpu_script(bound, Sizes(head_dim=head_dim, value_dim=head_dim))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "kernel.cu"
        path.write_text(device_source(source, "cuda"))
        options = [f"-arch={architecture}", "-cubin", "-Xptxas", "-v", "-o", f"{folder}/kernel"]
        done = subprocess.run([*command, *options, path], capture_output=True, text=True)
    report = done.stderr + done.stdout
    found = KERNEL.search(report)
    if done.returncode or found is None:
        raise UnavailableError(f"nvcc: {report.strip()[-200:]}")
    spills, registers, shared = map(float, found.groups())
    facts = {"registers": registers, "spilled": spills, "shared": shared}
    return Figures([perf_counter() - start], facts=facts)
