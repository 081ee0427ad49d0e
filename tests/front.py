"""What the pages that a reader meets first say: their blocks of code, and a checkout in which these can be run."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from tests.conftest import ROOT, offline_environment

REPORT = (
    "# 1분기 보고\n\n## 매출\n\n지난 분기 매출은 12억 원이다.\n\n# Outlook\n\nThe next quarter looks like this one.\n"
)
# Python as it is, but for installing and testing, which are noted down: one needs a network, the other is this suite.
PYTHON = """\
#!/bin/sh
case "$1 $2" in
  "-m pytest"|"-m pip") echo "$*" >> "{noted}"; exit 0 ;;
esac
exec "{python}" "$@"
"""
COMMAND = '#!/bin/sh\nexec "{python}" -m rag_pipeline "$@"\n'
PIP = '#!/bin/sh\necho "-m pip $*" >> "{noted}"\n'
ACTIVATE = 'PATH="{bin}:$PATH"\nexport PATH\n'


def blocks(page: Path, language: str) -> list[str]:
    """The fenced blocks of a language on a page, without comments and what only lines up."""
    found = re.findall(rf"^```{language}\n(.*?)^```$", page.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    return ["\n".join(re.sub(r"\s+# .*", "", line) for line in block.splitlines()) for block in found]


class Checkout:
    """A folder with what `make` and the commands need, a home with reports, and a `.venv` that is this environment."""

    def __init__(self, folder: Path, cache: Path) -> None:
        self.folder, self.home = folder / "rag_pipeline", folder / "home"
        self._noted = folder / "noted"
        self._cache = cache
        self.folder.mkdir()
        for name in ("Makefile", "pyproject.toml", "constraints.txt", "config.yaml", "ingest.py", "query.py"):
            shutil.copy(ROOT / name, self.folder)
        for name in ("scripts", "documents"):
            shutil.copytree(ROOT / name, self.folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        (self.home / "Documents" / "reports").mkdir(parents=True)
        (self.home / "Documents" / "reports" / "quarter.md").write_text(REPORT, "utf-8")
        self._environment = self.folder / ".venv" / "bin"
        self._environment.mkdir(parents=True)
        for name, text in (("python", PYTHON), ("rag-pipeline", COMMAND), ("pip", PIP), ("activate", ACTIVATE)):
            path = self._environment / name
            path.write_text(text.format(python=sys.executable, noted=self._noted, bin=self._environment), "utf-8")
            path.chmod(0o755)
        for name in (".runtime", ".dev"):  # installed already
            (self.folder / ".venv" / name).touch()

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command as its user would, in the checkout."""
        environment = {
            "HOME": str(self.home),
            "RAG_PIPELINE_CACHE_DIR": str(self._cache),
            "RAG_PIPELINE_SERVE__PORT": "0",  # any that is free
            "MAKEFLAGS": "",
        }
        return subprocess.run(
            command, cwd=self.folder, env=offline_environment(environment), capture_output=True, encoding="utf-8",
            timeout=1500, check=False,
        )  # fmt: skip

    def script(self, parts: list[str]) -> subprocess.CompletedProcess[str]:
        """Run blocks of a page one after another in one shell, which ends at the first that fails."""
        return self.run("sh", "-euxc", "\n".join(parts))

    def python(self, code: str) -> subprocess.CompletedProcess[str]:
        """Run a block of Python."""
        return self.run(sys.executable, "-c", code)

    def noted(self) -> list[str]:
        """What was to be installed and tested."""
        return self._noted.read_text("utf-8").splitlines() if self._noted.exists() else []


def installed_extras(noted: list[str]) -> set[str]:
    """The extras of this project that pip was told to install."""
    found = [re.search(r"(?:\.|rag-pipeline)\[([\w,]+)\]", line) for line in noted if line.startswith("-m pip install")]
    return {extra for match in found if match for extra in match[1].split(",")}


def broken_links(page: Path) -> list[str]:
    """Links of a page to files that are not there, or to headings that these do not have."""
    broken = []
    text = re.sub(r"^```.*?^```$", "", page.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
    for target in re.findall(r"\]\((?!https?://|<)([^)\s]+)\)", text):
        name, _, heading = target.partition("#")
        file = Path(os.path.normpath(page.parent / name)) if name else page
        if not file.exists() or (heading and heading not in _anchors(file)):
            broken.append(target)
    return broken


def _anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-") for heading in headings}
