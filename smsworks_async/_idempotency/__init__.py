"""Idempotency keys for single sends, batches and passcodes, which make calls repeatable."""
