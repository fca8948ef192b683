"""What the functions do: read records, let the domain decide, write what it decided, and run again on a lost race.

A module is a verb: a class that is given what it works with, and a function that makes the one of this process.
What all services share is made in ``wiring``.
"""
