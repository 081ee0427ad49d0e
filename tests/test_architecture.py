"""The house is as docs/architecture.md draws it: floors, no circles of files, and every file that it names."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import rag_pipeline
from tests.conftest import ROOT

PACKAGE = Path(rag_pipeline.__file__).parent
FLOORS = [
    {
        "errors",
        "figures",
        "forking",
        "lazy_names",
        "limited_yaml",
        "masking",
        "messages",
        "network",
        "run_in_thread",
        "text",
        "vectors",
    },
    {"locations", "metadata_values"},
    {"config"},
    {"gemini", "lexical"},
    {"documents", "embeddings", "store"},
    {"assembly", "passages", "probe", "testing"},
    {"answering", "ingestion", "retrieval"},
    {"evaluation", "integration"},
    {"pipeline", "training"},
    {"server"},
    {"cli"},
    {"__main__"},
]


def modules(root: Path) -> dict[str, Path]:
    """Every module of a package, by its dotted name."""
    names = {
        file: file.relative_to(root.parent).with_suffix("").as_posix().replace("/", ".") for file in root.rglob("*.py")
    }
    return {name.removesuffix(".__init__"): file for file, name in names.items()}


def imported(name: str, file: Path, known: dict[str, Path]) -> Iterator[str]:
    """The modules of the package that a module imports anywhere in it, relative imports and those for types too."""
    package = name if file.name == "__init__.py" else name.rpartition(".")[0]
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in known)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = package.rsplit(".", node.level - 1)[0] if node.level > 1 else package
                base = f"{above}.{base}".rstrip(".")
            for alias in node.names:
                inner = f"{base}.{alias.name}"
                if inner in known or base in known:
                    yield inner if inner in known else base


def graph(root: Path) -> dict[str, set[str]]:
    known = modules(root)
    return {name: set(imported(name, file, known)) - {name} for name, file in known.items()}


def floor_of(name: str) -> int:
    home = name.split(".")[1]
    return next(level for level, names in enumerate(FLOORS) if home in names)


@pytest.mark.slow
def test_nothing_imports_upwards_and_siblings_do_not_meet():
    wrong = [
        f"{name} imports {other}"
        for name, others in graph(PACKAGE).items()
        for other in others
        if name != "rag_pipeline"
        and "." in other
        and name.split(".")[1] != other.split(".")[1]
        and floor_of(other) >= floor_of(name)
        and not (floor_of(other) == floor_of(name) == 0)
    ]
    assert wrong == []


def test_every_room_has_a_floor_and_every_floor_its_rooms():
    rooms = {path.stem for path in PACKAGE.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()}
    assert rooms - {"__init__"} == {name for names in FLOORS for name in names}


@pytest.mark.slow
def test_no_files_import_each_other_in_a_circle():
    list(TopologicalSorter(graph(PACKAGE)).static_order())


@pytest.mark.parametrize(
    "line", ["from house import b", "from . import b", "from .b import x", "from house.b import x", "import house.b"]
)
def test_a_circle_is_seen_however_it_is_written(tmp_path, line):
    house = tmp_path / "house"
    house.mkdir()
    (house / "__init__.py").touch()
    (house / "a.py").write_text(f"def late():\n    {line}\n", "utf-8")
    (house / "b.py").write_text(
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from house.a import late\n", "utf-8"
    )
    with pytest.raises(CycleError):
        list(TopologicalSorter(graph(house)).static_order())


def test_every_file_that_the_page_on_architecture_names_exists():
    page = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    named = set(re.findall(r"[\w./-]+\.(?:py|md|yaml|jsonl)\b", page))
    tops = [path for path in ROOT.iterdir() if not path.name.startswith(".")]
    everything = [path.relative_to(ROOT).as_posix() for top in tops for path in (top, *top.rglob("*"))]
    missing = sorted(name for name in named if not any(f"/{path}".endswith(f"/{name}") for path in everything))
    assert missing == []
    folders = set(re.findall(r"(?<![\w/])([a-z_]+(?:/[a-z_]+)*)/(?=\s)", page))
    held = {path.rpartition("/")[0] for path in everything}
    missing = sorted(name for name in folders if not any(f"/{folder}".endswith(f"/{name}") for folder in held))
    assert missing == []


def test_the_picture_fits_one_screen():
    page = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    picture = page.partition("## The house\n")[2].partition("\n## ")[0]
    assert len(picture.strip().splitlines()) <= 50
    assert max(map(len, picture.splitlines())) <= 120
