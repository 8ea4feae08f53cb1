"""The nightly batch: score what changed and store it."""
