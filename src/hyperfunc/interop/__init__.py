"""Neighbours: programs of other libraries become systems of this one, and the other way round."""
