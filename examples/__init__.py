"""Small programs to learn from; run one by ``python -m examples.xor``."""
