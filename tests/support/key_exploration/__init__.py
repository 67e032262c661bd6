"""An exhaustive exploration of a small model of calls with idempotency keys."""
