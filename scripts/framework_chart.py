"""Writes docs/pictures/frameworks.svg, bars of the table of other frameworks in docs/benchmarks.md.

With --check nothing is written: the exit code is 1 if the picture does not show the table.
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

DOCS = Path(__file__).parent.parent / "docs"
PICTURE = DOCS / "pictures" / "frameworks.svg"
COLOURS = ("#0f5c6e", "#8a9ba8", "#aebbc4", "#cdd6dc")
LEFT, TOP, BAR, GAP, WIDTH, ROOM = 150, 64, 18, 22, 520, 760


def table() -> tuple[list[str], list[tuple[str, list[str]]]]:
    """The names of the frameworks; each set of questions with its hit@1, as written."""
    section = (DOCS / "benchmarks.md").read_text("utf-8").partition("## Other frameworks")[2].partition("\n## ")[0]
    head, _, *rows = [line.strip("|").split("|") for line in section.splitlines() if line.startswith("|")]
    sets = [(row[0].strip(), [_hit(cell) for cell in row[1:]]) for row in rows]
    return [name.strip() for name in head[1:]], sets


def _hit(cell: str) -> str:
    found = re.match(r"\s*(0\.\d+)", cell)
    if found is None:
        raise ValueError(f"no hit@1 in {cell!r}")
    return found[1]


def drawn() -> str:
    """The picture: for each set a group of bars from 0 to 1."""
    names, sets = table()
    group = len(names) * BAR + GAP
    height = TOP + len(sets) * group + 24
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {ROOM} {height}" role="img" '
        f'font-family="sans-serif" font-size="13">',
        f"<title>hit@1 of {', '.join(names)}</title>",
        f'<rect width="{ROOM}" height="{height}" rx="6" fill="#ffffff"/>',
        f'<text x="{LEFT}" y="24" font-weight="bold" fill="#1c2b33">hit@1: the right document comes first</text>',
    ]
    x = float(LEFT)
    for index, name in enumerate(names):
        parts.append(f'<rect x="{x:.0f}" y="36" width="12" height="12" fill="{COLOURS[index]}"/>')
        parts.append(f'<text x="{x + 18:.0f}" y="47" fill="#1c2b33">{name}</text>')
        x += 42 + 8 * len(name)
    for tenth in range(0, 11, 2):
        x = LEFT + WIDTH * tenth / 10
        parts.append(f'<path d="M{x:.0f} {TOP - 4}V{height - 24}" stroke="#e3e8eb"/>')
        parts.append(f'<text x="{x:.0f}" y="{height - 8}" text-anchor="middle" fill="#5a6b75">{tenth / 10:.1f}</text>')
    for number, (questions, hits) in enumerate(sets):
        top = TOP + number * group
        middle = top + len(hits) * BAR / 2 + 4
        parts.append(f'<text x="{LEFT - 12}" y="{middle:.0f}" text-anchor="end" fill="#1c2b33">{questions}</text>')
        for index, hit in enumerate(hits):
            y, length = top + index * BAR, float(hit) * WIDTH
            parts.append(f'<rect x="{LEFT}" y="{y}" width="{length:.1f}" height="{BAR - 3}" fill="{COLOURS[index]}"/>')
            parts.append(f'<text x="{LEFT + length + 6:.1f}" y="{y + 12}" font-size="12" fill="#1c2b33">{hit}</text>')
    return "\n".join([*parts, "</svg>", ""])


def main() -> int:
    """Draw, or compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="Only compare.")
    given = parser.parse_args()
    if not given.check:
        PICTURE.write_text(drawn(), "utf-8")
    elif not PICTURE.exists() or PICTURE.read_text("utf-8") != drawn():
        sys.stderr.write(f"error: {PICTURE} does not show the table: run {sys.argv[0]}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
