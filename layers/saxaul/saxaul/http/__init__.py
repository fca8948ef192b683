"""The REST API: requests, responses, conditional headers, cursors and views."""
