"""Parse cells to numbers with units and points in time, and fold texts."""
