from __future__ import annotations

import pytest

from rag_pipeline.embeddings.local.weights import can_convert, holds_only, read_converted


@pytest.mark.parametrize("piece", [16 * 2**20, 64])
def test_tensors_are_those_of_the_file_in_the_other_format(tiny_checkpoint, monkeypatch, piece):
    import torch
    from safetensors.torch import load_file

    from rag_pipeline.embeddings.local import weights

    monkeypatch.setattr(weights, "_CHUNK_BYTES", piece)
    file = tiny_checkpoint / "model.safetensors"
    assert holds_only([file], torch.float32)
    assert not holds_only([file], torch.bfloat16)
    assert can_convert([file])
    ours, plain = read_converted([file], torch.bfloat16), load_file(file)
    assert ours.keys() == plain.keys()
    for name, tensor in plain.items():
        assert torch.equal(ours[name], tensor.to(torch.bfloat16)), name


def test_a_model_is_the_same_whether_its_weights_were_converted_or_mapped(tiny_checkpoint, tmp_path):
    """float16 weights run in float32 (converted) and the same numbers stored as float32 (mapped)."""
    import shutil

    import numpy as np
    from safetensors.numpy import load_file, save_file

    from rag_pipeline.embeddings import TransformerEmbeddings

    folders = {}
    tensors = {name: t.astype(np.float16) for name, t in load_file(tiny_checkpoint / "model.safetensors").items()}
    for kind in (np.float16, np.float32):
        folders[kind] = shutil.copytree(tiny_checkpoint, tmp_path / kind.__name__)
        stored = {name: tensor.astype(kind) for name, tensor in tensors.items()}
        save_file(stored, folders[kind] / "model.safetensors", metadata={"format": "pt"})
    vectors = [TransformerEmbeddings(folder, dtype="float32").embed_query("선박 흘수") for folder in folders.values()]
    np.testing.assert_array_equal(vectors[0], vectors[1])
