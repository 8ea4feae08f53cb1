"""Values: statuses, rounding, periods, names, units and matrices."""
