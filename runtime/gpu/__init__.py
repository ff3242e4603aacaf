"""GPU kernels on any machine: Triton source compiled ahead of time, and what its machine code says.

No module here needs a GPU, except `launch` and `autotune`, which run kernels.
"""
