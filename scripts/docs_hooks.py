"""Docstrings name things in the way of Sphinx; on the site the names stand alone."""

from __future__ import annotations

import re
from typing import Any

_ROLE = re.compile(r":(?:class|func|meth|mod|data|attr):<code>~?([^<]*)</code>")


def on_page_content(html: str, **_: Any) -> str:
    """Called by mkdocs with each page."""
    return _ROLE.sub(r"<code>\1</code>", html)
