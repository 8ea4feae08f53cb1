"""Star schemes: fixed cut points and those found in the data."""
