"""How long a call takes on the device: between two events on its stream."""

import torch

from attnc.runtime.timing import Work, seconds as wall_seconds


def seconds(work: Work) -> float:
    """Seconds of one call on the current GPU, by its own clock; wall time where there is none."""
    if not torch.cuda.is_available():
        return wall_seconds(work)
    first, last = (torch.Event("cuda", enable_timing=True) for _ in range(2))
    first.record()
    work()
    last.record()
    last.synchronize()
    return float(first.elapsed_time(last)) / 1e3
