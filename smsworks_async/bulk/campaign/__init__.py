"""Campaigns: bulk runs that are stored in a journal."""
