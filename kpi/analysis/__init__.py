"""Analysis of scorecards: explanations, differences, robustness, statistics."""
