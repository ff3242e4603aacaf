"""The short examples run and say what they promise; `examples.gemma` is `make demo`."""

import pytest

from examples import artifact, documents, flex, needle, window


def test_window_compiles_once_for_all_lengths(capsys: pytest.CaptureFixture[str]) -> None:
    window.main()
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == "kernels compiled: 1"
    assert all(float(line.rsplit(" ", 1)[1]) < 1e-5 for line in lines[:-1])


def test_documents_agree(capsys: pytest.CaptureFixture[str]) -> None:
    documents.main()
    assert float(capsys.readouterr().out.split()[-1]) < 1e-5


def test_an_artifact_runs(capsys: pytest.CaptureFixture[str]) -> None:
    artifact.main()
    assert "gives (1, 4, 1000, 64)" in capsys.readouterr().out


def test_flex_attention_gives_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    flex.main()
    assert float(capsys.readouterr().out.split()[-1]) < 1e-5


def test_a_route_finds_the_needle(capsys: pytest.CaptureFixture[str]) -> None:
    needle.main()
    reads = dict(line.split(" reads ") for line in capsys.readouterr().out.splitlines()[2:])
    assert float(reads["full"]) > 0.9 and float(reads["route"]) > 0.9
    assert abs(float(reads["window"])) < 0.1
