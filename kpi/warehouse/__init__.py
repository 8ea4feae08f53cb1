"""Tables whose rows stay where they are: with the workers of a cluster, or in a database."""
