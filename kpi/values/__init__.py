"""Values and what they are made of: statuses, rounding, periods and units."""
