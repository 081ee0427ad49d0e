"""What readers can be told: apart from them, since a question compares it and reads no file."""

from __future__ import annotations

from dataclasses import dataclass, fields


@dataclass(frozen=True)
class ReadingOptions:
    """What readers can be told."""

    json_title: str | None = None
    """Field of a JSON record that is its title; None: ``title``, ``name`` and the like."""
    json_text: str | None = None
    """Field of a JSON record that is its text; None: ``text``, ``content`` and the like, or all fields."""
    outline: bool = True
    """Whether headings that have no markup are recognised: numbered articles, lines in bold."""
    hidden: bool = False
    """Whether hidden slides, sheets, rows and text are read."""
    comments: bool = False
    """Whether comments at the margin are read."""
    page_headers: bool = False
    """Whether headers and footers of pages are read."""

    @property
    def changed(self) -> str:
        """Options besides the fields of JSON that are not as usual, in one line; empty if there are none."""
        named = (entry for entry in fields(self) if not entry.name.startswith("json_"))
        return " ".join(
            f"{entry.name}={getattr(self, entry.name)}" for entry in named if getattr(self, entry.name) != entry.default
        )
