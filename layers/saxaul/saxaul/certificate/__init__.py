"""Certificates: one frozen object, and its JSON, picture and page."""
