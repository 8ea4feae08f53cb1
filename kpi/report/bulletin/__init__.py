"""The bulletin (通报) of a period: what it reports as plain data, templates that word it, and their rendering."""
