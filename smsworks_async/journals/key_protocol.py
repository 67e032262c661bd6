"""What a journal does with idempotency keys."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from smsworks_async.journals.key_records import FoundBy, KeyRecord
from smsworks_async.journals.records import ChunkRecord
from smsworks_async.models.report import BatchOutcome


class KeyJournal(Protocol):
    """Idempotency keys: each is a chunk of one request, with the transitions of a chunk.

    Times are of the journal's clock. Each method is a whole transition, which is durable when it
    returns, and raises `JournalError` where the journal cannot be read or written.
    """

    async def key(self, key_hash: str) -> KeyRecord | None:
        """Return a key as it is now, or None if it is new.

        One whose lease has ended is *unknown* from then on.
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
        """Claim a key's request for one owner alone, and return the key as it is then.

        It is claimed where its state is *sending* and its owner is this one. It is not where a
        request of it is on its way, in doubt or accepted, nor where it is of another call.

        Args:
            key_hash: the hash of the key.
            operation: what is called.
            fields: a hash of each field of the call.
            found_by: how a search tells its messages from others.
            owner: unique to this claim.
            lease: seconds for which its request may leave.
            server_time: the time by the provider's clock, where it is known.
        """
        ...

    async def finish_key(
        self,
        key_hash: str,
        claimed: ChunkRecord,
        outcome: BatchOutcome,
        answer: Mapping[str, Any],
    ) -> KeyRecord:
        """Record the outcome of a key's request; return the key as it is now.

        Args:
            key_hash: the hash of the key.
            claimed: its request, as it was claimed.
            outcome: the outcome; its ``batch_id`` is the id of the message or the batch.
            answer: the known fields of the answer.
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
        """Claim a key in doubt for a further request.

        Args:
            key_hash: the hash of the key.
            attempt: the attempt that the caller knows of.
            wait: seconds that must have passed since the end of its lease.
            owner: unique to this claim.
            lease: seconds for which its request may leave.
            server_time: the time by the provider's clock, where it is known.

        Returns:
            The key; None if it is not in doubt any more, or it is too early.
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
        """Accept a key in doubt whose message or batch was found; return whether it was accepted.

        It is not where another key or a chunk has that, nor, where its mark was not seen, while
        another request is on its way that it may belong to.

        Args:
            key_hash: the hash of the key.
            attempt: the attempt that the caller knows of.
            message_id: the id of the message or the batch.
            answer: what is known of the answer.
            size: how many recipients the request has.
            is_marked: whether it bears the key's own mark.
        """
        ...

    async def is_held(self, message_id: str) -> bool:
        """Return whether a chunk of any campaign, or a key, has this batch or message."""
        ...

    async def prune_keys(self, before: float) -> int:
        """Remove keys that were settled before a moment and 30 days ago; return how many.

        Those in doubt stay. A key that was removed is new.
        """
        ...
