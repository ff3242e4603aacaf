"""CPU kernels: built, kept, scheduled and called."""
