"""Model servers: one file each for how they are asked and what they answer."""
