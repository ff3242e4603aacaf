"""`attnc(...)` runs the command line in this process and gives what it said."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from attnc.cli import main


@dataclass(frozen=True, slots=True)
class Result:
    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def attnc(capsys: pytest.CaptureFixture[str]) -> Callable[..., Result]:
    def run(*arguments: object) -> Result:
        status = main([str(argument) for argument in arguments])
        return Result(status, *capsys.readouterr())

    return run
