"""The nightly batch: what changed is scored again and published whole, and every night can be computed again."""
