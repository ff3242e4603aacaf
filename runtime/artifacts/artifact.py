"""Artifacts: compiled kernels with their spec in a folder, to be loaded where attnc is installed.

Each kernel has a folder (`forward`, `few-4x4`, `backward`; see `runtime.artifacts.contents`) with

    kernel.ll       LLVM text, compiled to machine code when first called: no compiler is needed
    facts.json      what the kernel must be given
    kernel.py       the TVMScript that it came from, for reading

and there is what every artifact has, see `attnc.runtime.artifacts.manifest`. Those of a GPU are in
`attnc.runtime.gpu.artifact`.
"""

import os
from collections.abc import Mapping
from dataclasses import asdict, replace
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

from attnc.compiler.elaborate import Sizes
from attnc.dsl.errors import InvalidArtifact, NotBuiltForTarget
from attnc.dsl.program import Bound
from attnc.runtime.artifacts import manifest
from attnc.runtime.artifacts.contents import Contents, Entry, attentions, entries
from attnc.runtime.artifacts.library import Held, Library
from attnc.runtime.calls.options import Options
from attnc.runtime.composed.operator import operator
from attnc.runtime.cpu import build, kernels
from attnc.runtime.gpu.targets import is_gpu
from attnc.runtime.operator import Artifact, Operator

COUNTS = ("heads", "kv_heads")


def save(
    folder: Path, bound: Bound, sizes: Sizes, options: Options, contents: Contents | None = None
) -> Path:
    """Compile a specialisation and write its artifact; returns the folder.

    `contents` says which kernels it holds, by default those for any number of queries (on a CPU)
    and the gradients. Raises `NotBuiltForTarget` for a spec with routes.
    """
    if is_gpu(options.target):
        from attnc.runtime.gpu import artifact as gpu

        if bound.composite or bound.segments:
            raise NotBuiltForTarget("an artifact of several attentions", options.target, ("cpu",))
        return gpu.save(folder, bound, sizes, options, (contents or Contents()).gradients)
    held = list(entries(bound, sizes, options, contents or Contents()))
    files = {
        f"{one.folder}/{name}": text.encode()
        for one in held
        for name, text in kernels.files(one.bound, one.sizes, one.gradients, options.target).items()
    }
    host = build.host(options.target)
    facts: dict[str, Any] = {"kernels": [_facts(one) for one in held]}
    facts |= {"tvm": version("apache-tvm"), "cpu": host.cpu, "features": host.features}
    counts = {name: max(getattr(one.sizes, name) for one in held) for name in COUNTS}
    return manifest.write(folder, bound, replace(sizes, **counts), options, files, facts)


def load(folder: str | os.PathLike[str]) -> Operator:
    """The operator of an artifact.

    Raises `InvalidArtifact` for a folder that is none, a changed file, another schema or TVM, or
    a CPU without the instructions that it was compiled for, and `NeedsGpu` where the artifact's GPU
    is not there. A call raises `NotInArtifact` where its kernel is not held.
    """
    if not isinstance(folder, str | os.PathLike):
        raise InvalidArtifact(f"{folder!r:.60}", "it is no path")
    path = Path(folder)
    found = manifest.read(path)
    bound, sizes, options = manifest.restored(path, found)
    if is_gpu(options.target):
        from attnc.runtime.gpu import artifact as gpu

        kept: Any = (sizes, gpu.load(path, options.target))
    else:
        _check_host(path, found)
        kept = _library(path.resolve(), found, bound, options)
    home = Artifact(str(path.resolve()), found[manifest.SEAL], kept, load)
    return operator(bound, options, home)


def _facts(one: Entry) -> dict[str, Any]:
    """What the manifest says of a kernel."""
    fields = {"folder": one.folder, "attention": one.attention, "gradients": one.gradients}
    return fields | {"sizes": asdict(one.sizes)}


def _library(path: Path, found: Mapping[str, Any], bound: Bound, options: Options) -> Library:
    """The kernels of a checked folder, none of them loaded yet."""
    heads, kv_heads = options.heads, options.kv_heads
    identities = {n: own.identity for n, own in attentions(bound, heads, kv_heads).items()}
    held = [
        Held(
            identities[one["attention"]],
            Sizes(**one["sizes"]),
            None if one["gradients"] is None else tuple(one["gradients"]),
            partial(_kernel, path, found, one["folder"]),
        )
        for one in found["kernels"]
    ]
    return Library(str(path), held)


def _kernel(path: Path, found: Mapping[str, Any], folder: str) -> kernels.LoadedKernel:
    """A kernel whose files are as they were when the artifact was loaded."""
    names = (kernels.LLVM_FILE, kernels.FACTS_FILE)
    data = {name: manifest.checked(path, found, f"{folder}/{name}") for name in names}
    return kernels.from_files({name: one.decode() for name, one in data.items()})


def _check_host(path: Path, found: Mapping[str, Any]) -> None:
    here = version("apache-tvm")
    if found["tvm"] != here:
        reason = f"it was made with TVM {found['tvm']}, this is {here}: compile the spec again"
        raise InvalidArtifact(str(path), reason)
    missing = build.missing_features(found["cpu"], found["features"])
    if missing:
        reason = f"it needs {found['cpu']} instructions that this CPU lacks: {', '.join(missing)}"
        raise InvalidArtifact(str(path), reason)
