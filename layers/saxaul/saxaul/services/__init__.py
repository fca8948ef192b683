"""What the functions do: read records, let the domain decide, write what it decided, and try again on a lost race."""
