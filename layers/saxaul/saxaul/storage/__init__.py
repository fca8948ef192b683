"""Storage: turns domain objects into items and back. The only place that knows tables, keys and expressions."""
