"""`check`, and what all commands share: usage, errors, exit statuses."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from attnc.runtime.commands import COMMANDS
from attnc.runtime.commands.options import parameter

REFUTED = "attention wide(w = 3) {\n    mask window(w) | sink(1)\n    assert causal\n}\n"
UNCOVERED = "attention holes { mask causal & ~same\n assert covers }"


def test_help_lists_every_command(attnc: Callable) -> None:
    found = attnc("--help")
    assert found.status == 0
    assert all(name in found.out for name in COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(attnc: Callable, name: str) -> None:
    found = attnc(name, "--help")
    assert found.status == 0 and "--json" in found.out


def test_version(attnc: Callable) -> None:
    assert attnc("--version").out.startswith("attnc ")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "COMMAND"),
        (["chek", "line/causal"], "did you mean `check`?"),
        (["check"], "SPEC"),
        (["check", "line/mistral", "-p", "w"], "NAME=VALUE"),
        (["check", "line/mistral", "-p", "w=abc"], "no int, float"),
        (["check", "line/mistral", "-p", "w=NaN"], "no int, float"),
        (["check", "line/mistral", "-p", "w=1e999"], "no int, float"),
        (["check", "line/mistral", "-p", f"w={'9' * 5000}"], "no int, float"),
        (["check", "line/mistral", "--heads", "-1"], "no positive number"),
        (["check", "line/mistral", "-p", "windw=5"], "no parameter `windw`"),
        (["check", "line/streaming_llm", "-p", "sink=5"], "did you mean `sinks`?"),
        (["check", "line/mistrl"], "did you mean `line/mistral`?"),
        (["check", "nowhere.attn"], "cannot read `nowhere.attn`"),
        (["check", "attention a(w) { mask window(w) }"], "has no value"),
        (["check", "attention a { mask causal\n normalize sigmoid }"], "not supported yet"),
    ],
)
def test_bad_usage_is_2(attnc: Callable, arguments: list[str], said: str) -> None:
    found = attnc(*arguments)
    assert (found.status, found.out) == (2, "")
    assert said in found.err and "Traceback" not in found.err


def test_proved(attnc: Callable) -> None:
    found = attnc("check", "line/streaming_llm", "-p", "w=12", "--json")
    assert (found.status, found.err) == (0, "")
    assert found.json["ok"] and found.json["parameters"] == {"sinks": 4, "w": 12}
    assert [proof["verdict"] for proof in found.json["proofs"]] == ["proved"] * 3
    assert "proved" in attnc("check", "line/streaming_llm").out


def test_refuted_names_the_pair_and_the_rule(attnc: Callable, tmp_path: Path) -> None:
    path = tmp_path / "wide.attn"
    path.write_text(REFUTED)
    found = attnc("check", path)
    assert found.status == 1
    assert "refuted" in found.out and "at N = 2, q = 0 sees k = 1" in found.out
    assert f"{path}:2:10: error: assertion `causal` does not hold" in found.out
    (proof,) = attnc("check", path, "--json").json["proofs"]
    example = {"n": 2, "q_len": 2, "q": 0, "k": 1, "h": None, "grid": []}
    assert proof["counterexample"] == example
    assert proof["rules"] == ["window(w)"]


def test_refuted_without_a_key_shows_the_assertion(attnc: Callable) -> None:
    found = attnc("check", UNCOVERED)
    assert found.status == 1
    assert "q = 0 has no key" in found.out and "asserted here" in found.out


def test_unknown_is_1(attnc: Callable) -> None:
    found = attnc("check", "line/longlora")
    assert found.status == 1 and "pass --heads" in found.out
    assert attnc("check", "line/longlora", "--heads", 4).status == 0


def test_mistakes_are_1_and_json_too(attnc: Callable) -> None:
    found = attnc("check", "attention a { mask windw(4)\n mask causal }", "--json")
    assert found.status == 1 and "did you mean `window`?" in found.err
    codes = {error["code"] for error in found.json["errors"]}
    assert codes == {"unknown-mask", "duplicate-statement"} and found.json["ok"] is False
    assert found.json["errors"][0]["line"] == 1


def test_a_spec_that_asserts_nothing(attnc: Callable) -> None:
    assert attnc("check", "attention a { mask causal }").status == 0


def test_as_a_process_without_torch() -> None:
    code = (
        "import sys; from attnc.cli import main; s = [main(a.split()) for a in"
        " ('check line/causal', 'fmt line/causal', 'list', 'equal line/causal line/causal')];"
        " assert s == [0, 0, 0, 0]; assert not {'torch', 'tvm', 'xdsl'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
    command = [sys.executable, "-m", "attnc", "check", "line/mistrl"]
    found = subprocess.run(command, capture_output=True, text=True)
    assert found.returncode == 2 and found.stdout == "" and "Traceback" not in found.stderr


def test_parameters() -> None:
    assert parameter("w=-5") == ("w", -5)
    assert parameter("x=0.5") == ("x", 0.5)
    assert parameter("x=true") == ("x", True)
    assert parameter("x=[1,2,4]") == ("x", [1, 2, 4])


def test_what_fails_is_said_in_words(attnc: Callable) -> None:
    spec = (
        "attention a { mask causal & window(3) assert reaches(2) assert heads_cover"
        " assert same_as window(3) assert density(100) < 0.01 assert bounded_cache }"
    )
    found = attnc("check", spec)
    assert found.status == 1
    text = " ".join(found.out.split())
    assert "q = 7 does not depend on k = 0" in text
    assert "q = 4 in no head sees k = 0" in text
    assert "q = 0 differs at k = 1" in text
    assert "the density is 0.0394" in text and "keeps the last 4" in text
