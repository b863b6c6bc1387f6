"""The commands: a thin shell over the library. Nothing here computes; heavy modules load on first use."""
