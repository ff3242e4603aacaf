"""Every mistake of the front end has a spec that makes it, and the text that the user then reads.

A first line `# test: ...` says how a case is run: `bind NAME = JSON, ...`, `load SPEC`, `stack`,
`text` (as source text), `pad N` (with N characters), `chain N` (files that use each other).
"""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from attnc.dsl import errors
from attnc.dsl.diagnostics import Diagnostic, DiagnosticsError
from attnc.dsl.loader import load, load_stack

FOLDER = Path(__file__).parent.parent / "errors"
CASES = sorted(path.stem for path in FOLDER.glob("*.attn"))
CLASSES = {
    value.code.replace("-", "_"): value
    for value in vars(errors).values()
    if isinstance(value, type) and issubclass(value, Diagnostic) and value is not Diagnostic
}


def run(name: str) -> None:
    path = Path(f"{name}.attn")
    text = path.read_text(encoding="utf-8")
    directive = re.match(r"# test: (\w+) ?(.*)\n", text)
    match directive.groups() if directive else None:
        case None:
            load(path).bind()
        case "bind", rest:
            pairs = re.findall(r"(\w+) = (\[.*?\]|[^,]+)", rest)
            load(path).bind(**{key: json.loads(value) for key, value in pairs})
        case "stack", _:
            load_stack(path).bind()
        case "load", spec:
            load(spec)
        case "text", _:
            load(text)
        case "pad", count:
            path.write_text(text + "#" * int(count), encoding="utf-8")
            load(path)
        case "chain", count:
            for i in range(int(count)):
                Path(f"chain_{i}.attn").write_text(f'use "chain_{i + 1}.attn"\n')
            load(path)


def test_every_mistake_has_a_case() -> None:
    assert sorted(CLASSES) == CASES


def test_codes_are_the_names() -> None:
    for code, cls in CLASSES.items():
        assert re.sub(r"(?<!^)(?=[A-Z])", "_", cls.__name__).lower() == code


@pytest.mark.parametrize("name", CASES)
def test_error(
    name: str,
    golden: Callable[[Path, str], None],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shutil.copy(FOLDER / f"{name}.attn", tmp_path)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DiagnosticsError) as caught:
        run(name)
    assert CLASSES[name] in {type(mistake) for mistake in caught.value.diagnostics}
    golden(FOLDER / f"{name}.err", str(caught.value))
