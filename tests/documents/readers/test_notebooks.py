from __future__ import annotations

import json

import pytest

from rag_pipeline.documents.readers import read_document
from rag_pipeline.errors import DocumentError


def markdown(*lines):
    return {"cell_type": "markdown", "source": [f"{line}\n" for line in lines]}


def code(source, *outputs):
    return {"cell_type": "code", "source": source, "outputs": list(outputs)}


def read(*cells, name="a.ipynb", **more):
    notebook = {"nbformat": 4, "metadata": {"kernelspec": {"language": "python"}}, "cells": list(cells), **more}
    return read_document(name, json.dumps(notebook, ensure_ascii=False).encode())


def told(document):
    return document.title, [(section.headings, section.text) for section in document.sections]


@pytest.mark.parametrize("name", ["a.ipynb", "a.json"])
def test_cells_stand_under_their_headings_with_what_they_wrote(name):
    result = {
        "output_type": "execute_result",
        "data": {"text/plain": ["   흘수\n", "0  12.04"], "text/html": "<table/>"},
    }
    printed = {"output_type": "stream", "name": "stdout", "text": "\x1b[32m읽음\x1b[0m\n"}
    document = read(markdown("# 분석", "머리말"), markdown("## 자료"), code("# 주석\ndf", printed, result), name=name)
    block = "```python\n# 주석\ndf\n```\n\n```\n읽음\n```\n\n```\n   흘수\n0  12.04\n```"
    assert told(document) == ("분석", [((), "머리말"), (("자료",), block)])
    assert document.warnings == ()


def test_pictures_and_the_ends_of_long_outputs_are_left_out_and_said():
    picture = {"output_type": "display_data", "data": {"image/png": "AAAA", "text/plain": "<Figure size 640x480>"}}
    long = {"output_type": "stream", "text": "x" * 9000}
    document = read(code("plot()", picture, long))
    assert document.warnings == ("1 picture left out", "1 output cut after 4,000 characters")
    assert "Figure" not in document.sections[0].text
    assert document.sections[0].text.count("x") == 4000


def test_an_error_is_read_in_one_line():
    error = {"output_type": "error", "ename": "ValueError", "evalue": "흘수", "traceback": ["\x1b[0m…"]}
    assert told(read(code("f()", error)))[1] == [((), "```python\nf()\n```\n\n```\nValueError: 흘수\n```")]


def test_a_fence_that_nobody_closed_ends_with_its_cell():
    document = read(markdown("```", "x"), markdown("# 제목"), code("s = '''\n```\n'''"))
    assert told(document) == ("제목", [((), "```\nx\n```"), ((), "````python\ns = '''\n```\n'''\n````")])


def test_notebooks_of_the_format_before_are_read():
    cells = [{"cell_type": "heading", "level": 1, "source": "제목"}, {"cell_type": "code", "input": "f()"}]
    content = json.dumps({"nbformat": 3, "worksheets": [{"cells": cells}]}).encode()
    assert told(read_document("a.ipynb", content)) == ("제목", [((), "```python\nf()\n```")])


@pytest.mark.parametrize("content", ["{}", "[1]", '{"cells": []}'])
def test_what_is_no_notebook_is_said_to_be_none(content):
    with pytest.raises(DocumentError, match="is no notebook"):
        read_document("a.ipynb", content.encode())


@pytest.mark.parametrize("cells", [[1], [{"cell_type": "code", "source": 3, "outputs": {"a": 1}}], "x"])
def test_cells_of_any_kind_do_no_harm(cells):
    with pytest.raises(DocumentError, match="holds no text"):
        read_document("a.ipynb", json.dumps({"nbformat": 4, "cells": cells, "metadata": []}).encode())
