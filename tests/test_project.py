"""What the project says of itself in several places agrees."""

from __future__ import annotations

import re
import shutil
import tomllib
from datetime import date

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

import rag_pipeline
from tests.conftest import ROOT

pytestmark = pytest.mark.slow

PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
CHANGELOG = (ROOT / "CHANGELOG.md").read_text("utf-8")
MAKEFILE = (ROOT / "Makefile").read_text("utf-8")
WORKFLOWS = ROOT / ".github" / "workflows"
# As in Keep a Changelog.
KINDS = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}

SOME_RELEASES = """\
# Changelog

## [Unreleased]

### Added

- Something to come.

## [1.2.0] - 2026-02-03

### Added

- 새 기능.

## [1.1.0] - 2026-01-02

### Fixed

- Something older.

[1.2.0]: https://example.invalid/1.2.0
"""


@pytest.fixture
def notes(tmp_path, python):
    """The script of the release notes, in a project of the given version and changelog."""

    def run(*arguments, version="1.2.0", changelog=SOME_RELEASES):
        for folder in ("scripts", "rag_pipeline"):
            (tmp_path / folder).mkdir(exist_ok=True)
        script = shutil.copy(ROOT / "scripts" / "release_notes.py", tmp_path / "scripts")
        (tmp_path / "rag_pipeline" / "__init__.py").write_text(f'__version__ = "{version}"\n', "utf-8")
        (tmp_path / "CHANGELOG.md").write_text(changelog, "utf-8")
        return python(script, *arguments)

    return run


def sections():
    """The headings of the changelog with the text below each, as written."""
    parts = re.split(r"^## (.+)$", CHANGELOG, flags=re.MULTILINE)[1:]
    return list(zip(parts[::2], parts[1::2], strict=True))


def released():
    """Version and date of each release in the changelog, in its order."""
    found = []
    for heading, _ in sections()[1:]:
        match = re.fullmatch(r"\[(.+)\] - (\d{4}-\d{2}-\d{2})", heading)
        assert match, heading
        found.append((Version(match[1]), date.fromisoformat(match[2])))
    return found


def supported_pythons():
    """The Python versions of the classifiers."""
    prefix = "Programming Language :: Python :: "
    return [name.removeprefix(prefix) for name in PYPROJECT["project"]["classifiers"] if name.startswith(prefix)]


def test_the_version_is_written_down_once():
    assert PYPROJECT["project"]["dynamic"] == ["version"]
    assert "version" not in PYPROJECT["project"]
    source = (ROOT / PYPROJECT["tool"]["hatch"]["version"]["path"]).read_text("utf-8")
    assert re.findall(r'^__version__ = "(.+)"$', source, re.MULTILINE) == [rag_pipeline.__version__]
    assert str(Version(rag_pipeline.__version__)) == rag_pipeline.__version__


def test_the_notes_of_a_release_are_its_section_alone(notes):
    done = notes("1.2.0")
    assert (done.returncode, done.stdout, done.stderr) == (0, "### Added\n\n- 새 기능.\n", "")
    last = notes("1.1.0", version="1.1.0")
    assert (last.returncode, last.stdout) == (0, "### Fixed\n\n- Something older.\n")


@pytest.mark.parametrize(
    ("arguments", "version", "message"),
    [
        (["1.1.0"], "1.2.0", "error: 1.1.0 is not the package's version, which is 1.2.0"),
        (["v1.2.0"], "1.2.0", "error: v1.2.0 is not the package's version, which is 1.2.0"),
        (["1.3.0"], "1.3.0", "error: CHANGELOG.md has no section '## [1.3.0] - YYYY-MM-DD' with text in it"),
        (
            ["Unreleased"],
            "Unreleased",
            "error: CHANGELOG.md has no section '## [Unreleased] - YYYY-MM-DD' with text in it",
        ),
        ([], "1.2.0", "usage: python scripts/release_notes.py VERSION"),
    ],
)
def test_a_release_that_does_not_fit_is_told_in_one_line(notes, arguments, version, message):
    done = notes(*arguments, version=version)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"{message}\n")


def test_an_empty_section_is_no_release(notes):
    done = notes("1.2.0", changelog="# Changelog\n\n## [1.2.0] - 2026-02-03\n\n## [1.1.0] - 2026-01-02\n\n- Older.\n")
    assert (done.returncode, done.stdout) == (2, "")
    assert "with text in it" in done.stderr


def test_the_changelog_begins_with_what_is_unreleased_in_kinds_that_are_known():
    assert sections()[0][0] == "[Unreleased]"
    for heading, text in sections():
        kinds = re.findall(r"^### (.+)$", text, re.MULTILINE)
        assert set(kinds) <= KINDS, heading
        assert len(kinds) == len(set(kinds)), heading


def test_nothing_is_fixed_or_changed_before_a_first_release():
    first = sections()[0 if not released() else -1][1]
    assert re.findall(r"^### (.+)$", first, re.MULTILINE) == ["Added"]


def test_releases_have_versions_and_dates_newest_first():
    versions = [version for version, _ in released()]
    dates = [day for _, day in released()]
    assert versions == sorted(set(versions), reverse=True)
    assert dates == sorted(dates, reverse=True)
    assert all(version <= Version(rag_pipeline.__version__) for version in versions)


@pytest.mark.parametrize(
    "path",
    [*sorted((ROOT / ".github").rglob("*.yml")), ROOT / ".pre-commit-config.yaml"],
    ids=lambda path: path.relative_to(ROOT).as_posix(),
)
def test_the_files_for_github_and_the_hooks_are_yaml(path):
    assert isinstance(yaml.safe_load(path.read_text("utf-8")), dict)


@pytest.mark.parametrize("name", ["bug", "feature"])
def test_issue_forms_ask_for_the_doctor_and_warn_of_keys(name):
    form = yaml.safe_load((ROOT / ".github" / "ISSUE_TEMPLATE" / f"{name}.yml").read_text("utf-8"))
    assert {"name", "description", "body"} <= form.keys()
    labels = [item["attributes"].get("label", "") for item in form["body"]]
    assert any("rag-pipeline doctor" in label for label in labels)
    assert "Never paste API keys" in form["body"][0]["attributes"]["value"]


def test_the_workflow_tests_the_pythons_and_systems_that_the_package_names():
    matrix = yaml.safe_load((WORKFLOWS / "test.yml").read_text("utf-8"))["jobs"]["test"]["strategy"]["matrix"]
    assert matrix["python"] == supported_pythons()
    assert PYPROJECT["project"]["requires-python"] == f">={matrix['python'][0]}"
    named = {name.rpartition(" :: ")[2] for name in PYPROJECT["project"]["classifiers"] if "Operating System" in name}
    systems = {"ubuntu-latest": "Linux", "macos-latest": "MacOS", "windows-latest": "Windows"}
    assert {systems[system] for system in matrix["os"]} == named


@pytest.mark.parametrize("name", ["test", "release"])
def test_workflows_may_only_read_unless_a_job_says_why(name):
    workflow = yaml.safe_load((WORKFLOWS / f"{name}.yml").read_text("utf-8"))
    assert workflow["permissions"] == {"contents": "read"}
    written = {job: steps["permissions"] for job, steps in workflow["jobs"].items() if "permissions" in steps}
    expected = {"publish": {"id-token": "write"}, "announce": {"contents": "write"}} if name == "release" else {}
    assert written == expected


def test_the_earlier_name_of_an_extra_goes_on():
    extras = PYPROJECT["project"]["optional-dependencies"]
    assert extras["documents"] == ["rag-pipeline[readers]"]
    assert extras["readers"]


def test_what_developers_need_is_no_part_of_what_is_published():
    groups = PYPROJECT["dependency-groups"]
    assert groups.keys() == {"dev", "docs"}
    assert not groups.keys() & PYPROJECT["project"]["optional-dependencies"].keys()
    # Alone, a group would take the project from an index, where that name may be another's.
    assert not [line for group in groups.values() for line in group if "rag-pipeline" in str(line)]


def test_the_makefile_and_the_workflow_install_the_same_extras():
    [extras] = re.findall(r"^EXTRAS := (.+)$", MAKEFILE, re.MULTILINE)
    assert yaml.safe_load((WORKFLOWS / "test.yml").read_text("utf-8"))["env"]["EXTRAS"] == extras
    assert set(extras.split(",")) <= PYPROJECT["project"]["optional-dependencies"].keys()


def test_make_help_lists_every_target():
    [phony] = re.findall(r"^\.PHONY: (.+)$", MAKEFILE, re.MULTILINE)
    listed = re.findall(r'^\t@echo "make ([a-z-]+) ', MAKEFILE, re.MULTILINE)
    assert sorted([*listed, "help"]) == sorted(phony.split())


def test_the_constraints_are_pins_of_no_one_machine():
    lines = (ROOT / "constraints.txt").read_text("utf-8").splitlines()
    for line in lines:
        requirement = Requirement(line)  # no option, path or comment
        assert (requirement.url, requirement.extras) == (None, set()), line
        assert re.fullmatch(r"==[0-9a-z.]+", str(requirement.specifier)), line  # no "+cpu" of one build


def test_the_constraints_pin_each_dependency():
    project, groups = PYPROJECT["project"], PYPROJECT["dependency-groups"]
    lists = [project["dependencies"], *project["optional-dependencies"].values(), *groups.values()]
    wanted = [line for lines in lists for line in lines if isinstance(line, str)]
    pins = (ROOT / "constraints.txt").read_text("utf-8").splitlines()
    pinned = {canonicalize_name(Requirement(line).name) for line in pins}
    assert {canonicalize_name(Requirement(line).name) for line in wanted} - {project["name"]} <= pinned
