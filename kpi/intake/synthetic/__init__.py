"""Synthetic data of any size for any system: the same bytes for the same seed, in constant memory."""
