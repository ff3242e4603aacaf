"""Specs from paths, shipped names and source text; `use` resolved inside the file's own folder."""

import os
from collections.abc import Iterator
from functools import cache
from importlib import resources
from pathlib import Path

from attnc.dsl import syntax as ast
from attnc.dsl.check_stack import check_stack
from attnc.dsl.checker import check, check_library
from attnc.dsl.diagnostics import Diagnostic, DiagnosticsError
from attnc.dsl.failures import InvalidValue
from attnc.dsl.mistakes import files as mistakes
from attnc.dsl.mistakes.names import DuplicateDefinition
from attnc.dsl.mistakes.stacks import AttentionNotStack, StackNotAttention
from attnc.dsl.parser import MAX_CHARACTERS, parse
from attnc.dsl.program import Program
from attnc.dsl.source import Source, Span
from attnc.dsl.stack import StackProgram

SUFFIX = ".attn"
STACK = "_stack"
GRIDS = "grid/"
ROUTES = "route/"
STRING_NAME = "<string>"
MAX_USED = 32  # files that one spec may use, directly or not

Masks = dict[str, ast.MaskDefinition]


def load(spec: str | os.PathLike[str]) -> Program:
    """The checked attention of a spec, as `load_any` finds it; a stack is a mistake here."""
    found = load_any(spec)
    if isinstance(found, StackProgram):
        mistake = StackNotAttention(found.name, span=found.stack.span)
        raise DiagnosticsError([mistake])
    return found


def load_stack(spec: str | os.PathLike[str]) -> StackProgram:
    """The checked stack of a spec, as `load_any` finds it; one attention is a mistake here."""
    found = load_any(spec)
    if isinstance(found, Program):
        mistake = AttentionNotStack(found.name, span=found.attention.span)
        raise DiagnosticsError([mistake])
    return found


def load_any(spec: str | os.PathLike[str]) -> Program | StackProgram:
    """The checked attention or stack of a path, a shipped name or a source text.

    A path object and a string ending in `.attn` are files; a string with a newline or a brace is
    source text; any other string is a shipped name. Raises `DiagnosticsError`.
    """
    match spec:
        case str() if not spec.endswith(SUFFIX) and ("\n" in spec or "{" in spec):
            return _program(Source(STRING_NAME, spec), None)
        case str() if not spec.endswith(SUFFIX):
            return _from_file(_shipped(spec))
        case str() | os.PathLike():
            return _from_file(Path(spec))
        case _:
            expected = "a path, a shipped name such as line/mistral, or source text"
            raise InvalidValue("spec", expected, f"{spec!r:.60}")


def shipped() -> tuple[str, ...]:
    """The names of all shipped attentions on sequences without routes, sorted."""
    others = (*shipped_composed(), *shipped_stacks())
    names = (name for name in all_shipped() if not name.startswith((GRIDS, ROUTES)))
    return tuple(name for name in names if name not in others)


def shipped_grids() -> tuple[str, ...]:
    """The names of all shipped attentions on grids, sorted; they begin with `grid/`."""
    grids = (name for name in all_shipped() if name.startswith(GRIDS))
    return tuple(name for name in grids if name not in shipped_stacks())


def shipped_routes() -> tuple[str, ...]:
    """The names of all shipped attentions with routes, sorted; they begin with `route/`."""
    names = (name for name in all_shipped() if name not in shipped_composed())
    return tuple(name for name in names if name.startswith(ROUTES))


@cache
def shipped_composed() -> tuple[str, ...]:
    """The names of all shipped attentions that have branches or an `output`, sorted."""
    texts = {name: (_root() / f"{name}{SUFFIX}").read_text("utf-8") for name in all_shipped()}
    lines = {name: [line.split(" ")[0] for line in t.split("\n    ")] for name, t in texts.items()}
    return tuple(n for n in texts if {"merge", "output"} & set(lines[n]))


def shipped_stacks() -> tuple[str, ...]:
    """The names of all shipped stacks, sorted; they end in `_stack`."""
    return tuple(name for name in all_shipped() if name.endswith(STACK))


def all_shipped() -> tuple[str, ...]:
    """The names of all shipped specs, sorted."""
    root = _root()
    found = (path.relative_to(root).with_suffix("") for path in root.rglob(f"*{SUFFIX}"))
    return tuple(sorted(path.as_posix() for path in found))


@cache
def prelude() -> Masks:
    """The masks of `std.attn`, which every spec can name."""
    text = resources.files("attnc.dsl").joinpath("std.attn").read_text("utf-8")
    return check_library(parse(Source("std.attn", text)), {})


def _root() -> Path:
    return Path(str(resources.files("attnc").joinpath("specs")))


def _shipped(name: str) -> Path:
    known = all_shipped()
    if name not in known:
        shown = name[:80] or '""'
        raise DiagnosticsError([mistakes.UnknownSpec(shown, known, span=_start(shown))])
    return _root() / f"{name}{SUFFIX}"


def _start(name: str) -> Span:
    """The beginning of a text that cannot be shown."""
    return Span(Source(name, ""), 1, 1, 1, 1)


def _from_file(path: Path) -> Program | StackProgram:
    try:
        source = _read(path, str(path))
    except OSError as error:
        reason = error.strerror or str(error)
        found: Diagnostic = mistakes.UnreadableSpec(str(path), reason, span=_start(str(path)))
        raise DiagnosticsError([found]) from None
    return _program(source, path)


def _read(path: Path, name: str) -> Source:
    """The text of a file. Raises `OSError` where it cannot be opened or is no UTF-8."""
    with path.open("rb") as stream:
        data = stream.read(4 * MAX_CHARACTERS + 1)
    try:
        return Source(name, data.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise OSError("it is not UTF-8 text") from None


def _program(source: Source, path: Path | None) -> Program | StackProgram:
    file = parse(source)
    chain = (path.resolve(),) if path is not None else ()
    masks = {**prelude(), **_Uses().masks(file, chain)}
    is_stack = any(isinstance(definition, ast.Stack) for definition in file.definitions)
    return check_stack(file, masks) if is_stack else check(file, masks)


class _Uses:
    """Follows `use`; each file is read once."""

    def __init__(self) -> None:
        self.read: dict[Path, Masks] = {}

    def masks(self, file: ast.File, chain: tuple[Path, ...]) -> Masks:
        """The masks of all files that `file`, the last of the chain, uses."""
        found: Masks = {}
        for use in file.uses:
            if use.quoted:
                _join(found, self._used(use, chain), use)
            elif use.path != "std":
                raise DiagnosticsError([mistakes.UnknownLibrary(use.path, span=use.span)])
        return found

    def _used(self, use: ast.Use, chain: tuple[Path, ...]) -> Masks:
        path = _inside(use, chain)
        if path in chain:
            names = " -> ".join(p.name for p in (*chain[chain.index(path) :], path))
            raise DiagnosticsError([mistakes.UseCycle(use.path, names, span=use.span)])
        if path not in self.read:
            if len(self.read) + len(chain) > MAX_USED:
                raise DiagnosticsError([mistakes.UseTooDeep(MAX_USED, span=use.span)])
            self.read[path] = self._masks_of(path, use, chain)
        return self.read[path]

    def _masks_of(self, path: Path, use: ast.Use, chain: tuple[Path, ...]) -> Masks:
        name = str(Path(use.span.source.name).parent / use.path)
        try:
            file = parse(_read(path, name))
        except OSError as error:
            reason = error.strerror or str(error)
            raise DiagnosticsError(
                [mistakes.UseNotFound(use.path, reason, span=use.span)]
            ) from None
        imported = self.masks(file, (*chain, path))
        return imported | check_library(file, {**prelude(), **imported})


def _join(found: Masks, used: Masks, use: ast.Use) -> None:
    """Adds the masks of one used file; a file that is used twice is no conflict."""
    for name, mask in used.items():
        if found.setdefault(name, mask) is not mask:
            first = str(found[name].span)
            raise DiagnosticsError([DuplicateDefinition(name, first, span=use.span)])


def _inside(use: ast.Use, chain: tuple[Path, ...]) -> Path:
    """The used file, links resolved, which must lie in or below the folder of the using file."""
    if not chain:
        raise DiagnosticsError([mistakes.UseWithoutFolder(use.path, span=use.span)])
    folder = chain[-1].parent
    candidate = Path(use.path)
    try:
        path = (folder / candidate).resolve()
    except (OSError, ValueError, RuntimeError):
        path = Path("/")
    leaves = candidate.is_absolute() or ".." in _parts(candidate)
    if leaves or not path.is_relative_to(folder):
        raise DiagnosticsError([mistakes.UseEscapes(use.path, span=use.span)])
    return path


def _parts(path: Path) -> Iterator[str]:
    yield from path.as_posix().replace("\\", "/").split("/")
