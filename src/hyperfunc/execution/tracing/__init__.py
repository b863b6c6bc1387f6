"""What one lane did: its calls, and the data edges between them."""
