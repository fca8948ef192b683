"""Storage: converts domain objects to items and back. Only this package knows tables, keys and expressions."""
