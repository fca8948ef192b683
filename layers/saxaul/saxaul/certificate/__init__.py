"""The certificate of a tree: an immutable object, and its three forms: JSON, picture (SVG) and web page (HTML)."""
