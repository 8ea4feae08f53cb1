"""Plots of results: Vega-Lite charts made with Altair, and their pictures."""
