"""Timings against PyTorch: `make bench` writes results.md and results.json."""
