"""What the functions do: read records, let the domain decide, write what it decided, and run again on a lost race.

Each module is one verb: a class that takes what it works with, and a function that makes the one of this process.
"""
