"""``hyperfunc sampler ...``: the search for sampling settings."""
