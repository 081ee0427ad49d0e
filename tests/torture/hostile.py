"""Files that mean harm to whoever reads them, a little different each time."""

from __future__ import annotations

import io
import os
import random
import zipfile
from collections.abc import Callable
from pathlib import Path


def _zip(name: str, content: bytes) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr(name, content)
    return made.getvalue()


def _cut(content: bytes, chance: random.Random) -> bytes:
    return content[: chance.randrange(1, len(content))]


def _noise(content: bytes, chance: random.Random) -> bytes:
    damaged = bytearray(content)
    for _ in range(30):
        damaged[chance.randrange(len(damaged))] = chance.randrange(256)
    return bytes(damaged)


def _nested(depth: int) -> bytes:
    return b"[" * depth + b"1" + b"]" * depth


def _laughs(depth: int) -> bytes:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [" + ", ".join([f"*a{n - 1}"] * 9) + "]" for n in range(1, depth)]
    return "\n".join(lines).encode()


def _book(chance: random.Random) -> bytes:
    return _zip("xl/workbook.xml", b"<workbook>" + b"<sheets>" * chance.randrange(1, 5000))


Make = Callable[[random.Random], bytes]
KINDS: dict[str, tuple[str, Make]] = {
    "deep json": (".json", lambda chance: b"[" * chance.randrange(500, 300_000)),
    "deep json that ends": (".json", lambda chance: _nested(chance.randrange(200, 5000))),
    "huge key": (".json", lambda chance: b'[{"' + b"k" * chance.randrange(1000, 2_000_000) + b'": "v"}]'),
    "many keys": (
        ".json",
        lambda chance: b'[{"text": "x", ' + b", ".join(b'"k%d": %d' % (n, n) for n in range(3000)) + b"}]",
    ),
    "huge number": (".json", lambda chance: b'[{"n": ' + b"9" * chance.randrange(100, 200_000) + b"}]"),
    "huge figures": (
        ".md",
        lambda chance: (
            "# 제{0}장 총칙\n\n제{0}조(목적) 뜻\n\n{0}. 하나\n\n{0} t ~ {0}0 t, {0}만 톤, 2016. {0}. 1.\n".format(
                "9" * chance.choice((20, 310, 5000, 100_000))
            )
        ).encode(),
    ),
    "surrogates": (".json", lambda _: b'[{"text": "\\ud800\\udfff\\ud800", "\\udc00": 1}]'),
    "front matter bomb": (".md", lambda _: b"---\n" + _laughs(12) + b"\n---\n\n# Bomb\n\nText.\n"),
    "deep front matter": (
        ".md",
        lambda chance: b"---\na: " + b"[" * chance.randrange(100, 20_000) + b"\n---\n\nText.\n",
    ),
    "deep quotes": (".md", lambda chance: b"> " * chance.randrange(100, 20_000) + b"text\n"),
    "brackets": (".md", lambda chance: b"[" * chance.randrange(1000, 50_000) + b"\n"),
    "control characters": (".txt", lambda _: b"\x1b[31mred\x07 \x00 \x9b31m text \xff\xfe\x80\n" * 20),
    "one long line": (".txt", lambda chance: b"word " * chance.randrange(10_000, 100_000)),
    "combining marks": (".txt", lambda chance: ("a" + "\u0301" * chance.randrange(1000, 50_000)).encode()),
    "many columns": (".csv", lambda chance: b",".join(b"c%d" % n for n in range(20_000)) + b"\n" + b"1," * 20_000),
    "open quote": (".csv", lambda chance: b'a,b\n"' + b"x,\n" * chance.randrange(1000, 100_000)),
    "deep html": (".html", lambda chance: b"<div>" * chance.randrange(1000, 30_000) + b"text"),
    "entities": (".html", lambda _: b"<!DOCTYPE x [<!ENTITY a 'aaaa'><!ENTITY b '&a;&a;&a;'>]><p>&b;&#0;&#xD800;</p>"),
    "zip bomb": (".docx", lambda _: _zip("word/document.xml", b"<a>" + b" " * (300 << 20))),
    "deep xml": (".docx", lambda chance: _zip("word/document.xml", b"<a>" * chance.randrange(1000, 200_000))),
    "broken zip": (".docx", lambda chance: _cut(_zip("word/document.xml", b"<w>text</w>" * 100), chance)),
    "noisy zip": (".xlsx", lambda chance: _noise(_book(chance), chance)),
    "escaping zip": (".epub", lambda _: _zip("../../../../tmp/escaped", b"text")),
    "pdf of noise": (".pdf", lambda chance: b"%PDF-1.7\n" + chance.randbytes(20_000)),
    "pdf that points at itself": (
        ".pdf",
        lambda _: b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 1 0 R/Kids[1 0 R]>>endobj\n",
    ),
    "hwp of noise": (".hwp", lambda chance: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + chance.randbytes(5000)),
    "nested mail": (".eml", lambda chance: b"Content-Type: message/rfc822\n\n" * chance.randrange(50, 2000)),
    "empty": (".pdf", lambda _: b""),
}
_PIPE, _LOOP, _NAME = "a pipe", "a link to itself", "a name to be obeyed"
for _special in (_PIPE, _LOOP, _NAME):
    KINDS[_special] = (".md", lambda _: b"# Named\n\nText of a file with such a name.\n")


def make(folder: Path, kind: str, chance: random.Random) -> Path:
    """Put a file of a kind into a folder."""
    suffix, content = KINDS[kind]
    name = "\x1b[2Jcleared\nerror: none\u202e" if kind == _NAME else f"hostile {kind}"
    file = folder / f"{name}{suffix}"
    if kind == _PIPE:
        os.mkfifo(file)
    elif kind == _LOOP:
        file.symlink_to(file)
    else:
        file.write_bytes(content(chance))
    return file
