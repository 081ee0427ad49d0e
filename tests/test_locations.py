from __future__ import annotations

import os
import pickle
import socket
from pathlib import Path

import pytest

from rag_pipeline.locations import (
    RemoteFolder,
    as_folder,
    failure_reason,
    lies_inside,
    read_file,
    same_place,
    without_credentials,
)


@pytest.mark.parametrize(
    ("written", "name", "last"),
    [
        ("s3://bucket/docs/", "s3://bucket/docs", "docs"),
        ("s3://bucket", "s3://bucket", "bucket"),
        ("sftp://user:secret@host:22/srv/docs", "sftp://host:22/srv/docs", "docs"),
        ("https://host/docs/?X-Signature=secret", "https://host/docs", "docs"),
        ("s3://bucket/what?", "s3://bucket/what?", "what?"),
        ("zip://in::s3://key:secret@bucket/a.zip", "zip://in::s3://bucket/a.zip", "a.zip"),
        ("http://user:p@secret@host/docs", "http://host/docs", "docs"),
        ("http://user:p?secret@host/docs", "http://host/docs", "docs"),
        ("s3://AK:secret/secret@bucket/a@b", "s3://bucket/a@b", "a@b"),
        ("s3://AK:secret/x@secret@bucket/a", "s3://bucket/a", "a"),
        ("HTTPS://host/docs?X-Signature='a'&b=secret", "HTTPS://host/docs", "docs"),
        ("https://host/docs?mail=me@secret&b=secret", "https://host/docs", "docs"),
        ("abfs://ships@account.dfs.core.windows.net/docs", "abfs://ships@account.dfs.core.windows.net/docs", "docs"),
        ("ABFSS://ships@account/docs?sig=secret", "ABFSS://ships@account/docs", "docs"),
        ("wasbs://user:secret@ships@account/docs", "wasbs://ships@account/docs", "docs"),
        ("abfs://user:secret@account/docs", "abfs://account/docs", "docs"),
        ("github://owner:project@main/docs", "github://owner:project@main/docs", "docs"),
        ("http://host:8080/docs/me@home", "http://host:8080/docs/me@home", "me@home"),
        ("http://[::1]:8080/me@home", "http://[::1]:8080/me@home", "me@home"),
        ("s3://arn:aws:s3:us-west-2:12:accesspoint/a/b@c", "s3://arn:aws:s3:us-west-2:12:accesspoint/a/b@c", "b@c"),
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


def test_two_containers_of_an_account_are_two_folders():
    one, other = (as_folder(f"abfs://{name}@account.dfs.core.windows.net/docs") for name in ("ships", "crews"))
    assert same_place(one) != same_place(other)
    assert not lies_inside(one, other)


def test_inside_is_inside_of_the_same_kind_of_place(tmp_path):
    bucket = as_folder("s3://bucket/docs")
    assert lies_inside(as_folder("s3://bucket/docs/ships/"), bucket)
    assert not lies_inside(as_folder("s3://bucket/docs-old"), bucket)
    assert not lies_inside(bucket, bucket)
    assert not lies_inside(tmp_path, bucket)
    assert lies_inside(tmp_path / "a", tmp_path)


def test_what_a_service_says_is_one_line_without_credentials():
    said = ValueError("GET https://host/a?X-Amz-Credential=secret\n failed for ftp://me:secret@host/ twice")
    assert failure_reason(said) == "GET https://host/a failed for ftp://host/ twice"
    quoted = ValueError("cannot connect to URL('https://me:p@secret@host/a?sig=secret'), try again")
    assert failure_reason(quoted) == "cannot connect to URL('https://host/a'), try again"
    assert failure_reason(TimeoutError()) == "TimeoutError"
    assert without_credentials("a mail to me@host, why? so") == "a mail to me@host, why? so"


def test_a_file_is_read_as_far_as_its_limit(tmp_path):
    file = tmp_path / "a.md"
    file.write_bytes(b"1234")
    assert read_file(file, 4) == b"1234"
    with pytest.raises(OSError, match="it has more than 3e-06 MB, the limit of reading.max_file_mb"):
        read_file(file, 3, "reading.max_file_mb")


@pytest.mark.parametrize("kind", ["pipe", "endless", "folder", "socket", "link to a pipe"])
def test_what_is_no_regular_file_is_neither_waited_for_nor_read(tmp_path, kind):
    place = tmp_path / "a.md"
    if kind == "pipe":
        os.mkfifo(place)
    elif kind == "endless":
        place.symlink_to("/dev/zero")
    elif kind == "folder":
        place.mkdir()
    elif kind == "socket":
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind(os.path.relpath(place))
    else:
        os.mkfifo(tmp_path / "pipe")
        place.symlink_to(tmp_path / "pipe")
    with pytest.raises(OSError, match=r"not a regular file|No such device"):
        read_file(place, 100)


def test_a_file_that_is_not_there_is_told_apart(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_file(tmp_path / "a.md", 100)


def test_a_home_of_nobody_is_a_name_like_others(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert as_folder("~/docs") == tmp_path / "docs"
    assert as_folder("~nobody-of-that-name/docs") == Path("~nobody-of-that-name/docs")
    assert as_folder(Path("~nobody-of-that-name")) == Path("~nobody-of-that-name")
