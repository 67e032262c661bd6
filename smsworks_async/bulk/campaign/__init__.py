"""Campaigns: bulk runs that a journal keeps."""
