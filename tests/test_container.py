"""The Dockerfile, without Docker: what it copies, names and sets is there, and its steps work on that alone."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile

import pytest
from packaging.specifiers import SpecifierSet

from rag_pipeline import load_settings
from rag_pipeline.cli import COMMANDS
from rag_pipeline.server.guard import is_loopback
from tests.conftest import ROOT

PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
LINES = re.sub(r"\\\n", "", (ROOT / "Dockerfile").read_text("utf-8")).splitlines()
STEPS = [tuple(line.split(maxsplit=1)) for line in LINES if line and not line.startswith("#")]


def of(name):
    return [rest for instruction, rest in STEPS if instruction == name]


def copied():
    return [source for rest in of("COPY") for source in rest.split()[:-1]]


def test_what_is_copied_is_there_and_let_through():
    let_through = {line[1:] for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines() if line[:1] == "!"}
    assert set(copied()) == let_through
    for source in copied():
        assert (ROOT / source).exists(), source
    tracked = subprocess.run(["git", "ls-files", *copied()], cwd=ROOT, capture_output=True, text=True, check=True)
    assert {line.partition("/")[0] for line in tracked.stdout.splitlines()} == set(copied())


def test_its_python_and_its_extras_are_those_of_the_project():
    [image] = of("FROM")
    version = re.fullmatch(r"python:(\d+\.\d+)-slim", image)[1]
    assert version in SpecifierSet(PYPROJECT["project"]["requires-python"])
    [extras] = [rest.removeprefix("EXTRAS=") for rest in of("ARG") if rest.startswith("EXTRAS=")]
    assert set(extras.split(",")) <= set(PYPROJECT["project"]["optional-dependencies"])


def test_it_starts_a_command_that_exists_as_nobody_special():
    [command] = of("CMD")
    program, name = json.loads(command)
    assert program in PYPROJECT["project"]["scripts"]
    assert name in COMMANDS
    names = [instruction for instruction, _ in STEPS]
    [user] = of("USER")
    assert user != "root"
    assert f" {user} " in " ".join(of("RUN"))
    assert names.index("USER") > max(index for index, name in enumerate(names) if name == "RUN")


def test_its_variables_are_settings_and_its_volumes_where_they_lead(monkeypatch, tmp_path):
    for name, value in re.findall(r"(\w+)=(\S+)", of("ENV")[0]):
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("RAG_PIPELINE_SERVE__TOKEN", "a token of sixteen letters".replace(" ", "-"))
    monkeypatch.chdir(tmp_path)
    settings = load_settings()
    volumes = json.loads(of("VOLUME")[0])
    home = of("WORKDIR")[-1]
    assert settings.cache_dir in volumes
    assert f"{home}/{settings.store.path}" in volumes
    assert f"{home}/{settings.default_collection}" in volumes  # the collection that a folder of this name makes
    assert not is_loopback(settings.serve.host)
    assert of("EXPOSE") == [str(settings.serve.port)]
    assert f":{settings.serve.port}/livez" in of("HEALTHCHECK")[0]
    made = " ".join(of("RUN"))
    assert all(volume in made for volume in volumes)


def test_the_version_of_torch_is_the_pinned_one(tmp_path):
    [step] = [rest for rest in of("RUN") if "torch" in rest]
    shutil.copy(ROOT / "constraints.txt", tmp_path)
    (tmp_path / "pip").write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    (tmp_path / "pip").chmod(0o755)
    environment = {"PATH": f"{tmp_path}:/usr/bin:/bin", "TORCH_INDEX": "https://index.invalid/cpu"}
    done = subprocess.run(
        ["sh", "-ec", step], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )
    *_, index, torch = done.stdout.splitlines()
    assert index == "https://index.invalid/cpu"
    assert re.fullmatch(r"torch==[\d.]+", torch)
    assert f"\n{torch}" in (ROOT / "constraints.txt").read_text("utf-8")


@pytest.mark.slow
def test_what_is_copied_is_enough_to_build_the_package(tmp_path):
    source = tmp_path / "src"
    source.mkdir()
    for name in copied():
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, source)
    built = subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", tmp_path, source],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert built.returncode == 0, built.stdout + built.stderr
    [wheel] = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert "rag_pipeline/cli/serve.py" in names
    assert "rag_pipeline/locale/ko/LC_MESSAGES/rag_pipeline.mo" in names
