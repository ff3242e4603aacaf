"""Scripts in Triton's interpreter: processes of their own, as Triton looks once at what it is."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]


def interpreted(*command: str | Path, **environment: str) -> str:
    """What Python prints that runs in the interpreter, on one thread, for a command's arguments."""
    paths = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    given = {"TRITON_INTERPRET": "1", "OMP_NUM_THREADS": "1", "PYTHONPATH": paths, **environment}
    done = subprocess.run(
        [sys.executable, *map(str, command)],
        env={**os.environ, **given}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def quicken() -> None:
    """Leave out what takes most of the interpreter's time and finds nothing here.

    These are checks that integers do not overflow, which few tokens cannot, and that each call of
    a helper replaces the language's functions anew, as the launch did that it is in.
    """
    from triton.runtime import interpreter

    builder = interpreter.interpreter_builder
    builder.options = replace(builder.options, sanitize_overflow=False)
    replaced = set()

    def called(helper: Any, *args: Any, **kwargs: Any) -> Any:
        if helper.fn.__module__ not in replaced:  # Triton's own have another name for the language
            interpreter._patch_lang(helper.fn)
            replaced.add(helper.fn.__module__)
        return helper.rewrite()(*args, **kwargs)

    interpreter.InterpretedFunction.__call__ = called
