"""The HTTP service of `kpi serve`: scores uploaded data, and serves what a store holds."""
