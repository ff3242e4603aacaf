"""No quadratic memory: what a routed call and its gradients allocate; a bit a pair is 2 GiB."""

import subprocess
import sys

LIMIT = 1 << 30  # bytes; the 131,072 x 256 scores of all units would be 128 MiB of them

CALL = """
import resource, torch, attnc
op = attnc.compile("route/moba", n=4, block=512)
q, k, v = (torch.randn(1, 1, 131072, 16, requires_grad=True) for _ in range(3))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
out = op(q, k, v)
out.sum().backward()
assert all(x.isfinite().all() for x in (out, q.grad, k.grad, v.grad))
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024)
"""


def test_memory_is_linear_in_the_length() -> None:
    found = subprocess.run(
        [sys.executable, "-c", CALL], capture_output=True, text=True, timeout=300, check=True
    )
    assert int(found.stdout) < LIMIT
