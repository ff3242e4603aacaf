"""Specs with segments of tokens beside a grid: an attention for each pair of parts."""
