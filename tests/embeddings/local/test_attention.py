from __future__ import annotations

import numpy as np
import pytest

from rag_pipeline.embeddings import TransformerEmbeddings
from rag_pipeline.embeddings.local import attention


@pytest.mark.slow
@pytest.mark.parametrize("longest", [1024, 8])
def test_text_by_text_is_the_same_attention(bundled_folder, monkeypatch, longest):
    """Against torch's own masked kernel, for lengths on both sides of where the way of computing changes."""
    import torch
    from transformers import AutoModel

    monkeypatch.setattr(attention, "_LONGEST", longest)
    attention.register()
    ids = torch.randint(5, 1000, (3, 20), generator=torch.Generator().manual_seed(1))
    mask = torch.tensor([[1] * 20, [1] * 12 + [0] * 8, [1] * 3 + [0] * 17])
    outputs = []
    for name in ("sdpa", attention.NAME):
        model = AutoModel.from_pretrained(
            bundled_folder, dtype=torch.float32, add_pooling_layer=False, attn_implementation=name
        ).eval()
        with torch.inference_mode():
            outputs.append(model(input_ids=ids, attention_mask=mask).last_hidden_state[mask.bool()].numpy())
    np.testing.assert_allclose(outputs[1], outputs[0], atol=2e-4)


def test_it_is_what_a_bert_on_a_cpu_runs(tiny_checkpoint):
    embeddings = TransformerEmbeddings(tiny_checkpoint, device="cpu")
    assert embeddings.model.config._attn_implementation == attention.NAME
