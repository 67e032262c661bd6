"""An exploration of all histories of a small world."""
