"""Writers: a scorecard as a table, a workbook or a document."""
