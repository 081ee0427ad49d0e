from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from rag_pipeline.places import RemoteFolder, as_folder, lies_inside, reason, same_place, without_credentials


@pytest.mark.parametrize(
    ("written", "name", "last"),
    [
        ("s3://bucket/docs/", "s3://bucket/docs", "docs"),
        ("s3://bucket", "s3://bucket", "bucket"),
        ("sftp://user:secret@host:22/srv/docs", "sftp://host:22/srv/docs", "docs"),
        ("https://host/docs/?X-Signature=secret", "https://host/docs", "docs"),
        ("s3://bucket/what?", "s3://bucket/what?", "what?"),
        ("zip://in::s3://key:secret@bucket/a.zip", "zip://in::s3://bucket/a.zip", "a.zip"),
    ],
)
def test_a_folder_is_called_by_its_url_without_credentials(written, name, last):
    folder = as_folder(written)
    assert isinstance(folder, RemoteFolder)
    assert (folder.name, str(folder), folder.last_part) == (name, name, last)
    assert "secret" not in repr(folder)
    assert same_place(pickle.loads(pickle.dumps(folder))) == name


@pytest.mark.parametrize(
    ("written", "path"), [("docs", "docs"), ("file:///data/my%20docs", "/data/my docs"), ("C:\\docs", "C:\\docs")]
)
def test_what_is_a_path_stays_one(written, path):
    assert as_folder(written) == Path(path)


def test_inside_is_inside_of_the_same_kind_of_place(tmp_path):
    bucket = as_folder("s3://bucket/docs")
    assert lies_inside(as_folder("s3://bucket/docs/ships/"), bucket)
    assert not lies_inside(as_folder("s3://bucket/docs-old"), bucket)
    assert not lies_inside(bucket, bucket)
    assert not lies_inside(tmp_path, bucket)
    assert lies_inside(tmp_path / "a", tmp_path)


def test_what_a_service_says_is_one_line_without_credentials():
    said = ValueError("GET https://host/a?X-Amz-Credential=secret\n failed for ftp://me:secret@host/ twice")
    assert reason(said) == "GET https://host/a failed for ftp://host/ twice"
    assert reason(TimeoutError()) == "TimeoutError"
    assert without_credentials("a mail to me@host, why? so") == "a mail to me@host, why? so"
