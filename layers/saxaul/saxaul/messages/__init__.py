"""The bodies of queue messages, and the events that bring them to a function."""
