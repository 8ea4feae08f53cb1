"""The report as one HTML page: it needs no network, and every number in it opens to its reason."""
