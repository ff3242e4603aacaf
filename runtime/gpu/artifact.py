"""Artifacts of GPU kernels, written on any machine.

    kernel.py       the Triton file with the chosen tile and launch; it needs torch and triton only
    NAME.cubin      each of its kernels as machine code (NAME.hsaco on AMD), for other launchers
    report.json     what the machine code says: see `attnc.analyze_static`

and what every artifact has, see `attnc.runtime.manifest`. On a machine with the GPU, Triton's JIT
compiles `kernel.py` again, for the strides and lengths of the calls.
"""

import base64
import json
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path

from attnc.compiler.elaborate import Sizes
from attnc.dsl.program import Bound
from attnc.runtime import manifest
from attnc.runtime.gpu.devices import resolve
from attnc.runtime.gpu.files import made
from attnc.runtime.gpu.launch import FILE, GpuKernel, from_file
from attnc.runtime.gpu.search import LENGTH, search
from attnc.runtime.gpu.static import described
from attnc.runtime.gpu.targets import find
from attnc.runtime.options import Options

BINARY = {"cuda": "cubin", "hip": "hsaco"}


def save(folder: Path, bound: Bound, sizes: Sizes, options: Options) -> Path:
    """Choose a kernel, compile it and write its artifact; returns the folder."""
    gpu = find(options.target)
    choice = search(bound, sizes, gpu)
    report = described(bound, sizes, gpu, choice, LENGTH).to_dict()
    kind = BINARY[gpu.backend]
    files = {
        FILE: choice.source.text.encode(),
        "report.json": (json.dumps(report, indent=2) + "\n").encode(),
    }
    for name, one in made(choice, kind).items():
        files[f"{name}.{kind}"] = base64.b64decode(one.files[kind])
    facts = {"triton": version("triton"), "config": asdict(choice.chosen.config)}
    return manifest.write(folder, bound, sizes, options, files, facts)


def load(folder: Path, target: str) -> GpuKernel:
    """The kernel of an artifact whose files were checked; `NeedsGpu` where it cannot run."""
    resolve(target)
    return from_file(folder / FILE)
