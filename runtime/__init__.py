"""What runs: building kernels, operators, artifacts, caches, the dense oracle and the commands."""
