"""Writes docs/pictures/answer.svg: what `rag-pipeline query` prints for a question on the six ship documents.

The two commands are real ones, in a folder of their own with a store of its own; rich draws what they print. With
--check nothing is written: the exit code is 1 if other passages are found now than the picture shows. Scores may differ
from machine to machine in their last digits, and are not compared.
"""

from __future__ import annotations

import argparse
import html
import io
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

ROOT = Path(__file__).parent.parent
PICTURE = ROOT / "docs" / "pictures" / "answer.svg"
QUESTION = "최대 흘수가 12.04 m인 컨테이너선은 무엇인가?"
COLUMNS = 100
# A picture may fetch nothing: letters come from the machine that shows it, Korean ones twice as wide as Latin ones.
FONTS = "'Nanum Gothic Coding', NanumGothicCoding, D2Coding, 'Noto Sans Mono CJK KR', Menlo, Consolas, monospace"
_CELL = 12.2  # of rich: 20 pixels high, 0.61 of that wide
FORMAT = """\
<svg class="rich-terminal" viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg" role="img">
    <title>LABEL</title>
    <style>
    .{unique_id}-matrix {{ font-family: FONTS; font-size: {char_height}px; line-height: {line_height}px; }}
    .{unique_id}-title {{ font-size: 18px; font-weight: bold; font-family: sans-serif; }}
    {styles}
    </style>
    <defs>
    <clipPath id="{unique_id}-clip-terminal">
      <rect x="0" y="0" width="{terminal_width}" height="{terminal_height}" />
    </clipPath>
    </defs>
    {chrome}
    <g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
    {backgrounds}
    <g class="{unique_id}-matrix">
    {matrix}
    </g>
    </g>
</svg>
"""


def printed() -> str:
    """What the command prints for the question, with the colours of a terminal."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copytree(ROOT / "documents" / "ships", folder / "ships")
        _run(folder, "ingest", "ships")
        return _run(folder, "query", "-k", "2", "--collection", "ships", QUESTION)


def _run(folder: Path, *arguments: str) -> str:
    environment = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
    path = os.pathsep.join(filter(None, [environment.get("PYTHONPATH"), str(ROOT)]))
    environment |= {"PYTHONPATH": path, "COLUMNS": str(COLUMNS), "FORCE_COLOR": "1", "TERM": "xterm-256color"}
    done = subprocess.run(  # noqa: S603 (words of this file alone)
        [sys.executable, "-m", "rag_pipeline", *arguments],
        cwd=folder, env=environment, check=True, stdout=subprocess.PIPE, encoding="utf-8",
    )  # fmt: skip
    return done.stdout


def drawn(output: str) -> str:
    """The picture of an output."""
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    console.print(Text.assemble(("$ ", "bold green"), (f'rag-pipeline query -k 2 "{QUESTION}"', "bold")))
    for line in output.rstrip().splitlines():
        console.print(Text.from_ansi(line.rstrip()), overflow="crop", no_wrap=True)
    label = html.escape(f"The passages that rag-pipeline query finds for: {QUESTION}")
    form = FORMAT.replace("LABEL", label).replace("FONTS", FONTS)
    picture = console.export_svg(title="rag_pipeline", code_format=form, unique_id="answer")
    picture = re.sub(r'(?:<text class="answer-r[^>]*>[^<]*</text>\s*)+', _flowing, picture)
    return "\n".join(line.rstrip() for line in picture.splitlines() if line.strip()) + "\n"


def _flowing(elements: re.Match[str]) -> str:
    """The lines anew: rich gives Korean letters the room of Latin ones. What two blanks part begins at its own column.

    Within a column letters stand as their font has them, as no font is known to be there.
    """
    columns: list[str] = []
    line, end = "", 0
    element = r'<text class="(.*?)" x="(.*?)" y="(.*?)"[^>]*>(.*?)</text>'
    for name, left, top, escaped in re.findall(element, elements[0]):
        text = html.unescape(escaped).replace("\xa0", " ")
        for word in re.finditer(r"\S+(?: \S+)*", text):
            start = round(float(left) / _CELL) + cell_len(text[: word.start()])
            part = f'<tspan class="{name}">{html.escape(word[0])}</tspan>'
            if line == top and start - end < 2:
                columns[-1] = columns[-1].replace("</text>", f"{' ' * (start - end)}{part}</text>")
            else:
                ruled = f' textLength="{_CELL * len(word[0]):.1f}"' if set(word[0]) == {"─"} else ""
                columns.append(f'<text x="{_CELL * start:.1f}" y="{top}"{ruled}>{part}</text>')
            line, end = top, start + cell_len(word[0])
    return "\n".join(columns)


def passages(picture: str) -> str:
    """The words of a picture, without scores and blanks."""
    lines = [html.unescape(found) for found in re.findall(r"<tspan [^>]*>(.*?)</tspan>", picture)]
    words = re.sub(r"\s+", "", "".join(lines))
    return re.sub(r"\d\.\d{4}", "", words)


def main() -> int:
    """Take the picture, or compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=PICTURE)
    parser.add_argument("--check", action="store_true", help="Only compare.")
    given = parser.parse_args()
    picture = drawn(printed())
    if given.check:
        same = passages(picture) == passages(given.out.read_text("utf-8"))
        return 0 if same else _told(f"{given.out} shows other passages than are found now: run {sys.argv[0]}")
    given.out.write_text(picture, "utf-8")
    sys.stdout.write(f"{given.out}\n")
    return 0


def _told(problem: str) -> int:
    sys.stderr.write(f"error: {problem}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
