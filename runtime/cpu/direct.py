"""Which calls need nothing of PyTorch's dispatcher, so that their kernels may run at once.

The dispatcher serves gradients, autocast, compilers, modes, functorch, profilers and tensors whose
memory is not what they stand for. Where none of these is on, it only costs time.
"""

import torch
from torch import Tensor
from torch._C import DispatchKey, DispatchKeySet
from torch.autograd import forward_ad


def _keys(*names: str) -> int:
    """A set of dispatch keys as a number."""
    found = DispatchKeySet(getattr(DispatchKey, names[0]))
    for name in names[1:]:
        found = found | DispatchKeySet(getattr(DispatchKey, name))
    return found.raw_repr()


# What PyTorch says of plain tensors in the CPU's memory, and of a thread that has nothing on;
# those of `torch.inference_mode` come second.
PLAIN = (_keys("CPU", "ADInplaceOrView", "AutogradCPU", "AutocastCPU"), _keys("CPU", "AutocastCPU"))
IDLE = (_keys("BackendSelect", "ADInplaceOrView"), _keys("BackendSelect"))


def idle() -> bool:
    """Whether nothing that this thread has on wants to see an operator."""
    return (
        torch._C._dispatch_tls_local_include_set().raw_repr() in IDLE
        and torch._C._dispatch_tls_local_exclude_set().has(DispatchKey.AutocastCPU)
        and not torch._C._len_torch_function_stack()
        and forward_ad._current_level < 0
        and not torch._C._autograd._profiler_enabled()
    )


def plain(*tensors: Tensor) -> bool:
    """Whether these are CPU tensors of which nobody wants a gradient of what is computed now."""
    differentiated = torch.is_grad_enabled()
    return all(
        type(x) is Tensor
        and torch._C._dispatch_keys(x).raw_repr() in PLAIN
        and not (differentiated and x.requires_grad)
        for x in tensors
    )
