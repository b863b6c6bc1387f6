"""Equal calls of many lanes as one batch."""
