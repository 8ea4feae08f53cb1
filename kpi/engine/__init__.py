"""The engine: definitions as stages of one plan, and the scorecard that it yields."""
