"""The catalog: the entries that operators write, their versions, and the time rules of the programme."""
