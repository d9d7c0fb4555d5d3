"""Measurements of trained networks side by side."""
