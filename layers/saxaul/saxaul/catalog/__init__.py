"""The catalog: what operators write, its versions, and the calendar of the programme."""
