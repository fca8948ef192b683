"""Services: the operations that the Lambda functions perform.

A service reads stored data, calls domain code, which decides what to change, and writes the change. If a concurrent
write has changed the data in the meantime, the service reads again and retries.

Each module has a class for one service, which receives its dependencies, and a function that returns the one instance
of this process. The module ``wiring`` creates the objects that several services share.
"""
