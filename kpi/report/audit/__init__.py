"""The audit of an index as a document that follows the ten steps of the handbook, and as frames."""
