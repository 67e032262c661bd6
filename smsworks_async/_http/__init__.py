"""Requests to the API and their responses."""
