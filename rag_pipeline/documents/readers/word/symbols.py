"""Signs of the symbol fonts as Unicode: ``w:sym`` and letters in the private use area name places in a font."""

from __future__ import annotations

# Symbol, from 0x21: its letters are Greek (the table of Adobe's Symbol encoding).
_SYMBOL = dict(
    zip(
        range(0x21, 0x7F),
        "!∀#∃%&∋()∗+,−./0123456789:;<=>?≅ΑΒΧΔΕΦΓΗΙϑΚΛΜΝΟΠΘΡΣΤΥςΩΞΨΖ[∴]⊥_‾αβχδεφγηιϕκλμνοπθρστυϖωξψζ{|}∼",
        strict=True,
    )
) | dict(
    zip(
        range(0xA1, 0xFF),
        "ϒ′≤⁄∞ƒ♣♦♥♠↔←↑→↓°±″≥×∝∂•÷≠≡≈…⏐⎯↵ℵℑℜ℘⊗⊕∅∩∪⊃⊇⊄⊂⊆∈∉∠∇®©™∏√⋅¬∧∨⇔⇐⇑⇒⇓◊⟨®©™∑⎛⎜⎝⎡⎢⎣⎧⎨⎩⎪€⟩∫⌠⎮⌡⎞⎟⎠⎤⎥⎦⎫⎬⎭",
        strict=True,
    )
)
# Wingdings: the signs that stand in documents, most of all boxes, marks and arrows.
_WINGDINGS = {
    0x22: "✂", 0x28: "☎", 0x29: "✆", 0x2A: "✉", 0x36: "⌛", 0x3A: "🖥", 0x3F: "✍", 0x41: "✌", 0x43: "👍", 0x44: "👎",
    0x45: "☜", 0x46: "☞", 0x47: "☝", 0x48: "☟", 0x4A: "☺", 0x4C: "☹", 0x4E: "☠", 0x52: "☼", 0x6C: "●", 0x6D: "❍",
    0x6E: "■", 0x6F: "□", 0x70: "□", 0x71: "❑", 0x72: "❒", 0x73: "⬧", 0x74: "⧫", 0x75: "◆", 0x76: "❖", 0x77: "⬥",
    0x78: "☒", 0x80: "⓪", **{0x81 + index: chr(0x2460 + index) for index in range(10)},
    0x8B: "⓿", **{0x8C + index: chr(0x2776 + index) for index in range(10)},
    0x9F: "•", 0xA0: "▪", 0xA1: "○", 0xA4: "◉", 0xA5: "◎", 0xA7: "▪", 0xA8: "☐", 0xAB: "★", 0xB1: "⌖", 0xD8: "➢",
    0xDF: "←", 0xE0: "→", 0xE1: "↑", 0xE2: "↓", 0xE7: "⇦", 0xE8: "➔", 0xEF: "⇦", 0xF0: "⇨", 0xF1: "⇧", 0xF2: "⇩",
    0xF3: "⬄", 0xFB: "✗", 0xFC: "✓", 0xFD: "☒", 0xFE: "☑",
}  # fmt: skip
_WINGDINGS_2 = {0x4F: "✗", 0x50: "✓", 0x51: "☒", 0x52: "☑", 0x53: "☒", 0x54: "☒", 0x98: "●", 0xA3: "□"}
_PICTURES = {"wingdings": _WINGDINGS, "wingdings 2": _WINGDINGS_2, "wingdings 3": {}, "webdings": {}}
_UNKNOWN = "•"
# Where programs put the places of a symbol font.
_FIRST, _LAST = 0xF020, 0xF0FF


def symbol(code: int, font: str) -> str:
    """The sign at a place of a font; letters of other fonts are those of Latin 1."""
    font = font.strip().lower()
    place = code - 0xF000 if _FIRST <= code <= _LAST else code
    if font == "symbol":
        return _SYMBOL.get(place, _UNKNOWN)
    if font in _PICTURES:
        return _PICTURES[font].get(place, _UNKNOWN)
    return chr(place) if 0x20 <= place < 0x110000 and not 0xD800 <= place < 0xE000 else ""


def with_symbols(text: str, font: str) -> str:
    """Text whose letters in the private use area are places of a symbol font."""
    if not any(_FIRST <= ord(letter) <= _LAST for letter in text):
        return text
    return "".join(symbol(ord(letter), font) if _FIRST <= ord(letter) <= _LAST else letter for letter in text)
