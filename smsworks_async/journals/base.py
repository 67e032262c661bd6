"""A journal over any store: each of its methods is a rule, run as one transaction."""

from __future__ import annotations

import functools
import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine, Sequence
from types import CoroutineType
from typing import Any, Concatenate, Final, ParamSpec, TypeVar, cast

from smsworks_async.errors import ValidationError
from smsworks_async.journals import erasure, finding, handled, keys, opt_outs, rules, scheduled
from smsworks_async.journals.handled import Claimed
from smsworks_async.journals.store import Store


P = ParamSpec("P")
T = TypeVar("T")
J = TypeVar("J")

#: A rule, and a rule for a campaign, which takes the campaign's key.
Rule = Callable[Concatenate[Store, P], Coroutine[Any, Any, T]]
CampaignRule = Callable[Concatenate[Store, int, P], Coroutine[Any, Any, T]]

_log: Final = logging.getLogger("smsworks_async.webhooks")


def typed(
    method: Callable[Concatenate[J, P], Coroutine[Any, Any, T]],
) -> Callable[Concatenate[J, P], CoroutineType[Any, Any, T]]:
    """Return a method unchanged, with a type on which type checkers agree."""
    # mypy and pyright disagree about the type of an `async def`.
    return cast("Callable[Concatenate[J, P], CoroutineType[Any, Any, T]]", method)


def _transaction(
    rule: Rule[P, T],
) -> Callable[Concatenate[BaseJournal, P], CoroutineType[Any, Any, T]]:
    """Return a method that runs a rule."""

    @functools.wraps(rule)
    async def method(self: BaseJournal, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await self._run(lambda store: rule(store, *args, **kwargs))

    return typed(method)


def _campaign_transaction(
    rule: CampaignRule[P, T],
) -> Callable[Concatenate[BaseJournal, str, P], CoroutineType[Any, Any, T]]:
    """Return a method that runs a rule for a campaign, which is identified by its id."""

    @functools.wraps(rule)
    async def method(self: BaseJournal, campaign: str, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await self._run_for(campaign, lambda store, key: rule(store, key, *args, **kwargs))

    return typed(method)


def _reading(
    rule: Rule[P, T], *, as_one: bool = False
) -> Callable[Concatenate[BaseJournal, P], CoroutineType[Any, Any, T]]:
    """Return a method that runs a read-only rule without locks; see `_read`."""

    @functools.wraps(rule)
    async def method(self: BaseJournal, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await self._read(lambda store: rule(store, *args, **kwargs), as_one=as_one)

    return typed(method)


def _campaign_reading(
    rule: CampaignRule[P, T], *, as_one: bool = False
) -> Callable[Concatenate[BaseJournal, str, P], CoroutineType[Any, Any, T]]:
    """Return a method that runs such a rule for a campaign, which is identified by its id."""

    @functools.wraps(rule)
    async def method(self: BaseJournal, campaign: str, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await self._read_for(
            campaign, lambda store, key: rule(store, key, *args, **kwargs), as_one=as_one
        )

    return typed(method)


class BaseJournal(ABC):
    """A `Journal` whose store a subclass provides; see `Journal` for the methods.

    Args:
        clock: returns POSIX seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock = clock

    @abstractmethod
    async def _run(self, rule: Callable[[Store], Coroutine[Any, Any, T]]) -> T:
        """Run a rule in one transaction, which is durable when this returns."""

    async def _run_for(
        self, campaign: str, rule: Callable[[Store, int], Coroutine[Any, Any, T]]
    ) -> T:
        async def with_key(store: Store) -> T:
            return await rule(store, await store.key_of(campaign))

        return await self._run(with_key)

    async def _read(
        self, rule: Callable[[Store], Coroutine[Any, Any, T]], *, as_one: bool = False
    ) -> T:
        """Run a read-only rule without locks.

        Args:
            rule: the rule.
            as_one: whether all its statements must see one snapshot of the journal.
        """
        return await self._run(rule)

    async def _read_for(
        self,
        campaign: str,
        rule: Callable[[Store, int], Coroutine[Any, Any, T]],
        *,
        as_one: bool = False,
    ) -> T:
        return await self._run_for(campaign, rule)

    begin = _transaction(rules.begin)
    campaign_ids = _reading(rules.campaign_ids)
    plan = _campaign_transaction(rules.plan)
    finish_planning = _campaign_transaction(rules.finish_planning)
    plan_round = _campaign_transaction(rules.plan_round)

    claim_next = _campaign_transaction(rules.claim_next)
    finish = _campaign_transaction(rules.finish)
    split = _campaign_transaction(rules.split)

    steer = _campaign_transaction(rules.steer)
    respect = _campaign_transaction(rules.respect)
    controls = _campaign_reading(rules.controls)

    begin_recall = _campaign_transaction(scheduled.begin_recall)
    confirm_cancelled = _campaign_transaction(scheduled.confirm_cancelled)
    end_recall = _campaign_transaction(scheduled.end_recall)

    reopen = _campaign_transaction(rules.reopen)
    suspect = _campaign_transaction(rules.suspect)
    clear_doubt = _campaign_transaction(rules.clear_doubt)
    expire_leases = _campaign_transaction(rules.expire_leases)
    confirm_found = _campaign_transaction(finding.confirm_found)
    resend = _campaign_transaction(rules.resend)

    has_batch = _campaign_reading(finding.has_batch, as_one=True)
    unknown_chunks = _campaign_reading(rules.unknown_chunks)
    summary = _campaign_reading(rules.summary, as_one=True)
    chunks = _campaign_reading(rules.chunks)
    read_chunk = _campaign_reading(rules.read_chunk, as_one=True)
    read_chunks = _campaign_reading(rules.read_chunks, as_one=True)
    problems = _campaign_reading(rules.problems, as_one=True)
    events = _campaign_reading(rules.events)

    _erase = _campaign_transaction(erasure.erase)
    _confirm_erased = _campaign_transaction(erasure.confirm)
    _prunable = _reading(erasure.prunable, as_one=True)

    async def forget(self, campaign: str, /) -> None:
        await self._erase(campaign)
        await self._sweep()
        await self._confirm_erased(campaign)

    async def prune(self, before: float) -> Sequence[str]:
        erased = [
            name for name in await self._prunable(before) if await self._erase_unless_open(name)
        ]
        if erased:
            await self._sweep()
        for name in erased:
            await self._confirm_erased(name)
        return erased

    async def _erase_unless_open(self, campaign: str) -> bool:
        try:
            await self._erase(campaign)
        except ValidationError:  # the campaign was continued meanwhile
            return False
        return True

    @abstractmethod
    async def _sweep(self) -> None:
        """Remove the data erased from the tables from the store's files.

        Raises:
            JournalError: this is not possible now.
        """

    seen = _reading(handled.seen)
    release_seen = _transaction(handled.release_seen)
    add_seen = _transaction(handled.add_seen)

    key = _transaction(keys.key)
    claim_key = _transaction(keys.claim_key)
    finish_key = _transaction(keys.finish_key)
    resend_key = _transaction(keys.resend_key)
    confirm_key = _transaction(finding.confirm_key)
    is_held = _reading(finding.is_held, as_one=True)
    prune_keys = _transaction(keys.prune_keys)

    record_opt_out = _transaction(opt_outs.record_opt_out)
    record_opt_outs = _transaction(opt_outs.record_opt_outs)
    opted_out = _reading(opt_outs.opted_out)
    opt_out_page = _reading(opt_outs.opt_out_page)
    opt_out_events = _reading(opt_outs.opt_out_events)
    opt_out_changes = _reading(opt_outs.opt_out_changes)
    opt_out_list = _reading(opt_outs.opt_out_list)

    async def claim_seen(self, message_id: str, status: str, owner: str, seconds: float) -> bool:
        claimed = await self._run(
            lambda store: handled.claim_seen(store, message_id, status, owner, seconds)
        )
        if claimed is Claimed.FROM_ANOTHER:
            _log.warning(
                "the claim on a report of message %s expired without a result; it is handled "
                "again, "
                "perhaps for the second time",
                message_id,
            )
        return bool(claimed)

    async def now(self) -> float:
        return self.clock()

    @abstractmethod
    async def close(self) -> None:
        """Close files and connections; calling it again does nothing."""
