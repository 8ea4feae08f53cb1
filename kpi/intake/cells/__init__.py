"""Cells become numbers with units, and texts become what they denote."""
