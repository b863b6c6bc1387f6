"""What a population costs beside pure inference, and what evolution strategies learn with it."""
