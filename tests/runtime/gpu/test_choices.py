"""Choices of GPU operators by their kernel, in Triton's interpreter."""

from pathlib import Path

from tests.interpreter import interpreted

SCRIPT = Path(__file__).with_name("choices.py")


def test_the_kernel_takes_what_is_defined() -> None:
    assert interpreted(SCRIPT).count("ok ") == 9
