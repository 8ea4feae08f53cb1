"""Results for people and programs: tables, files, findings."""
