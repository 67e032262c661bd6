"""A table for the terminal."""

from __future__ import annotations

from collections.abc import Sequence


def table(rows: Sequence[tuple[str, object, str]]) -> str:
    """Lay out rows of a name, a figure and a remark; figures are flush right."""
    names = max(len(name) for name, _, _ in rows)
    figures = max(len(str(figure)) for _, figure, _ in rows)
    return "\n".join(
        f"{name:<{names}}  {figure!s:>{figures}}  {remark}".rstrip()
        for name, figure, remark in rows
    )
