"""Show the file name of an example as its caption.

The name follows the language of a code block, as in ```` ```python shop.py ````. Markdown itself
does not show it.
"""

from __future__ import annotations

import re

from sphinx.application import Sphinx


#: The first line of a code block with the name of a file, in Markdown.
_NAMED = re.compile(r"^( *)(`{3,})(\w+) (\S+\.\w+)$", re.MULTILINE)


def add_captions(_app: Sphinx, _docname: str, source: list[str]) -> None:
    """Make the named code blocks of a page directives with a caption."""
    source[0] = _NAMED.sub(r"\1\2{code-block} \3\n\1:caption: \4\n", source[0])


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the handler."""
    app.connect("source-read", add_captions)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
