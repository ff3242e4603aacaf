"""Printer of masks as JavaScript, for pages that evaluate a pattern by themselves."""
