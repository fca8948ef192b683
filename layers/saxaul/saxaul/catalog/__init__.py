"""The catalog: entries that operators write, their versions, and the calendar of the programme."""
