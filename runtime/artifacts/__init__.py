"""Compiled operators as folders of files, for machines without a compiler."""
