"""One extension of each family for kpi."""
