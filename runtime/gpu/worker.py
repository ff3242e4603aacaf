"""A process that compiles Triton kernels: a job as a line of JSON in, its result as a line out.

A process of its own survives neither a crash of the assembler nor one of LLVM, and needs not to:
`attnc.runtime.gpu.aot` starts another. Run as `python -m attnc.runtime.gpu.worker`.
"""

import base64
import importlib.util
import io
import json
import os
import sys
import tempfile
from collections.abc import Mapping
from contextlib import redirect_stdout
from pathlib import Path
from types import ModuleType
from typing import Any

import triton
from triton import knobs
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource

from attnc.runtime.gpu import sass
from attnc.runtime.gpu.report import Work, report
from attnc.runtime.gpu.resources import of_amd, of_nvidia
from attnc.runtime.gpu.targets import find

BINARIES = ("cubin", "hsaco")


def main() -> None:
    """Answer jobs until stdin ends. What others print goes to stderr."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    with tempfile.TemporaryDirectory() as folder:
        knobs.cache.dir = folder
        knobs.nvidia.dump_ptxas_log = True
        for number, line in enumerate(sys.stdin):
            job = json.loads(line)
            path = Path(folder) / f"kernel_{number}.py"
            try:
                answer = compiled(job, path)
            except Exception as error:  # of whatever kind: the job's sender shall know
                answer = {"failure": _reason(error)}
            answers.write(json.dumps(answer) + "\n")
            answers.flush()


def compiled(job: Mapping[str, Any], path: Path) -> dict[str, Any]:
    """The report of a job's kernel and the files that it asks for, binaries in base64."""
    path.write_text(job["source"])
    gpu = find(job["target"])
    log = io.StringIO()
    with redirect_stdout(log):
        kernel = _compile(job, getattr(_module(path), job["name"]))
    asm, about = kernel.asm, kernel.metadata
    if gpu.backend == "cuda":
        used = of_nvidia(asm["ptx"], log.getvalue(), about.shared, about.tmem_size)
        code = sass.disassemble(asm["cubin"], "-g")
    else:
        used = of_amd(asm["amdgcn"], about.shared, about.num_warps)
        code = asm["amdgcn"]
    found = report(job["name"], gpu, used, code, job["source"], Work(**job["work"]))
    stages = {name: asm[name] for name in asm if name in job["keep"]}
    stages |= {"sass": sass.disassemble(asm["cubin"])} if "sass" in job["keep"] else {}
    files = {n: base64.b64encode(x).decode() if n in BINARIES else x for n, x in stages.items()}
    return {"report": found.to_dict(), "files": files}


def _compile(job: Mapping[str, Any], function: Any) -> Any:
    """Triton's compiled kernel. What `divisible` names are multiples of 16, as the JIT finds."""
    gpu = find(job["target"])
    names = list(job["signature"])
    attributes = {(names.index(n),): [["tt.divisibility", 16]] for n in job["divisible"]}
    source = ASTSource(function, job["signature"], job["constants"], attributes)
    target = GPUTarget(gpu.backend, gpu.number, gpu.warp)
    return triton.compile(source, target=target, options=job["options"])


def _reason(error: BaseException) -> str:
    """The first cause of an error in one line: Triton wraps it in excerpts of the source."""
    while error.__cause__ is not None:
        error = error.__cause__
    return " ".join(f"{type(error).__name__}: {error}".split())


def _module(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module


if __name__ == "__main__":
    main()
