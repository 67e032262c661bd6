"""The settings of a sandbox."""

from __future__ import annotations

import attrs

from .storage import Storage


@attrs.frozen(kw_only=True)
class Reporting:
    """How delivery reports and incoming messages are posted.

    Attributes:
        copies: how often each delivery report is posted (default 1); 0 for never.
        incoming_copies: how often each incoming message is posted (default 1); it is always in the
            inbox as well.
        delay: the delay of each report, in seconds of the sandbox's clock (default 0).
        spread: the greatest additional delay, in seconds (default 0). It is drawn for each report,
            so that reports may arrive out of order.
        pauses: the pauses before the repeats of a post, in seconds of the sandbox's clock (default
            5, 30, 120). A post is repeated if it got no response or a 5xx.
        timeout: the time limit of one post, in real seconds (default 10).
        duration: the time over which the body of a post is sent in pieces, in real seconds
            (default 0).
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
    """The settings of an account, documented at `Sandbox`."""

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
