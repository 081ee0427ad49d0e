"""ingest --engine: what the command line says and shows."""

from __future__ import annotations

import json
import socket

import pytest

pytestmark = pytest.mark.slow


@pytest.mark.slow
def test_the_engine_of_ray_shows_only_what_the_local_one_shows(project, python):
    # RAY_ADDRESS is not a wish of this command.
    strange = {"RAY_ADDRESS": "192.0.2.1:6379"}
    done = python(
        "-m", "rag_pipeline", "ingest", "--engine", "ray", "--workers", "1", "--json", cwd=project, env=strange
    )
    assert (done.returncode, done.stderr) == (0, "")
    report = json.loads(done.stdout)
    assert (report["files"]["new"], report["chunks"]["total"]) == (3, 5)
    again = python("-m", "rag_pipeline", "ingest", "--engine", "ray", cwd=project, env=strange)
    assert again.stdout.startswith("docs: 0 new, 0 updated, 3 unchanged"), again.stderr


def test_a_cluster_that_is_not_there_ends_in_one_line(project, python):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        done = python("-m", "rag_pipeline", "ingest", "--engine", "ray", "--address", address, cwd=project)
    assert done.returncode == 4
    assert done.stderr.startswith(f"error: no Ray at {address}: Connection refused")
    assert done.stderr.count("\n") == 1


def test_options_of_ray_without_ray_are_refused(project, python):
    done = python("-m", "rag_pipeline", "ingest", "--workers", "3", cwd=project)
    assert (done.returncode, done.stderr) == (2, "error: --address and --workers go with --engine ray\n")
    (project / "config.yaml").write_text("engine: {kind: spark}")
    done = python("-m", "rag_pipeline", "ingest", cwd=project)
    assert done.returncode == 2
    assert "engine.kind: found 'spark'; allowed: 'local' or 'ray'" in done.stderr


def test_watching_a_folder_behind_a_url_is_refused(project, python):
    done = python("-m", "rag_pipeline", "ingest", "s3://bucket/docs", "--collection", "docs", "--watch", cwd=project)
    assert done.returncode == 2
    assert "--watch is for folders of this machine; for s3://bucket/docs" in done.stderr


def test_a_url_is_an_argument_like_a_folder(project, python):
    done = python("-m", "rag_pipeline", "ingest", "s3://bucket/docs", cwd=project)
    assert done.returncode == 2
    assert done.stderr == "error: folder s3://bucket/docs: s3:// needs a package that is missing: pip install s3fs\n"
