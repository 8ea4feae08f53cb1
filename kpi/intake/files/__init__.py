"""Files become tables of cells with headers and row numbers."""
