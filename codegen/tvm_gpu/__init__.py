"""The printer of TVMScript for GPUs."""

LANGUAGES = ("opencl", "cuda", "metal")  # in which TVM writes its kernels
