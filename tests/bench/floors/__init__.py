"""Minimal servers to compare with: the same bytes, and no logic."""
