"""Where a Ray is looked for, and what is said when there is none."""

from __future__ import annotations

import json
import re
import socket
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

from rag_pipeline.config import EngineSettings, load_settings
from rag_pipeline.errors import ServiceError, UsageError
from rag_pipeline.ingestion.ray import cluster as ray_cluster
from tests.conftest import ROOT

pytestmark = pytest.mark.slow


def connect(address):
    with ray_cluster.connected(EngineSettings(kind="ray", address=address)):
        raise AssertionError("there is no Ray")


def test_an_address_where_nothing_listens_is_a_service_that_is_not_there():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        with pytest.raises(ServiceError, match=r"no Ray at 127.0.0.1:\d+: Connection refused; is the cluster up"):
            connect(f"127.0.0.1:{taken.getsockname()[1]}")


def test_what_listens_and_is_no_ray_is_not_waited_for(monkeypatch):
    monkeypatch.setattr(ray_cluster, "_ANSWER_SECONDS", 1.0)
    with socket.create_server(("127.0.0.1", 0)) as other, pytest.raises(ServiceError, match="does not answer as a Ray"):
        connect(f"127.0.0.1:{other.getsockname()[1]}")


@pytest.mark.parametrize("address", ["cluster", "ray://127.0.0.1:10001", ":6379"])
def test_what_is_no_address_is_refused(address):
    with pytest.raises(UsageError, match="expected HOST:PORT of a cluster's head, or auto"):
        connect(address)


def test_without_the_package_the_extra_is_named(monkeypatch):
    for name in [name for name in sys.modules if name.partition(".")[0] == "ray"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(UsageError, match=r"needs the package ray: pip install 'rag-pipeline\[ray\]'"):
        ray_cluster.import_ray(EngineSettings(kind="ray"))


def test_the_cluster_file_is_what_rays_launcher_takes():
    import jsonschema
    import ray.autoscaler

    cluster = yaml.safe_load((ROOT / "examples" / "cluster" / "ray-cluster.yaml").read_text("utf-8"))
    schema = json.loads((Path(ray.autoscaler.__file__).parent / "ray-schema.json").read_text("utf-8"))
    jsonschema.validate(cluster, schema)
    for place in cluster["file_mounts"].values():
        assert (ROOT / place).is_dir()
    extras = set(re.search(r"rag_pipeline\[([a-z0-9,]+)\]", " ".join(cluster["setup_commands"]))[1].split(","))
    assert extras <= set(
        tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["optional-dependencies"]
    )


def test_the_configuration_of_the_cluster_is_one():
    settings = load_settings(ROOT / "examples" / "cluster" / "project" / "config.yaml")
    assert (settings.engine.kind, settings.engine.address) == ("ray", "auto")
    assert str(settings.resolve_folder(settings.collections["reports"].folder[0])) == "s3://my-bucket/reports"


def test_a_ray_of_this_machine_listens_here_only_also_where_ray_was_imported_before(python):
    code = (
        "import ray\n"
        "from rag_pipeline.config import EngineSettings\n"
        "from rag_pipeline.ingestion.ray.cluster import connected\n"
        "with connected(EngineSettings(kind='ray')):\n"
        "    print([node['NodeManagerAddress'] for node in ray.nodes()])\n"
    )
    done = python("-c", code)
    assert done.stdout.strip() == "['127.0.0.1']", done.stderr
