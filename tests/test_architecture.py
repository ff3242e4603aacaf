"""The shape of the repository: links, arrows between folders, and the size of what is in them."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LINKED = ("codegen", "compiler", "dsl", "runtime", "specs")
FOLDERS = ("codegen", "compiler", "dsl", "runtime", "src", "tests", "examples", "benchmarks")
LONGEST_FILE, LONGEST_FUNCTION = 300, 50


def python_files(*folders: str) -> Iterator[Path]:
    for folder in folders:
        yield from sorted((ROOT / folder).rglob("*.py"))


def functions(path: Path) -> Iterator[tuple[str, int]]:
    """The functions of a file and how many lines each has."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name, (node.end_lineno or node.lineno) - node.lineno + 1


@pytest.mark.parametrize("name", LINKED)
def test_links_lead_to_folders(name):
    link = ROOT / "src" / "attnc" / name
    assert link.is_symlink(), f"{link} is no link: was the checkout made without symbolic links?"
    assert link.readlink() == Path("..") / ".." / name
    assert link.resolve() == ROOT / name and link.is_dir()


def test_contracts_between_folders_hold():
    found = subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command as c; c()"],
        cwd=ROOT, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert found.returncode == 0, found.stdout + found.stderr
    assert "0 broken" in found.stdout


def imported(path: Path) -> set[str]:
    """The modules that a file names in its imports, wherever they are."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        match node:
            case ast.Import(names=aliases):
                names |= {alias.name for alias in aliases}
            case ast.ImportFrom(module=module, level=0) if module:
                names.add(module)
            case ast.ImportFrom():
                names.add(".")
    return names


def importers(package: str, *folders: str) -> set[str]:
    """The files of some folders that import a package."""
    return {
        path.relative_to(ROOT).as_posix()
        for path in python_files(*folders)
        if any(name == package or name.startswith(f"{package}.") for name in imported(path))
    }


def test_one_home_for_each_library():
    every = ("codegen", "compiler", "dsl", "runtime")
    assert all(path.startswith("compiler/sets/") for path in importers("islpy", *every))
    assert all(path.startswith("dsl/") for path in importers("lark", *every))
    assert importers("tvm", *every) <= {"runtime/cpu/build.py"}
    assert importers("torch", "codegen", "compiler", "dsl") == set()
    models = importers("transformers", *every)
    assert all(path.startswith("runtime/integrations/") for path in models)


def test_no_relative_imports():
    assert [path for path in python_files(*FOLDERS) if "." in imported(path)] == []


def test_files_are_short():
    lengths = {
        path.relative_to(ROOT).as_posix(): len(path.read_text().splitlines())
        for path in python_files(*FOLDERS)
        if "golden" not in path.parts
    }
    assert {path: lines for path, lines in lengths.items() if lines > LONGEST_FILE} == {}


def test_functions_are_short():
    long = [
        f"{path.relative_to(ROOT)}: {name} has {lines} lines"
        for path in python_files(*FOLDERS)
        if "golden" not in path.parts
        for name, lines in functions(path)
        if lines > LONGEST_FUNCTION
    ]
    assert long == []


def test_packages_say_what_they_are():
    for path in python_files("codegen", "compiler", "dsl", "runtime"):
        assert ast.get_docstring(ast.parse(path.read_text())), f"{path} has no docstring"
