"""An exhaustive exploration of a small model of campaigns."""
