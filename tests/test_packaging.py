"""The wheel and the sdist: built, installed into a fresh environment, and used from another folder."""

from __future__ import annotations

import os
import shutil
import site
import subprocess
import sys
import tarfile
import venv
import zipfile

import pytest

import rag_pipeline
from tests.conftest import OFFLINE, ROOT, complaints

pytestmark = pytest.mark.slow

BUILT = ("rag_pipeline", "pyproject.toml", "README.md", "README.ko.md", "LICENSE", "CHANGELOG.md", "documents",
         "ingest.py", "query.py", "config.yaml")  # fmt: skip


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """Folder with the sdist, and the wheel made from it; built by the hatchling that is installed."""
    source = tmp_path_factory.mktemp("source")
    for name in BUILT:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, source)
    out = source / "dist"
    done = subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", "--outdir", out, source],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return out


def test_the_wheel_holds_the_package_its_types_and_its_templates(built):
    [wheel] = built.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert "rag_pipeline/py.typed" in names
    assert "rag_pipeline/locale/ko/LC_MESSAGES/rag_pipeline.mo" in names
    assert any(name.startswith("rag_pipeline/evaluation/templates/") for name in names)
    page = ROOT / "rag_pipeline" / "server" / "page"
    assert {f"rag_pipeline/server/page/{file.relative_to(page).as_posix()}" for file in page.rglob("*.*s*")} <= set(
        names
    )
    assert "rag_pipeline/server/page/index.html" in names
    assert {name.partition("/")[0] for name in names} == {"rag_pipeline", f"{wheel.name.rsplit('-', 3)[0]}.dist-info"}
    [sdist] = built.glob("*.tar.gz")
    assert {wheel.name.split("-")[1], sdist.name.removesuffix(".tar.gz").split("-")[1]} == {rag_pipeline.__version__}
    with tarfile.open(sdist) as archive:
        inside = {name.partition("/")[2] for name in archive.getnames()}
    assert {"ingest.py", "query.py", "config.yaml", "LICENSE", "documents/ships/container_panamax.md"} <= inside
    assert {"README.md", "README.ko.md"} <= inside


@pytest.mark.slow
def test_the_wheel_works_in_a_fresh_environment_outside_of_the_checkout(built, tmp_path):
    home = tmp_path / "environment"
    venv.create(home, with_pip=False)
    [python] = [path for path in (home / "bin" / "python", home / "Scripts" / "python.exe") if path.exists()]
    [wheel] = built.glob("*.whl")
    [folder] = home.rglob("site-packages")
    # Its dependencies are those of this environment, to spare the gigabytes; a path in a .pth file brings in what lies
    # there, but not this checkout, which is there by a .pth file of its own.
    (folder / "dependencies.pth").write_text("\n".join(site.getsitepackages()))
    subprocess.run(
        [sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-deps", "--no-index", wheel],
        check=True,
        timeout=300,
    )
    work = tmp_path / "work"
    shutil.copytree(ROOT / "documents" / "ships", work / "ships")
    environment = {**os.environ, "PYTHONPATH": str(OFFLINE)}

    def run(*arguments):
        return subprocess.run(
            [python.parent / "rag-pipeline", *arguments],
            cwd=work,
            env=environment,
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=300,
            check=False,
        )

    where = subprocess.run(
        [python, "-c", "import rag_pipeline; print(rag_pipeline.__file__)"],
        cwd=work, env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert where.stdout.startswith(str(home))
    done = run("ingest", "ships")
    assert (done.returncode, complaints(done.stderr)) == (0, [])
    assert "6 new" in done.stdout
    asked = run("query", "최대 흘수가 12.04 m인 컨테이너선은?", "--collection", "ships", "-k", "1")
    assert "container_panamax.md" in asked.stdout, asked.stderr
    assert (work / "chroma_db").is_dir()
