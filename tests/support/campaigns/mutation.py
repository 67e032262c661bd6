"""Faults that are put into the package on purpose, and what is to find them."""

from __future__ import annotations

from collections.abc import Callable

import attrs

from support.campaigns.steps import FATES


@attrs.frozen
class Mutation:
    """A fault, and the machine that looks for it: the groups of rules and the fates it plays."""

    mutate: Callable
    groups: frozenset
    fates: tuple
    journals: tuple
    found: str
    quick: bool


class Mutants(dict):
    """Mutations by their names, which are those of functions."""

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
