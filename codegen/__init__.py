"""Printers: the tile dialect to target source text. Builds and runs nothing."""
