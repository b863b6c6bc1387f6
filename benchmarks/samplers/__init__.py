"""Whether searches over numbers and sampling settings find good ones, at what price."""
