"""Tables of Apache Spark: measures are aggregated by its Python workers, with the plan that aggregates files."""
