"""Certificates: one immutable object, and its three forms: JSON, picture (SVG) and web page (HTML)."""
