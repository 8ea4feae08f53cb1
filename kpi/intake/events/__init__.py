"""Records of events become measures per entity and period."""
