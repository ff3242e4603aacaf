"""Artifacts: a compiled kernel with its spec in a folder, to be loaded where attnc is installed.

    kernel.ll       LLVM text, compiled to machine code when loaded: no compiler is needed
    facts.json      what the kernel must be given
    kernel.py       the TVMScript that it came from, for reading

and what every artifact has, see `attnc.runtime.manifest`. Those of a GPU are in
`attnc.runtime.gpu.artifact`.
"""

import os
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from attnc.compiler.elaborate import Sizes
from attnc.dsl.errors import InvalidArtifact, NotBuiltForTarget
from attnc.dsl.program import Bound
from attnc.runtime import build, kernels, manifest
from attnc.runtime.gpu.targets import is_gpu
from attnc.runtime.operator import Artifact, Operator
from attnc.runtime.options import Options


def save(folder: Path, bound: Bound, sizes: Sizes, options: Options) -> Path:
    """Compile a specialisation and write its artifact; returns the folder."""
    if bound.composite:
        raise NotBuiltForTarget("an artifact of a spec with an `output`", options.target)
    if is_gpu(options.target):
        from attnc.runtime.gpu import artifact as gpu

        return gpu.save(folder, bound, sizes, options)
    texts = kernels.files(bound, sizes, target=options.target)
    host = build.host(options.target)
    facts = {"tvm": version("apache-tvm"), "cpu": host.cpu, "features": host.features}
    files = {name: text.encode() for name, text in texts.items()}
    return manifest.write(folder, bound, sizes, options, files, facts)


def load(folder: str | os.PathLike[str]) -> Operator:
    """The operator of an artifact.

    Raises `InvalidArtifact` for a folder that is none, a changed file, another schema or TVM, or
    a CPU without the instructions that it was compiled for, and `NeedsGpu` where the artifact's GPU
    is not there.
    """
    if not isinstance(folder, str | os.PathLike):
        raise InvalidArtifact(f"{folder!r:.60}", "it is no path")
    path = Path(folder)
    found = manifest.read(path)
    bound, sizes, options = manifest.restored(path, found)
    if is_gpu(options.target):
        from attnc.runtime.gpu import artifact as gpu

        kernel = gpu.load(path, options.target)
        return Operator(bound, options, Artifact(str(path.resolve()), (sizes, kernel), load))
    _check_host(path, found)
    texts = {name: (path / name).read_text() for name in found["files"]}
    only = (sizes, kernels.from_files(texts))
    return Operator(bound, options, Artifact(str(path.resolve()), only, load))


def _check_host(path: Path, found: Mapping[str, Any]) -> None:
    here = version("apache-tvm")
    if found["tvm"] != here:
        reason = f"it was made with TVM {found['tvm']}, this is {here}: compile the spec again"
        raise InvalidArtifact(str(path), reason)
    missing = build.missing_features(found["cpu"], found["features"])
    if missing:
        reason = f"it needs {found['cpu']} instructions that this CPU lacks: {', '.join(missing)}"
        raise InvalidArtifact(str(path), reason)
