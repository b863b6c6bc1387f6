"""Whether intervals, tests and plans keep what they promise, on simulated scores with a known truth."""
