"""The search for sampling settings, and what it reports."""
