"""A few steps of training at a tiny size: `examples.train_char_lm` by itself takes minutes."""

from types import SimpleNamespace

import pytest

import attnc
from examples import train_char_lm

TINY = ["--steps", "4", "--context", "160", "--window", "24"]


def test_both_models_learn_alike(capsys: pytest.CaptureFixture[str]) -> None:
    assert train_char_lm.main(TINY) == 0
    printed = capsys.readouterr().out
    assert "step    3" in printed and "speedup of a step" in printed


def test_a_lost_gradient_is_found_out(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def forgetful(spec: str, w: int) -> train_char_lm.Attend:
        operator = attnc.compile(spec, w=w)
        return lambda q, k, v: operator(q, k.detach(), v)

    monkeypatch.setattr(train_char_lm, "attnc", SimpleNamespace(compile=forgetful))
    assert train_char_lm.main(TINY) == 1
    assert "part by more than noise at step" in capsys.readouterr().out


def test_curves_may_part_by_ten_times_the_noise_so_far() -> None:
    sdpa = [3.0, 2.0, 1.0]
    again = [3.0, 2.001, 1.0]
    assert train_char_lm.beyond_noise([3.0, 2.009, 1.009], sdpa, again) == []
    assert train_char_lm.beyond_noise([3.001, 2.0, 1.02], sdpa, again) == [0, 2]
    assert train_char_lm.beyond_noise([3.0, float("nan"), 1.0], sdpa, again) == [1]
