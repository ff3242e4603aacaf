"""What LLVM is given: kernels that ask TVM's library for nothing but the launch of loops."""

import re

import pytest

from attnc.compiler.elaborate import Sizes
from attnc.dsl.loader import load
from attnc.runtime.cpu import build
from attnc.runtime.cpu.lower import lower, print_module


@pytest.fixture(scope="module")
def text() -> str:
    """LLVM text of a kernel with every kind of scalar: tensors decide, and rows are copied."""
    bound, host = load("input/document").bind(), build.host()
    module = lower(bound, Sizes(head_dim=32, value_dim=32), host.machine)
    return build.to_llvm(print_module(module, bound, host.machine).text, host)


def test_scalars_are_in_registers(text: str) -> None:
    assert "@__TVMBackendParallelLaunch, align" in text
    assert "@__TVMBackendAllocWorkspace, align 8, !dbg" not in text


def test_units_are_taken_by_one_instruction(text: str) -> None:
    assert len(re.findall(r"= atomicrmw add ptr %\w+, i32 1 monotonic", text)) >= 2
    assert "attnc.take" not in text


def test_arguments_are_not_checked_twice(text: str) -> None:
    assert "expected" not in text and len(text) < 600_000
