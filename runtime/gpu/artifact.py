"""Artifacts of GPU kernels, written on any machine.

    kernel.py       the Triton file with the chosen tile and launch; it needs torch and triton only
    NAME.cubin      each of its kernels as machine code (NAME.hsaco on AMD), for other launchers
    report.json     what the machine code says: see `attnc.analyze_static`; `gradients` of theirs

and what every artifact has, see `runtime.artifacts.manifest`. On a machine with the GPU, Triton
compiles `kernel.py` again, for the strides and lengths of the calls.
"""

import base64
import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from importlib.metadata import version
from pathlib import Path

from attnc.compiler.elaborate import Sizes
from attnc.dsl.program import Bound
from attnc.runtime.artifacts import manifest
from attnc.runtime.calls.options import Options
from attnc.runtime.gpu.devices import resolve
from attnc.runtime.gpu.files import made
from attnc.runtime.gpu.gradients import backward_of, search_backward
from attnc.runtime.gpu.jobs import FORWARD, jobs
from attnc.runtime.gpu.launch import FILE, GpuKernel, from_file
from attnc.runtime.gpu.lower_triton import declared_grad, triton_source
from attnc.runtime.gpu.search import LENGTH, Choice, search
from attnc.runtime.gpu.static import described
from attnc.runtime.gpu.targets import find

BINARY = {"cuda": "cubin", "hip": "hsaco"}


def save(folder: Path, bound: Bound, sizes: Sizes, options: Options, backward: bool = True) -> Path:
    """Choose a kernel, compile it and write its artifact; returns the folder.

    With `backward`, the file and the artifact have the kernels of the gradients too.
    """
    gpu = find(options.target)
    choice = search(bound, sizes, gpu)
    report = described(bound, sizes, gpu, choice, LENGTH).to_dict()
    if backward:
        both = search_backward(bound, sizes, gpu, declared_grad(bound))
        reports = (described(bound, sizes, gpu, one, LENGTH).to_dict() for one in both.values())
        report["gradients"] = [*reports]
        choice = _with_gradients(bound, sizes, choice, both)
    kind = BINARY[gpu.backend]
    files = {
        FILE: choice.source.text.encode(),
        "report.json": (json.dumps(report, indent=2) + "\n").encode(),
    }
    for name, one in made(choice, kind).items():
        files[f"{name}.{kind}"] = base64.b64decode(one.files[kind])
    facts = {"triton": version("triton"), "config": asdict(choice.chosen.config)}
    facts |= {"gradients": list(declared_grad(bound))} if backward else {}
    return manifest.write(folder, bound, sizes, options, files, facts)


def _with_gradients(
    bound: Bound, sizes: Sizes, choice: Choice, both: Mapping[str, Choice]
) -> Choice:
    """The choice with a file that has both passes."""
    config = choice.chosen.config
    source = triton_source(bound, sizes, config.tile, config.triton, backward_of(both))
    launches = {name: one.chosen.config for name, one in both.items()} | {FORWARD: config}
    target = choice.jobs[FORWARD].target
    return replace(choice, source=source, jobs=jobs(source, launches, sizes, target))


def load(folder: Path, target: str) -> GpuKernel:
    """The kernel of an artifact whose files were checked; `NeedsGpu` where it cannot run."""
    resolve(target)
    return from_file(folder / FILE)
