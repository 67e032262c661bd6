"""Shared parts of the campaign machines: recipients, results, and groups of rules."""

from __future__ import annotations

import unicodedata

from hypothesis import strategies as st
from hypothesis.stateful import precondition

from smsworks_async.bulk import options


PEOPLE = [f"447700900{n:03d}" for n in range(6)]
#: The input by position, with a duplicate and an invalid last one.
WITH_POSITIONS = (PEOPLE[0], *PEOPLE, "nobody")
READ = len(WITH_POSITIONS)
CHUNK_SIZE = 2
#: Spellings of one name.
SPELLINGS = ("café", unicodedata.normalize("NFD", "café"), " café ", "café")
NAMES_ARE_NORMALISED = len(set(map(options.check_campaign, SPELLINGS))) == 1
#: The largest difference of the clocks of journal and provider, in seconds.
SKEW = 200.0
ENDLESS = 1e9

REFUSALS = {
    "for a while": {"code": 5006, "permanent": False},
    "for good": {"code": 4006},
    "one number": {"code": 5020},
    "no credit": {"code": 4021},
}
#: The possible results of a request, each as a list of consecutive events.
FATES = {
    "written": ["write"],
    "sent": ["write", "accept", "answer"],
    "answer lost": ["write", "accept", "lose"],
    "answer outstanding": ["write", "accept"],
    "accepted late": ["write", "accept late"],
    "lost, accepted late": ["write", "accept late", "lose"],
    "hidden": ["write", "hide", "accept", "lose"],
    "hidden, answer outstanding": ["write", "hide", "accept"],
    "lost on the way": ["write", "drop", "lose"],
    "not connected": ["fail"],
    "refused with the id of a batch": ["write", "accept", "name"],
    "refused with the id of no batch": ["write", "drop", "name nothing"],
    **{f"refused: {why}": ["write", "drop", why] for why in REFUSALS},
}

#: Other events; a machine may omit some.
GROUPS = frozenset(
    {"twin", "each", "habits", "deaths", "stops", "clocks", "reads", "handles", "copies"}
)


def of(group, condition=lambda _: True):
    """Return a precondition: the group of rules is enabled, and another condition holds."""
    return precondition(lambda self: group in self.groups and condition(self))


picks = st.integers(0, 5)
fractions = st.sampled_from([0.0, 0.3, 1.0])
seconds = st.sampled_from([1.0, 4.0, 9.0, 14.0, 25.0, 60.0, 200.0])
