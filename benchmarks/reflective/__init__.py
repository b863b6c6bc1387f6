"""Reflective evolution: how fast, how safely and how well it finds better prompts."""
