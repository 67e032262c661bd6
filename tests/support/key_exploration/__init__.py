"""A small world of calls with idempotency keys, whose histories are explored one and all."""
