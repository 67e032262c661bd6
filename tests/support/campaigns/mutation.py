"""Deliberate faults in the package (mutations), and the tests that must find them."""

from __future__ import annotations

from collections.abc import Callable

import attrs

from support.campaigns.steps import FATES


@attrs.frozen
class Mutation:
    """A mutation, and the machine that must find it: its groups of rules and results."""

    mutate: Callable
    groups: frozenset
    fates: tuple
    journals: tuple
    found: str
    quick: bool


class Mutants(dict):
    """Mutations, by the names of their functions."""

    def add(
        self,
        *groups,
        fates=tuple(FATES),
        journals=("memory",),
        found="accepted twice",
        quick=False,
    ):
        """Add a function as a mutation."""

        def add(function):
            self[function.__name__] = Mutation(
                function, frozenset(groups), fates, journals, found, quick
            )
            return function

        return add
