"""Kernels run on the thread pool that torch already has.

A compiled TVM module starts parallel loops through the pointer `__TVMBackendParallelLaunch`. TVM's
own pool behind it would compete with torch's OpenMP workers, which spin after every torch
operator. So the module's LLVM text gets a launcher that calls `GOMP_parallel` of the libgomp that
torch loaded: kernels then follow `torch.set_num_threads`, may run in several Python threads at
once, and survive a fork as far as torch does. A loop for one thread runs where it is started.
Without libgomp, TVM's pool is used.
"""

import ctypes
import re
from functools import cache
from pathlib import Path

import torch

POINTER = re.compile(r"@__TVMBackendParallelLaunch = .*\n")

LAUNCHER = """
%attnc.team = type { ptr, i32 }
%attnc.work = type { ptr, ptr }

declare void @GOMP_parallel(ptr, ptr, i32, i32)
declare i32 @omp_get_thread_num()
declare i32 @omp_get_num_threads()

; One OpenMP worker: call the loop body with its index and the size of the team.
define internal void @attnc.worker(ptr %work) {
  %body = load ptr, ptr %work, align 8
  %data.at = getelementptr %attnc.work, ptr %work, i32 0, i32 1
  %data = load ptr, ptr %data.at, align 8
  %team = alloca %attnc.team, align 8
  %size = call i32 @omp_get_num_threads()
  %index = call i32 @omp_get_thread_num()
  store ptr null, ptr %team, align 8
  %size.at = getelementptr %attnc.team, ptr %team, i32 0, i32 1
  store i32 %size, ptr %size.at, align 4
  %status = call i32 %body(i32 %index, ptr %team, ptr %data)
  ret void
}

; The launcher with TVM's signature. What a body captures begins with the extent of its loop, which
; is a number of threads: for one, run it here; else on every worker of the calling thread's team.
define internal i32 @attnc.launch(ptr %body, ptr %data, i32 %tasks) {
  %threads = load i32, ptr %data, align 4
  %alone = icmp eq i32 %threads, 1
  br i1 %alone, label %here, label %together

here:
  %team = alloca %attnc.team, align 8
  store ptr null, ptr %team, align 8
  %size.at = getelementptr %attnc.team, ptr %team, i32 0, i32 1
  store i32 1, ptr %size.at, align 4
  %status = call i32 %body(i32 0, ptr %team, ptr %data)
  ret i32 %status

together:
  %work = alloca %attnc.work, align 8
  store ptr %body, ptr %work, align 8
  %data.at = getelementptr %attnc.work, ptr %work, i32 0, i32 1
  store ptr %data, ptr %data.at, align 8
  call void @GOMP_parallel(ptr @attnc.worker, ptr %work, i32 0, i32 0)
  ret i32 0
}

@attnc.pool = internal constant ptr @attnc.launch, align 8
"""


@cache
def torch_libgomp() -> Path | None:
    """The libgomp that torch ships and has loaded, opened for other libraries to find; or None."""
    package = Path(torch.__file__).parent
    for folder in (package / "lib", package.parent / "torch.libs"):
        for path in sorted(folder.glob("libgomp*.so*")):
            ctypes.CDLL(str(path), mode=ctypes.RTLD_GLOBAL)
            return path
    return None


def on_torch_pool(llvm: str) -> str:
    """The LLVM text of a module with its parallel loops on torch's pool, if it has one."""
    if torch_libgomp() is None:
        return llvm
    text, found = POINTER.subn("", llvm, count=1)
    if not found:
        return llvm
    return text.replace("ptr @__TVMBackendParallelLaunch", "ptr @attnc.pool") + LAUNCHER
