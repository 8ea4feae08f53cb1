"""Loading of definitions: YAML with positions, validation messages, cross references, catalogue."""
