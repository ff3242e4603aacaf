"""The folder of an artifact: its manifest, what every artifact has in it, and the checks.

    manifest.json   schema, versions, target, specialisation, the SHA-256 of every file and itself
    spec/           the spec and the files that it uses

Every file is checked before anything is loaded: an artifact is code.
"""

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from attnc.compiler.elaborate import Sizes
from attnc.dsl.errors import InvalidArtifact
from attnc.dsl.loader import load as load_spec
from attnc.dsl.program import Bound
from attnc.runtime.calls.options import Options, parse_dtype
from attnc.version import __version__

SCHEMA = 2
MANIFEST = "manifest.json"
SEAL = "sha256"


def write(
    folder: Path,
    bound: Bound,
    sizes: Sizes,
    options: Options,
    files: Mapping[str, bytes],
    facts: Mapping[str, Any],
) -> Path:
    """Write the files of a specialisation, its spec, and a manifest with `facts` of the target.

    An artifact that is there already is replaced.
    """
    _remove(folder)
    every = dict(files) | {name: text.encode() for name, text in spec_files(bound).items()}
    for name, data in every.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    manifest = {
        "schema": SCHEMA,
        "attnc": __version__,
        "target": options.target,
        **facts,
        "name": bound.name,
        "spec": entry_file(bound),
        "parameters": dict(bound.values),
        "dtype": sizes.dtype,
        "layout": options.layout,
        "sizes": asdict(sizes),
        "files": {name: _sha256(data) for name, data in sorted(every.items())},
    }
    sealed = manifest | {SEAL: seal(manifest)}
    (folder / MANIFEST).write_text(json.dumps(sealed, indent=2) + "\n")
    return folder


def read(path: Path) -> dict[str, Any]:
    """The manifest of a folder; raises `InvalidArtifact` for one that is none or was changed."""
    manifest = _manifest(path)
    for name in manifest["files"]:
        checked(path, manifest, name)
    return manifest


def restored(path: Path, manifest: Mapping[str, Any]) -> tuple[Bound, Sizes, Options]:
    """The spec, the specialisation and the options that an artifact was made of."""
    bound = load_spec(path / "spec" / manifest["spec"]).bind(**_parameters(manifest))
    sizes = Sizes(**manifest["sizes"])
    options = Options(
        layout=manifest["layout"],
        dtype=parse_dtype(manifest["dtype"]),
        head_dim=sizes.head_dim,
        value_dim=sizes.value_dim,
        heads=sizes.heads or None,
        kv_heads=sizes.kv_heads or None,
        target=manifest["target"],
    )
    return bound, sizes, options


def seal(manifest: Mapping[str, Any]) -> str:
    """The SHA-256 of all other fields of a manifest."""
    fields = {name: value for name, value in manifest.items() if name != SEAL}
    return _sha256(json.dumps(fields, sort_keys=True).encode())


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
        found = manifest.get("schema") if isinstance(manifest, dict) else None
        reason = f"its schema is {found}, and this version reads {SCHEMA}: compile the spec again"
        raise InvalidArtifact(str(path), reason)
    if manifest.get(SEAL) != seal(manifest):
        raise InvalidArtifact(str(path), f"`{MANIFEST}` was changed")
    return manifest


def checked(path: Path, manifest: Mapping[str, Any], name: str) -> bytes:
    """A file of the folder, which is as the manifest says; raises `InvalidArtifact`."""
    if not _inside(path, name):
        raise InvalidArtifact(str(path), f"`{name}` is outside the folder")
    try:
        data = (path / name).read_bytes()
    except OSError:
        raise InvalidArtifact(str(path), f"`{name}` is missing") from None
    found = _sha256(data)
    if found != manifest["files"][name]:
        raise InvalidArtifact(str(path), f"`{name}` was changed: its SHA-256 is {found[:12]}...")
    return data


def _remove(folder: Path) -> None:
    """Remove what the manifest of a folder names, of any schema; itself first."""
    try:
        names = dict(json.loads((folder / MANIFEST).read_text())["files"])
    except (OSError, ValueError, TypeError, KeyError):
        names = {}
    for name in (MANIFEST, *names):
        if _inside(folder, name):
            (folder / name).unlink(missing_ok=True)


def _inside(folder: Path, name: str) -> bool:
    return (folder / name).resolve().is_relative_to(folder.resolve())


def _parameters(manifest: Mapping[str, Any]) -> dict[str, Any]:
    return {n: tuple(x) if isinstance(x, list) else x for n, x in manifest["parameters"].items()}


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
