"""Calls that may be made again: idempotency keys for single sends, batches and passcodes."""
