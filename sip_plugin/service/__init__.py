"""The supervisor and its control API."""
