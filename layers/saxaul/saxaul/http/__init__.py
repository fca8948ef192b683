"""The REST API: requests, answers, conditions, cursors and views."""
