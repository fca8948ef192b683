"""Services: the operations that the Lambda functions perform.

A service reads stored data, calls domain code, which decides what to change, and writes the change. If a concurrent
write has changed the data in the meantime, the service reads again and retries.

Each module has a class that implements one service, and a function that returns the only instance of this class in the
process. The constructor of the class receives its dependencies. The module ``wiring`` creates the objects that several
services share.
"""
