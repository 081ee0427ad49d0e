"""Every notebook, its cells run one after the other in a process of its own."""

from __future__ import annotations

import json

import pytest

from tests.conftest import ROOT

NOTEBOOKS = {file.stem: file for file in (ROOT / "examples").glob("*.ipynb")}
# As a kernel runs cells: in one namespace, of the module __main__.
RUN = """
import json, sys
for cell in json.load(open(sys.argv[1], encoding="utf-8"))["cells"]:
    if cell["cell_type"] == "code":
        exec(compile("".join(cell["source"]), cell["id"], "exec"), globals())
print("figure:", type(figure).__name__)
"""


def test_every_notebook_is_tried_here():
    assert set(NOTEBOOKS) == {"ships"}


@pytest.mark.parametrize("file", NOTEBOOKS.values(), ids=NOTEBOOKS)
def test_a_notebook_is_short_and_holds_no_output(file):
    notebook = json.loads(file.read_text("utf-8"))
    assert notebook["nbformat"] == 4
    assert len(notebook["cells"]) < 12
    assert len({cell["id"] for cell in notebook["cells"]}) == len(notebook["cells"])
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            assert (cell["outputs"], cell["execution_count"]) == ([], None)


@pytest.mark.slow
def test_ships(python, tmp_path, cache_dir):
    store = ROOT / "chroma_db"
    before = sorted(store.rglob("*"))
    done = python(
        "-c", RUN, str(NOTEBOOKS["ships"]), cwd=ROOT / "examples", env={"RAG_PIPELINE_CACHE_DIR": str(cache_dir)}
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[:2] == ["ships-mean: 6 documents, 30 chunks", "ships-cls: 6 documents, 30 chunks"]
    assert lines[2].split() == ["dense", "mean,", "ko", "mean,", "en", "cls,", "ko", "cls,", "en"]
    [dense, hybrid] = [lines[3:9], lines[10:16]]
    for rows in (dense, hybrid):
        assert [len(row.split()) for row in rows] == [5] * 6
        assert sum(row.count("*") for row in rows) == 4
    # Inner products of vectors of length one; the words add to them.
    assert all(0 < float(value.rstrip("*")) < 1 for row in dense for value in row.split()[1:])
    assert "mean, ko: container_panamax.md is right" in lines
    assert lines[-1] == "figure: Figure"
    assert sorted(store.rglob("*")) == before
