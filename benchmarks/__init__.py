"""Measurements beside their goals; see README.md."""
