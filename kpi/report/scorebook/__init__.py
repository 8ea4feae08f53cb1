"""A scorecard as a workbook that is read and printed: a module for each kind of sheet, `book` puts them together."""
