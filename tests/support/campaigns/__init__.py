"""Campaigns in processes: modelled for state machines, and real ones."""
