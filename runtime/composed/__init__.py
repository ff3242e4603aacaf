"""Specs of several steps: pooled keys, branches, their merge, an `output`."""
