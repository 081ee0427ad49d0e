"""What is not computed is refused by name, and provider huggingface takes what sentence-transformers can."""

from __future__ import annotations

import json
import shutil

import pytest
import torch
import transformers
from sentence_transformers import SentenceTransformer
from sentence_transformers.base.modules import Dense, Router, Transformer
from sentence_transformers.sentence_transformer.modules import LSTM, BoW, Pooling, StaticEmbedding
from tokenizers import Tokenizer

from rag_pipeline import TransformerEmbeddings
from rag_pipeline.embeddings.local.huggingface import StockHuggingFaceEmbeddings
from rag_pipeline.errors import CheckpointError, EmbeddingError
from tests.embeddings.local.checkpoints import HIDDEN, cosines, dense, edit, saved, with_modules

TEXTS = ["최대 흘수 12.04", "a ship", "the pilot boards: 012345"]


def static(tiny):
    return [StaticEmbedding(Tokenizer.from_file(str(tiny / "tokenizer.json")), embedding_dim=16)]


def words(_tiny):
    return [BoW(vocab=["a", "ship", "pilot"])]


def router_after(tiny):
    routes = {"query": [Dense(HIDDEN, 8)], "document": [Dense(HIDDEN, 8)]}
    return [
        Transformer(str(tiny)), Pooling(HIDDEN), Router(routes, default_route="document")
    ]  # fmt: skip


def router_first(tiny):
    tower = [Transformer(str(tiny)), Pooling(HIDDEN), Dense(HIDDEN, 16)]
    return [Router({"query": static(tiny), "document": tower}, default_route="document")]


OTHER_MODULES = {
    "StaticEmbedding": static, "BoW": words, "Router": router_after, "Router, first": router_first
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("kind", OTHER_MODULES)
def test_a_module_that_is_refused_is_computed_by_provider_huggingface(kind, tiny_checkpoint, tmp_path):
    torch.manual_seed(3)
    theirs = SentenceTransformer(modules=OTHER_MODULES[kind](tiny_checkpoint), device="cpu")
    theirs.save(str(tmp_path / "model"))
    with pytest.raises(CheckpointError, match=f"has the module {kind.split(',')[0]} .*use provider: huggingface"):
        TransformerEmbeddings(tmp_path / "model")
    ours = StockHuggingFaceEmbeddings(tmp_path / "model", device="cpu")
    documents = theirs.encode_document(TEXTS)
    assert min(cosines(ours.embed_documents(TEXTS)[1:], documents[1:])) > 0.9999
    assert cosines([ours.embed_query("a ship")], theirs.encode_query(["a ship"]))[0] > 0.9999
    assert ours.identity.dimension == documents.shape[1]
    assert len(ours.count_document_tokens(TEXTS)) == len(TEXTS)


def test_the_identity_of_a_model_without_a_transformer_holds_all_its_files(tiny_checkpoint, tmp_path):
    SentenceTransformer(modules=words(tiny_checkpoint), device="cpu").save(str(tmp_path / "model"))
    before = StockHuggingFaceEmbeddings(tmp_path / "model").identity.revision
    edit(tmp_path / "model" / "0_BoW" / "config.json", vocab=["a", "ship", "boat"])
    assert StockHuggingFaceEmbeddings(tmp_path / "model").identity.revision != before


def test_a_module_that_fails_is_an_error_of_ours(tiny_checkpoint, tmp_path):
    modules = [Transformer(str(tiny_checkpoint)), LSTM(HIDDEN, 16), Pooling(HIDDEN)]
    SentenceTransformer(modules=modules, device="cpu").save(str(tmp_path / "model"))
    with pytest.raises(EmbeddingError, match="model model fails on its texts: KeyError: 'sentence_lengths'"):
        StockHuggingFaceEmbeddings(tmp_path / "model", device="cpu").embed_documents(TEXTS)


@pytest.mark.parametrize(
    "settings",
    [
        {"query_length": 6},
        {"document_length": 6},
        {"processing_kwargs": {"text": {"add_special_tokens": False}}},
        {"query_expansion": {"strategy": "fixed", "length": 16}},
        {"tokenizer_name_or_path": "elsewhere"},
        {"a_setting_of_tomorrow": 1},
    ],
)
def test_a_setting_of_the_transformer_that_is_not_followed_is_refused(settings, tiny_checkpoint, tmp_path):
    folder = with_modules(tiny_checkpoint, tmp_path / "model")
    edit(folder / "sentence_bert_config.json", **settings)
    with pytest.raises(CheckpointError, match=f"sets {next(iter(settings))} for its transformer"):
        TransformerEmbeddings(folder)


def test_limits_by_task_are_kept_to_by_provider_huggingface(tiny_checkpoint, tmp_path):
    folder = with_modules(tiny_checkpoint, tmp_path / "model")
    edit(folder / "sentence_bert_config.json", query_length=6)
    ours = StockHuggingFaceEmbeddings(folder, device="cpu")
    assert cosines([ours.embed_query("a ship of 12")], [ours.embed_query("a shore")])[0] > 0.9999
    assert cosines(ours.embed_documents(["a ship of 12"]), ours.embed_documents(["a shore"]))[0] < 0.9999


def test_a_chat_template_and_an_unknown_way_of_pooling_are_refused(tiny_checkpoint, tmp_path):
    folder = with_modules(tiny_checkpoint, tmp_path / "model")
    plain = {"method": "forward", "method_output_name": "last_hidden_state"}
    edit(folder / "sentence_bert_config.json", modality_config={"text": plain, "message": plain})
    with pytest.raises(CheckpointError, match="takes messages of a chat template"):
        TransformerEmbeddings(folder)
    folder = with_modules(tiny_checkpoint, tmp_path / "pooling", pooling={"pooling_mode_median_tokens": True})
    with pytest.raises(CheckpointError, match="trained with pooling_mode_median_tokens pooling"):
        TransformerEmbeddings(folder)


@pytest.mark.parametrize("embeddings", [TransformerEmbeddings, StockHuggingFaceEmbeddings])
@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"auto_map": {"AutoModel": "owner/code--modeling.JinaBertModel"}}, r"code of its own \(owner/code.*never run"),
        ({"position_embedding_type": "relative_key"}, "position_embedding_type relative_key, which transformers 5"),
    ],
)
def test_an_architecture_that_transformers_would_run_otherwise_is_refused(changes, reason, embeddings, tiny_copy):
    edit(tiny_copy / "config.json", **changes)
    with pytest.raises(CheckpointError, match=f"cannot be used: .*{reason}"):
        embeddings(tiny_copy, device="cpu").load()


def test_code_for_an_architecture_that_is_unknown_is_named(tiny_copy):
    edit(tiny_copy / "config.json", model_type="new", auto_map={"AutoModel": "modeling.NewModel"})
    with pytest.raises(CheckpointError, match=r"needs code of its own \(modeling\.NewModel\)"):
        TransformerEmbeddings(tiny_copy).load()
    with pytest.raises(CheckpointError, match="cannot be loaded by sentence-transformers: ValueError"):
        StockHuggingFaceEmbeddings(tiny_copy, device="cpu").load()


def test_code_that_transformers_has_by_the_same_name_is_not_needed(tiny_copy):
    edit(tiny_copy / "config.json", auto_map={"AutoModel": "modeling_bert.BertModel"})
    TransformerEmbeddings(tiny_copy).load()


def test_weights_of_other_sizes_are_named(tiny_copy):
    edit(tiny_copy / "config.json", vocab_size=81)
    with pytest.raises(CheckpointError, match=r"weights embeddings\.word_embeddings\.weight do not fit the sizes"):
        TransformerEmbeddings(tiny_copy).load()


@pytest.mark.slow
def test_types_of_tokens_are_refused_where_the_model_is_handed_them(tiny_copy):
    content = json.loads((tiny_copy / "tokenizer.json").read_text("utf-8"))
    content["post_processor"]["single"][0]["SpecialToken"]["type_id"] = 1
    (tiny_copy / "tokenizer.json").write_text(json.dumps(content, ensure_ascii=False), "utf-8")
    TransformerEmbeddings(tiny_copy).load()
    edit(tiny_copy / "tokenizer_config.json", model_input_names=["input_ids", "token_type_ids", "attention_mask"])
    with pytest.raises(CheckpointError, match="marks tokens by type .*use provider: huggingface"):
        TransformerEmbeddings(tiny_copy).load()


@pytest.mark.slow
def test_vectors_of_another_length_than_the_files_say_are_refused(tiny_checkpoint, tmp_path):
    torch.manual_seed(5)
    options = {"hidden_size": 32, "num_attention_heads": 2, "attention_head_size": 16, "feed_forward_size": 64,
               "attn_layers": ["local", "local"], "local_attn_chunk_length": 8, "axial_pos_embds": False,
               "is_decoder": False}  # fmt: skip
    model = transformers.ReformerModel(transformers.ReformerConfig(vocab_size=80, **options))
    folder = saved(model, tiny_checkpoint, tmp_path / "reformer")
    with pytest.raises(EmbeddingError, match="gives vectors of 64 and not of 32"):
        TransformerEmbeddings(folder).embed_query("a ship")


@pytest.mark.parametrize("activation", [None, "torch.nn.modules.linear.Linear"])
def test_what_is_no_activation_is_named(activation, tiny_checkpoint, tmp_path):
    folder = with_modules(tiny_checkpoint, tmp_path / "model", dense(HIDDEN, 8, activation))
    with pytest.raises(CheckpointError, match="is no activation|is none of torch's"):
        TransformerEmbeddings(folder).load()


M2M100 = {"d_model": 32, "encoder_layers": 2, "decoder_layers": 2, "encoder_attention_heads": 4, "pad_token_id": 0,
          "encoder_ffn_dim": 64, "max_position_embeddings": 64, "init_std": 0.5}  # fmt: skip


@pytest.mark.slow
def test_an_encoder_saved_alone_is_computed_and_one_with_its_decoder_is_refused(tiny_checkpoint, tmp_path):
    torch.manual_seed(5)
    model = transformers.M2M100Model(transformers.M2M100Config(vocab_size=80, **M2M100))
    folder = saved(model, tiny_checkpoint, tmp_path / "both")
    with pytest.raises(CheckpointError, match="only an encoder saved alone is read"):
        TransformerEmbeddings(folder).load()
    alone = shutil.copytree(folder, tmp_path / "alone")
    (alone / "model.safetensors").unlink()
    model.get_encoder().save_pretrained(alone)
    ours = TransformerEmbeddings(alone, dtype="float32", device="cpu")
    theirs = SentenceTransformer(str(alone), device="cpu", model_kwargs={"dtype": torch.float32})
    assert min(cosines(ours.embed_documents(TEXTS), theirs.encode_document(TEXTS))) > 0.9999
