"""Drawings of masks and neighbourhoods."""
