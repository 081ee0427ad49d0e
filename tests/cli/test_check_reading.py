from __future__ import annotations

import io
import json
import zipfile

import pytest

from rag_pipeline.cli import run
from tests import formats

pytestmark = pytest.mark.slow

SENTENCE = "최대 흘수 12.04 m인 컨테이너선은 파나막스이다."
_WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"


@pytest.fixture
def cli(capsys):
    def call(*arguments):
        code = run(None, list(arguments))
        return code, *capsys.readouterr()

    return call


def with_unused_header(content):
    """A document with a header that no section uses: it is part of the file, and shown on no page."""
    changed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(changed, "w") as new:
        for name in old.namelist():
            new.writestr(name, old.read(name))
        text = "<w:p><w:r><w:t>쓰이지 않는 머리글</w:t></w:r></w:p>"
        new.writestr("word/header99.xml", f'<w:hdr xmlns:w="{_WORD}">{text}</w:hdr>')
    return changed.getvalue()


def test_a_folder_that_is_read_whole_says_so(cli, tmp_path):
    folder = tmp_path / "문서"
    folder.mkdir()
    for suffix in (".md", ".docx", ".html", ".csv"):
        (folder / f"파일{suffix}").write_bytes(formats.FORMATS[suffix](SENTENCE))
    code, out, err = cli("check-reading", str(folder))
    assert code == 0, err
    assert out == "3 files checked, 100.000% of their letters read; 0 lose more than 0.5%; 0 unreadable\n"
    assert "1 files of formats that have nothing to compare with: .csv" in err


def test_a_file_that_loses_text_is_named_with_what_it_loses(cli, tmp_path):
    folder = tmp_path / "문서"
    folder.mkdir()
    (tmp_path / "config.yaml").write_text("reading: {page_headers: true}\n", "utf-8")
    (folder / "파일.docx").write_bytes(with_unused_header(formats.docx(SENTENCE)))
    (folder / "빈.md").write_text(" ", "utf-8")
    config = ("--config", str(tmp_path / "config.yaml"))
    code, out, err = cli("check-reading", str(folder), *config)
    assert code == 1
    assert "파일.docx: " in out
    assert "  missing: 쓰이지 않는 머리글\n" in out
    assert "빈.md: holds no text" in err
    code, out, _ = cli("check-reading", str(folder), "--json", *config)
    report = json.loads(out)
    assert code == 1
    assert report["files"]["파일.docx"]["missing"] == ["쓰이지 않는 머리글"]
    assert report["failures"] == {"빈.md": "holds no text"}


def test_without_a_folder_those_of_the_configuration_are_read(cli, tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "a.md").write_text("# 배\n\n본문이다.\n", "utf-8")
    (tmp_path / "config.yaml").write_text("collections: {docs: {folder: a, embedding: bundled}}\n", "utf-8")
    code, out, _ = cli("check-reading", "--all", "--config", str(tmp_path / "config.yaml"))
    assert code == 0
    assert out.splitlines()[0] == "a.md: 100.00% of 5 letters"
    (tmp_path / "config.yaml").write_text("{}\n", "utf-8")
    code, _, err = cli("check-reading", "--config", str(tmp_path / "config.yaml"))
    assert code == 2
    assert "no folder is named" in err
