"""Scripts that tests start as processes of their own; `support.processes` starts them."""
