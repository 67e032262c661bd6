"""The protocol of a journal for idempotency keys."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from smsworks_async.journals.key_records import FoundBy, KeyRecord
from smsworks_async.journals.records import ChunkRecord
from smsworks_async.models.report import BatchOutcome


class KeyJournal(Protocol):
    """Storage of idempotency keys. A key is a chunk of one request, with the same transitions.

    Times are by the journal's clock. Each method is a complete transition that is durable when it
    returns, and raises `JournalError` if the journal cannot be read or written.
    """

    async def key(self, key_hash: str) -> KeyRecord | None:
        """Return a key, or None if it is new.

        A key whose lease has expired becomes *unknown*.
        """
        ...

    async def claim_key(
        self,
        key_hash: str,
        *,
        operation: str,
        fields: Mapping[str, str],
        found_by: FoundBy,
        owner: str,
        lease: float,
        server_time: float | None = None,
    ) -> KeyRecord:
        """Claim a key's request for one owner; return the updated key.

        The claim succeeded if the key's state is *sending* and it has this owner. It fails if a
        request of the key is in flight, unknown or accepted, or if the key belongs to another call.

        Args:
            key_hash: the hash of the key.
            operation: the operation of the call.
            fields: a hash of each field of the call.
            found_by: how a search identifies its messages.
            owner: unique to this claim.
            lease: the seconds during which the request may be sent.
            server_time: the time by the provider's clock, if known.
        """
        ...

    async def finish_key(
        self,
        key_hash: str,
        claimed: ChunkRecord,
        outcome: BatchOutcome,
        answer: Mapping[str, Any],
    ) -> KeyRecord:
        """Record the outcome of a key's request; return the updated key.

        Args:
            key_hash: the hash of the key.
            claimed: its request, as it was claimed.
            outcome: the outcome; its ``batch_id`` is the id of the message or the batch.
            answer: the known fields of the response.
        """
        ...

    async def resend_key(
        self,
        key_hash: str,
        attempt: int,
        wait: float,
        *,
        owner: str,
        lease: float,
        server_time: float | None = None,
    ) -> KeyRecord | None:
        """Claim an unknown key for a further request.

        Args:
            key_hash: the hash of the key.
            attempt: the attempt that the caller knows of.
            wait: the seconds that must have passed since its lease expired.
            owner: unique to this claim.
            lease: the seconds during which the request may be sent.
            server_time: the time by the provider's clock, if known.

        Returns:
            The key; None if it is no longer unknown, or if it is too early.
        """
        ...

    async def confirm_key(
        self,
        key_hash: str,
        attempt: int,
        message_id: str,
        answer: Mapping[str, Any],
        *,
        size: int,
        is_marked: bool,
    ) -> bool:
        """Accept an unknown key whose message or batch was found; return whether it was accepted.

        It is not if the message or batch belongs to another key or a chunk. Without a mark it is
        also not accepted while another request is in flight to which it may belong.

        Args:
            key_hash: the hash of the key.
            attempt: the attempt that the caller knows of.
            message_id: the id of the message or the batch.
            answer: the known fields of the response.
            size: the number of recipients of the request.
            is_marked: whether it has the key's mark.
        """
        ...

    async def is_held(self, message_id: str) -> bool:
        """Return whether a chunk of any campaign, or a key, has this batch or message."""
        ...

    async def prune_keys(self, before: float) -> int:
        """Remove keys settled before a given time and over 30 days ago; return their number.

        Unknown keys are kept. A removed key counts as new.
        """
        ...
