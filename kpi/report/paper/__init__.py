"""Documents for readers: one model of headings, paragraphs and tables, and a writer for each format."""
