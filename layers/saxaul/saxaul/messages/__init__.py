"""The bodies of queue messages, and the Lambda events that contain queue messages or stream records."""
