"""What a sandbox is told at its start."""

from __future__ import annotations

import attrs

from .storage import Storage


@attrs.frozen(kw_only=True)
class Reporting:
    """How delivery reports and incoming messages are posted; real life is less tidy than this.

    Attributes:
        copies: how often each delivery report is posted; 0 = not at all.
        incoming_copies: the same for incoming messages, which are in the inbox anyway.
        delay: seconds of the sandbox's clock by which each report is late.
        spread: up to so many seconds more, drawn for each report, so that some overtake others.
        pauses: seconds of the sandbox's clock before each repeat of a post that was answered with
            a 5xx, or not at all. Any other answer ends it.
        timeout: real seconds that one post may take.
        duration: real seconds over which the body of a post is spread, in pieces.
    """

    copies: int = 1
    incoming_copies: int = 1
    delay: float = 0.0
    spread: float = 0.0
    pauses: tuple[float, ...] = attrs.field(default=(5.0, 30.0, 120.0), converter=tuple)
    timeout: float = 10.0
    duration: float = 0.0


@attrs.frozen(kw_only=True)
class Settings:
    """The account and its ways; `Sandbox` explains each."""

    customer_id: str
    credits: float
    international: bool
    delivery_report_url: str
    incoming_url: str
    delivery_delay: float
    storage: Storage
    max_batch: int
    flooding: bool
    profanity: tuple[str, ...]
    seed: str
    reporting: Reporting
    keep_messages: int | None
    keep_requests: int | None
    keep_posts: int | None
