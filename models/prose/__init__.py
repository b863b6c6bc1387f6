"""The model `local/prose`: text preparation, training, and the data of its quality metric."""
