"""Artifacts: a compiled kernel with its spec in a folder, to be loaded where attnc is installed.

    manifest.json   schema, versions, CPU, specialisation, and the SHA-256 of every file and itself
    kernel.ll       LLVM text, compiled to machine code when loaded: no compiler is needed
    facts.json      what the kernel must be given
    kernel.py       the TVMScript that it came from, for reading
    spec/           the spec and the files that it uses

Every file is checked before anything is loaded: an artifact is code.
"""

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

from attnc.compiler.elaborate import Sizes
from attnc.dsl.errors import InvalidArtifact
from attnc.dsl.loader import load as load_spec
from attnc.dsl.program import Bound
from attnc.runtime import build, kernels
from attnc.runtime.operator import Artifact, Operator
from attnc.runtime.options import Options
from attnc.version import __version__

SCHEMA = 1
MANIFEST = "manifest.json"
SEAL = "sha256"


def save(folder: Path, bound: Bound, sizes: Sizes, options: Options) -> Path:
    """Compile a specialisation and write its artifact; returns the folder."""
    texts = kernels.files(bound, sizes, target=options.target) | spec_files(bound)
    for name, text in texts.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    host = build.host(options.target)
    manifest = {
        "schema": SCHEMA,
        "attnc": __version__,
        "tvm": version("apache-tvm"),
        "target": options.target,
        "cpu": host.cpu,
        "features": host.features,
        "name": bound.name,
        "spec": entry_file(bound),
        "parameters": dict(bound.values),
        "dtype": sizes.dtype,
        "layout": options.layout,
        "sizes": asdict(sizes),
        "files": {name: _sha256(text.encode()) for name, text in sorted(texts.items())},
    }
    sealed = manifest | {SEAL: seal(manifest)}
    (folder / MANIFEST).write_text(json.dumps(sealed, indent=2) + "\n")
    return folder


def seal(manifest: Mapping[str, Any]) -> str:
    """The SHA-256 of all other fields of a manifest."""
    fields = {name: value for name, value in manifest.items() if name != SEAL}
    return _sha256(json.dumps(fields, sort_keys=True).encode())


def load(folder: str | os.PathLike[str]) -> Operator:
    """The operator of an artifact.

    Raises `InvalidArtifact` for a folder that is none, a changed file, another schema or TVM, or
    a CPU without the instructions that it was compiled for.
    """
    if not isinstance(folder, str | os.PathLike):
        raise InvalidArtifact(f"{folder!r:.60}", "it is no path")
    path = Path(folder)
    manifest = _manifest(path)
    _check_files(path, manifest)
    _check_host(path, manifest)
    bound = load_spec(path / "spec" / manifest["spec"]).bind(**_parameters(manifest))
    sizes = Sizes(**manifest["sizes"])
    options = Options(
        layout=manifest["layout"],
        dtype=build.torch_dtype(manifest["dtype"]),
        head_dim=sizes.head_dim,
        value_dim=sizes.value_dim,
        heads=sizes.heads or None,
        kv_heads=sizes.kv_heads or None,
        target=manifest["target"],
    )
    texts = {name: (path / name).read_text() for name in manifest["files"]}
    only = (sizes, kernels.from_files(texts))
    return Operator(bound, options, Artifact(str(path.resolve()), only, load))


def spec_files(bound: Bound) -> dict[str, str]:
    """The spec and the files that it uses, by their path in the artifact."""
    program = bound.program
    home = Path(program.source.name).parent
    files = {f"spec/{entry_file(bound)}": program.source.text}
    for mask in program.masks.values():
        source = mask.span.source
        if source.name not in ("std.attn", program.source.name):
            files[f"spec/{os.path.relpath(source.name, home)}"] = source.text
    return files


def entry_file(bound: Bound) -> str:
    """The name of the spec's own file."""
    name = Path(bound.program.source.name).name
    return name if name.endswith(".attn") else f"{bound.name}.attn"


def _manifest(path: Path) -> dict[str, Any]:
    try:
        manifest: dict[str, Any] = json.loads((path / MANIFEST).read_text())
    except (OSError, ValueError) as error:
        raise InvalidArtifact(str(path), f"no readable {MANIFEST} ({error})") from None
    if not isinstance(manifest, dict) or manifest.get("schema") != SCHEMA:
        raise InvalidArtifact(str(path), f"its schema is not {SCHEMA}: compile the spec again")
    if manifest.get(SEAL) != seal(manifest):
        raise InvalidArtifact(str(path), f"`{MANIFEST}` was changed")
    return manifest


def _check_files(path: Path, manifest: Mapping[str, Any]) -> None:
    for name, expected in manifest["files"].items():
        file = path / name
        if not file.resolve().is_relative_to(path.resolve()):
            raise InvalidArtifact(str(path), f"`{name}` is outside the folder")
        try:
            found = _sha256(file.read_bytes())
        except OSError:
            raise InvalidArtifact(str(path), f"`{name}` is missing") from None
        if found != expected:
            raise InvalidArtifact(
                str(path), f"`{name}` was changed: its SHA-256 is {found[:12]}..."
            )


def _check_host(path: Path, manifest: Mapping[str, Any]) -> None:
    here = version("apache-tvm")
    if manifest["tvm"] != here:
        reason = f"it was made with TVM {manifest['tvm']}, this is {here}: compile the spec again"
        raise InvalidArtifact(str(path), reason)
    missing = build.missing_features(manifest["cpu"], manifest["features"])
    if missing:
        reason = (
            f"it needs {manifest['cpu']} instructions that this CPU lacks: {', '.join(missing)}"
        )
        raise InvalidArtifact(str(path), reason)


def _parameters(manifest: Mapping[str, Any]) -> dict[str, Any]:
    return {n: tuple(x) if isinstance(x, list) else x for n, x in manifest["parameters"].items()}


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
