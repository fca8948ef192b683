"""People: what is held about a person, and how it is exported and erased."""
