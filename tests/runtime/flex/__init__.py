"""Tests of `attnc.flex`."""
