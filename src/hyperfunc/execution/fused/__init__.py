"""The whole program once, over candidates and over examples."""
