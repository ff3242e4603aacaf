"""Run-time sets and every shipped route through operators of a GPU, in Triton's interpreter."""

import os
import subprocess
import sys
from pathlib import Path

from attnc.dsl.loader import shipped_composed, shipped_routes
from tests.runtime.test_sets import CASES as SETS

ROOT = Path(__file__).parents[3]
SCRIPT = Path(__file__).with_name("listed.py")


def test_sets_and_routes() -> None:
    names = [*shipped_routes(), *shipped_composed()]
    paths = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "TRITON_INTERPRET": "1", "PYTHONPATH": paths}
    done = subprocess.run(
        [sys.executable, str(SCRIPT), *names],
        env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("ok ") == len(names) + len(SETS)
