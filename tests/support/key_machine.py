"""A state machine that makes the same idempotency-key calls to several journals."""

from __future__ import annotations

import attrs
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule

from smsworks_async import BatchOutcome, Outcome
from smsworks_async.journals import Campaign
from smsworks_async.journals.key_records import KEPT_FOR
from support.internals import keys_in_journal
from support.journal_machines import BATCHES, CHUNKS, OUTCOMES, Journals, attempts, batches, plain


KEYS = ("k1", "k2", "k3")
LEASE = 10.0

#: The calls of keys: the operation, the fields, and how a search finds the messages.
CALLS = {
    "batch": ("batches.send", {"destinations": "d1", "content": "c1"}, "recipients"),
    "other text": ("batches.send", {"destinations": "d1", "content": "c2"}, "recipients"),
    "single": ("messages.send", {"destination": "d1"}, "mark"),
    "passcode": ("otp.send", {"destination": "d1"}, "nothing"),
}

keys = st.sampled_from(KEYS)


class Keys(Journals):
    """A few keys, and the chunks of a campaign that may have the same batches."""

    def __init__(self):
        super().__init__()
        naive, *self.journals = self.journals  # it has no keys
        self.loop.run_until_complete(naive.close())
        self.claimed = []
        self.sent = []
        self.owners = 0

    @initialize()
    def start(self):
        message = {"sender": "AcmeCorp", "content": "Hello"}
        campaign = {"id": "x", "kind": "send", "chunk_size": 2, "deduplicate": True}
        self.call("begin", Campaign(message=message, **campaign))
        self.call("plan", "x", CHUNKS, [])

    def owner(self):
        self.owners += 1
        return f"owner {self.owners}"

    def attempt_of(self, key, off=0):
        """Return the number of a key's last attempt, or of another."""
        kept = self.raw([key])[0]
        return off if kept is None else kept.request.attempt + off

    def raw(self, key_hashes):
        """Compare the stored keys; return them."""
        kept = [
            self.loop.run_until_complete(keys_in_journal(journal, key_hashes))
            for journal in self.journals
        ]
        first, *others = map(plain, kept)
        assert all(other == first for other in others), "the journals have different keys"
        return kept[0]

    # Keys

    @rule(key=keys, made=st.sampled_from(["batch", *CALLS]), lease=st.sampled_from([0.0, LEASE]))
    def claim_key(self, key, made, lease):
        operation, fields, found_by = CALLS[made]
        call = {"operation": operation, "fields": fields, "found_by": found_by}
        owner = self.owner()
        kept = self.call("claim_key", key, owner=owner, lease=lease, server_time=990.0, **call)
        self.keep(kept, owner)

    @rule(key=keys, off=st.sampled_from([0, 0, 0, -1]), wait=st.sampled_from([0.0, 5.0]))
    def resend_key(self, key, off, wait):
        owner, attempt = self.owner(), self.attempt_of(key, off)
        self.keep(self.call("resend_key", key, attempt, wait, owner=owner, lease=LEASE), owner)

    def keep(self, kept, owner):
        if kept is not None and kept.request.owner == owner:
            self.claimed.append(kept)

    @precondition(lambda self: self.claimed)
    @rule(pick=st.integers(0, 9), what=st.sampled_from(list(OUTCOMES)), message_id=batches)
    def finish_key(self, pick, what, message_id):
        """Finish a claim: the last one, a finished one, or an expired one."""
        claimed = self.claimed[-1 - pick % len(self.claimed)]
        outcome, error = OUTCOMES[what]
        self.finish(claimed, BatchOutcome(0, outcome, 1, error=error), message_id)

    @precondition(lambda self: self.claimed)
    @rule(pick=st.integers(0, 9))
    def finish_key_with_what_was_found(self, pick):
        claimed = self.claimed[-1 - pick % len(self.claimed)]
        for found in self.found()[:1]:
            self.finish(claimed, BatchOutcome(0, Outcome.ACCEPTED, 1), found)

    def finish(self, claimed, outcome, message_id):
        answer = {}
        if outcome.outcome is Outcome.ACCEPTED:
            outcome = attrs.evolve(outcome, batch_id=message_id)
            answer = {"batch_id": message_id, "status": "SCHEDULED"}
        self.call("finish_key", claimed.key_hash, claimed.request, outcome, answer)

    def found(self):
        """Return the ids that chunks and keys were found with."""
        requests = [kept.request for kept in self.raw(KEYS) if kept is not None]
        requests += self.call("chunks", "x")
        return [request.batch_id for request in requests if request.found]

    @rule(
        key=keys,
        off=st.sampled_from([0, 0, 0, -1]),
        message_id=batches,
        size=st.integers(1, 2),
        is_marked=st.booleans(),
    )
    def confirm_key(self, key, off, message_id, size, is_marked):
        self.call("key", key)
        which = (key, self.attempt_of(key, off), message_id, {"batch_id": message_id})
        self.call("confirm_key", *which, size=size, is_marked=is_marked)

    @rule(key=keys)
    def read_key(self, key):
        self.call("key", key)

    @rule(ago=st.sampled_from([-1.0, 0.0, KEPT_FOR, KEPT_FOR + 700.0]))
    def prune_keys(self, ago):
        self.call("prune_keys", self.clock() - ago)

    @rule(days=st.sampled_from([29, 31]))
    def pass_days(self, days):
        self.clock.set_ahead(days * 86400.0)

    # Chunks, which may have the same batches

    @rule(lease=st.sampled_from([0.0, LEASE]))
    def claim_chunk(self, lease):
        claim = {"owner": self.owner(), "lease": lease, "round": 0, "after": -1}
        answer = self.call("claim_next", "x", international=True, **claim)
        if answer is not None:
            self.sent.append(answer.record)

    @precondition(lambda self: self.sent)
    @rule(pick=st.integers(0, 9), what=st.sampled_from(list(OUTCOMES)), batch_id=batches)
    def finish_chunk(self, pick, what, batch_id):
        claimed = self.sent[-1 - pick % len(self.sent)]
        outcome, error = OUTCOMES[what]
        made = BatchOutcome(claimed.number, outcome, claimed.size, error=error)
        if outcome is Outcome.ACCEPTED:
            made = attrs.evolve(made, batch_id=batch_id)
        self.call("finish", "x", claimed, made)

    @precondition(lambda self: self.sent)
    @rule(pick=st.integers(0, 9))
    def finish_chunk_with_what_was_found(self, pick):
        claimed = self.sent[-1 - pick % len(self.sent)]
        for found in self.found()[:1]:
            made = BatchOutcome(claimed.number, Outcome.ACCEPTED, claimed.size, batch_id=found)
            self.call("finish", "x", claimed, made)

    @rule(batch_id=batches)
    def confirm_chunk(self, batch_id):
        self.call("expire_leases", "x")
        for record in self.call("unknown_chunks", "x")[:1]:
            which = (record.number, record.attempt, batch_id)
            self.call("confirm_found", "x", *which, others=2)

    @rule(number=st.integers(0, 3), attempt=attempts)
    def resend_chunk(self, number, attempt):
        self.call("resend", "x", number, attempt, 0.0)

    @invariant()
    def agree(self):
        """Compare the stored data and the events."""
        self.played["steps"] += 1
        self.raw(KEYS)
        self.call("chunks", "x")

    def teardown(self):
        """Compare the other data that can be read."""
        self.call("events", "x")
        for message_id in BATCHES:
            self.call("is_held", message_id)
        for key in KEYS:
            self.call("key", key)
        self.raw(KEYS)
        super().teardown()
