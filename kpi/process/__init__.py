"""The process that runs a command: signals, memory, temporary files, progress and settings."""
