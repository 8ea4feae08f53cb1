"""Aggregation of scores: the tree, its means, weights and policies for missing parts."""
