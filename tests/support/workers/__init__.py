"""Scripts that tests start as separate processes, with `support.processes`."""
