"""What the functions do: read records, let the domain code decide, write the result, and retry after a lost race.

Each module is named after a verb. It has a class that receives its dependencies, and a function that returns the
instance of this process. ``wiring`` creates the objects that all services share.
"""
