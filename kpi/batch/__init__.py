"""The batch: what changed is scored at night and stored."""
