"""Which PyTorch the Makefile installs: the real script, an index on loopback, and an installer that only tells."""

from __future__ import annotations

import shutil
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.conftest import ROOT

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the script leaves other systems alone")

NOWHERE = "http://127.0.0.1:9/cpu"


@pytest.fixture
def index():
    """The address of an index that answers, and what it was asked."""

    class Index(BaseHTTPRequestHandler):
        def do_HEAD(self):
            asked.append(self.path)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *arguments):
            pass

    asked = []
    with ThreadingHTTPServer(("127.0.0.1", 0), Index) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/cpu", asked
        server.shutdown()


@pytest.fixture
def install(tmp_path):
    """Run the script in a place of its own, with a Python that has no packages."""
    shutil.copy(ROOT / "constraints.txt", tmp_path)
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("sh", "uname", "grep", "cut"):
        (programs / name).symlink_to(shutil.which(name))

    def program(name, text):
        (programs / name).write_text(f"#!/bin/sh\n{text}\n")
        (programs / name).chmod(0o755)

    program("python", f'exec {sys.executable} -I -S "$@"')
    program("installer", 'printf "%s\\n" "$*"; exit "${INSTALLER_FAILS:-0}"')

    def run(choice, index, **environment):
        return subprocess.run(
            ["sh", ROOT / "scripts" / "install_torch.sh", choice, index, "python", "installer", "--quiet"],
            cwd=tmp_path,
            env={"PATH": str(programs), "NVIDIA_DRIVER": str(tmp_path / "driver"), **environment},
            capture_output=True,
            text=True,
            check=False,
        )

    run.program = program
    run.driver = tmp_path / "driver"
    return run


def pinned():
    [line] = [line for line in (ROOT / "constraints.txt").read_text("utf-8").splitlines() if line.startswith("torch==")]
    return line.partition(" ")[0]


@pytest.mark.slow
def test_without_a_device_the_build_without_cuda_is_taken(install, index):
    url, asked = index
    done = install("", url)
    assert done.returncode == 0
    assert done.stdout == f"--quiet --no-deps --index-url {url} {pinned()}\n"
    assert asked == ["/cpu/torch/"]


@pytest.mark.slow
def test_with_a_device_nothing_is_asked_or_installed(install, index):
    url, asked = index
    install.driver.mkdir()
    assert install("", url).stdout == ""
    install.driver.rmdir()
    install.program("nvidia-smi", "exit 0")
    assert install("", url).stdout == ""
    assert asked == []
    # Unless it is said.
    assert pinned() in install("cpu", url).stdout


def test_an_index_that_cannot_be_reached_is_passed_over_silently(install):
    done = install("", NOWHERE)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.slow
def test_an_installation_that_fails_counts_only_where_it_was_wanted(install, index):
    url, _ = index
    assert install("", url, INSTALLER_FAILS="1").returncode == 0
    assert install("cpu", url, INSTALLER_FAILS="1").returncode == 1


@pytest.mark.slow
def test_a_torch_that_is_there_stays(install, index):
    url, asked = index
    install.program("python", "exit 0")
    assert install("", url).stdout == ""
    assert asked == []


@pytest.mark.slow
def test_a_choice_may_be_made_and_a_wrong_one_is_refused(install, index):
    url, asked = index
    assert install("cuda", url).stdout == ""
    assert pinned() in install("cpu", NOWHERE).stdout
    wrong = install("gpu", url)
    assert wrong.returncode == 2
    assert wrong.stderr.startswith("error: TORCH is cpu or cuda, found 'gpu'")
    assert asked == []


@pytest.mark.skipif(shutil.which("make") is None, reason="needs make")
@pytest.mark.parametrize("target", ["demo", "test", "lint"])
def test_make_chooses_torch_before_it_installs_the_rest(tmp_path, target):
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, tmp_path)
    done = subprocess.run(["make", "-n", "TORCH=cpu", target], cwd=tmp_path, capture_output=True, text=True, check=True)
    lines = done.stdout.splitlines()
    [torch] = [number for number, line in enumerate(lines) if "install_torch.sh" in line]
    rest = [number for number, line in enumerate(lines) if "--editable" in line]
    assert "'cpu' 'https://download.pytorch.org/whl/cpu' .venv/bin/python" in lines[torch]
    assert torch < rest[0]
