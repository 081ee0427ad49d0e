"""A checkpoint is used as its files say, held against sentence-transformers on the same folder."""

from __future__ import annotations

import importlib.util
import json
import shutil

import numpy as np
import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file

from rag_pipeline import TransformerEmbeddings
from rag_pipeline.embeddings.local.huggingface import StockHuggingFaceEmbeddings
from rag_pipeline.embeddings.local.tokenizing import _CLASS_BY_MODEL
from rag_pipeline.errors import CheckpointError, EmbeddingError
from tests.embeddings.local.checkpoints import HIDDEN, cosines, dense, edit, saved, with_modules

TEXTS = ["최대 흘수 12.04", "a ship", "선박 하가나다라마바사", "b", "the pilot boards: 012345"]
SMALL = {"hidden_size": HIDDEN, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64}
RANDOM = {"initializer_range": 0.5}
FLAGS = {f"pooling_mode_{name}": False for name in ("cls_token", "mean_tokens", "max_tokens", "mean_sqrt_len_tokens")}


def check_as_trained(folder, texts=TEXTS):
    """Hold vectors of documents and questions against those of sentence-transformers; the embeddings."""
    from sentence_transformers import SentenceTransformer

    ours = TransformerEmbeddings(folder, dtype="float32", device="cpu")
    theirs = SentenceTransformer(str(folder), device="cpu", model_kwargs={"dtype": torch.float32})
    assert min(cosines(ours.embed_documents(texts), theirs.encode_document(texts))) > 0.9999
    assert min(cosines(ours.embed_queries(texts), theirs.encode_query(texts))) > 0.9999
    assert ours.identity.dimension == len(ours.embed_query("a ship"))
    return ours


MODULES = {
    "dense": [dense(HIDDEN, 48), dense(48, 16, "torch.nn.modules.linear.Identity")],
    "dense without bias": [dense(HIDDEN, 8, bias=False)],
    "dense with a residual": [dense(HIDDEN, HIDDEN, use_residual=True)],
    "layer norm": [("LayerNorm", {"dimension": HIDDEN})],
    "normalize": [("Normalize", {})],
    "normalize between": [("Normalize", {}), dense(HIDDEN, 24), ("Normalize", {})],
    "dropout": [("Dropout", {"dropout": 0.5}), dense(HIDDEN, 24)],
}


@pytest.mark.parametrize("modules", MODULES.values(), ids=MODULES)
def test_modules_after_the_pooling_are_computed(tiny_checkpoint, tmp_path, modules):
    check_as_trained(with_modules(tiny_checkpoint, tmp_path / "model", *modules))


POOLING = {
    **{mode: {"pooling_mode": mode} for mode in ("cls", "max", "mean_sqrt_len_tokens", "weightedmean", "lasttoken")},
    "a list": {"pooling_mode": ["mean", "max"], "include_prompt": True},
    "a list in another order": {"pooling_mode": ["max", "cls", "mean"]},
    "flags": {**FLAGS, "pooling_mode_mean_tokens": True, "pooling_mode_max_tokens": True},
    "flags, the first token too": {**FLAGS, "pooling_mode_cls_token": True, "pooling_mode_mean_tokens": True},
    "no flag on": FLAGS,
}


@pytest.mark.parametrize("pooling", POOLING.values(), ids=POOLING)
def test_every_way_of_pooling_in_both_spellings_is_computed(tiny_checkpoint, tmp_path, pooling):
    check_as_trained(with_modules(tiny_checkpoint, tmp_path / "model", pooling=pooling))


def test_several_ways_of_pooling_feed_a_dense_module(tiny_checkpoint, tmp_path):
    pooling = {"pooling_mode": ["cls", "mean"]}
    folder = with_modules(tiny_checkpoint, tmp_path / "model", dense(2 * HIDDEN, 16), pooling=pooling)
    assert check_as_trained(folder).identity.pooling == "cls+mean"
    with (
        pytest.warns(UserWarning, match=r"trained with cls\+mean"),
        pytest.raises(CheckpointError, match="set pooling: auto"),
    ):
        TransformerEmbeddings(folder, pooling="mean")


def test_prompts_of_the_checkpoint_are_used_and_another_is_warned_of(tiny_checkpoint, tmp_path):
    folder = with_modules(tiny_checkpoint, tmp_path / "model")
    edit(folder / "config_sentence_transformers.json", prompts={"query": "ab: ", "document": "cd: "})
    ours = check_as_trained(folder)
    assert (ours.identity.query_prompt, ours.identity.document_prompt) == ("ab: ", "cd: ")
    assert ours.count_document_tokens(["a"]) == [7]
    with pytest.warns(UserWarning, match="was trained with query_prompt 'ab: '.*is used with ''"):
        assert TransformerEmbeddings(folder, query_prompt="").identity.query_prompt == ""
    assert TransformerEmbeddings(folder, query_prompt="ab: ").identity == ours.identity


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ({"prompts": {"query": "q: ", "passage": "p: "}}, ("q: ", "p: ")),
        ({"prompts": {"query": "", "document": "", "passage": "p: "}}, ("", "p: ")),
        ({"prompts": {"r": "r: "}, "default_prompt_name": "r"}, ("r: ", "r: ")),
        ({"prompts": {"query": "", "document": "", "r": "r: "}, "default_prompt_name": "r"}, ("r: ", "r: ")),
        ({"prompts": {"query": "q: "}, "default_prompt_name": "query"}, ("q: ", "")),
        ({"prompts": {"r": "r: "}}, ("", "")),
        ({}, ("", "")),
    ],
)
def test_which_prompt_goes_where(tiny_checkpoint, tmp_path, content, expected):
    folder = with_modules(tiny_checkpoint, tmp_path / "model")
    edit(folder / "config_sentence_transformers.json", **content)
    identity = TransformerEmbeddings(folder).identity
    assert (identity.query_prompt, identity.document_prompt) == expected
    assert StockHuggingFaceEmbeddings(folder).identity.query_prompt == expected[0]


def test_a_default_prompt_that_is_not_there_is_named(tiny_checkpoint, tmp_path):
    folder = with_modules(tiny_checkpoint, tmp_path / "model")
    edit(folder / "config_sentence_transformers.json", prompts={"a": "x"}, default_prompt_name="b")
    with pytest.raises(CheckpointError, match="default_prompt_name 'b' is none of the prompts"):
        TransformerEmbeddings(folder)


@pytest.mark.parametrize("named", [True, False], ids=["a named end", "an end without a name"])
@pytest.mark.parametrize("mode", ["mean", "cls", "max", "weightedmean", "lasttoken", "mean_sqrt_len_tokens"])
def test_a_prompt_may_be_left_out_of_the_pooling(tiny_checkpoint, tmp_path, mode, named):
    pooling = {"pooling_mode": mode, "include_prompt": False}
    folder = with_modules(tiny_checkpoint, tmp_path / "model", pooling=pooling)
    edit(folder / "config_sentence_transformers.json", prompts={"query": "ab: ", "document": "cd: "})
    if named:
        edit(folder / "tokenizer_config.json", sep_token="[SEP]")
    check_as_trained(folder, ["최대 흘수", "b"])


def test_a_limit_of_the_whole_checkpoint_goes_before_the_tokenizers(tiny_checkpoint, tmp_path):
    folder = with_modules(tiny_checkpoint, tmp_path / "model")
    edit(folder / "tokenizer_config.json", model_max_length=8)
    edit(folder / "sentence_bert_config.json", max_seq_length=16)
    with pytest.warns(UserWarning, match="cut at the 16 tokens"):
        assert check_as_trained(folder).max_tokens == 16


@pytest.mark.parametrize(
    "settings",
    [{"tokenizer_args": {"model_max_length": 6}}, {"max_seq_length": 32, "processor_kwargs": {"model_max_length": 6}}],
)
def test_a_limit_that_is_handed_to_the_tokenizer_goes_before_any_other(settings, tiny_checkpoint, tmp_path):
    folder = with_modules(tiny_checkpoint, tmp_path / "model")
    edit(folder / "sentence_bert_config.json", **settings)
    with pytest.warns(UserWarning, match="cut at the 6 tokens"):
        assert check_as_trained(folder).max_tokens == 6


def test_lower_case_is_kept_to_wherever_it_is_asked_for(tiny_checkpoint, tmp_path):
    folder = with_modules(tiny_checkpoint, tmp_path / "model")
    edit(folder / "sentence_bert_config.json", do_lower_case=True)
    ours = check_as_trained(folder, ["A SHIP", "A ship"])
    assert ours.embed_query("A SHIP") == ours.embed_query("a ship")


def test_a_transformer_in_a_folder_of_its_own(tiny_checkpoint, tmp_path):
    folder = with_modules(tiny_checkpoint, tmp_path / "model", dense(HIDDEN, 8))
    (folder / "0_Transformer").mkdir()
    for file in [*folder.glob("*token*"), folder / "config.json", folder / "model.safetensors"]:
        file.rename(folder / "0_Transformer" / file.name)
    entries = json.loads((folder / "modules.json").read_text())
    entries[0]["path"] = "0_Transformer"
    (folder / "modules.json").write_text(json.dumps(entries))
    check_as_trained(folder)


@pytest.mark.parametrize(
    ("kind", "config", "reason"),
    [
        ("sentence_transformers.models.CNN", {}, r"has the module CNN \(2_X\).*use provider: huggingface"),
        ("sentence_transformers.models.LSTM", {}, r"has the module LSTM \(2_X\).*use provider: huggingface"),
        ("sentence_transformers.models.Pooling", {}, r"has the module Pooling \(2_X\)"),
        ("custom_st.Transformer", {}, "custom_st.Transformer, code of its own, which is never run"),
        ("sentence_transformers.models.Dense", {"out_features": 4}, "2_X/model.safetensors is missing"),
        ("sentence_transformers.models.Dense", {"module_input_name": "token_embeddings"}, "module Dense"),
        ("sentence_transformers.models.LayerNorm", {}, "names no dimension"),
    ],
)
def test_what_is_not_computed_is_refused_by_name(tiny_checkpoint, tmp_path, kind, config, reason):
    folder = with_modules(tiny_checkpoint, tmp_path / "model")
    entries = json.loads((folder / "modules.json").read_text())
    entries.append({"idx": 2, "name": "2", "path": "2_X", "type": kind})
    (folder / "modules.json").write_text(json.dumps(entries))
    edit(folder / "2_X" / "config.json", **config)
    with pytest.raises(CheckpointError, match=reason):
        TransformerEmbeddings(folder)


@pytest.mark.parametrize(
    ("file", "content", "reason"),
    [
        ("config_sentence_transformers.json", {"model_type": "SparseEncoder"}, "it gives sparse vectors"),
        ("config_sentence_transformers.json", {"model_type": "CrossEncoder"}, "the score of a pair of texts"),
        ("config_sentence_transformers.json", {"prompts": ["a"]}, "prompts should be texts by name"),
        ("sentence_bert_config.json", {"transformer_task": "fill-mask"}, "the output for fill-mask of its transformer"),
        (
            "sentence_bert_config.json",
            {"modality_config": {"text": {"method": "get_text_features", "method_output_name": None}}},
            "the result of get_text_features",
        ),
    ],
)
def test_a_model_of_another_kind_is_refused_by_name(tiny_checkpoint, tmp_path, file, content, reason):
    folder = with_modules(tiny_checkpoint, tmp_path / "model")
    edit(folder / file, **content)
    with pytest.raises(CheckpointError, match=reason):
        TransformerEmbeddings(folder)


@pytest.mark.parametrize("path", ["../elsewhere", "/etc"])
def test_a_module_outside_of_the_folder_is_refused(tiny_checkpoint, tmp_path, path):
    folder = with_modules(tiny_checkpoint, tmp_path / "model")
    entries = [{"idx": 0, "path": path, "type": "sentence_transformers.models.Transformer"}]
    (folder / "modules.json").write_text(json.dumps(entries))
    with pytest.raises(CheckpointError, match="leaves the folder"):
        TransformerEmbeddings(folder)


def test_an_activation_that_is_not_torchs_is_not_run(tiny_checkpoint, tmp_path):
    folder = with_modules(tiny_checkpoint, tmp_path / "model", dense(HIDDEN, 8, "os.system"))
    with pytest.raises(CheckpointError, match=r"activation os\.system is none of torch's"):
        TransformerEmbeddings(folder).load()


def small(kind, **options):
    """A model of an architecture, with the vocabulary of the tiny checkpoint."""
    config = getattr(transformers, f"{kind}Config")(vocab_size=80, **options)
    torch.manual_seed(5)
    for name in (f"{kind}EncoderModel", f"{kind}Model"):
        if hasattr(transformers, name):
            return getattr(transformers, name)(config)
    raise AssertionError(kind)


T5 = {"d_model": HIDDEN, "d_kv": 8, "d_ff": 64, "num_layers": 2, "num_heads": 4}
GROUPED = {"num_key_value_heads": 2, "head_dim": 8, "max_position_embeddings": 64, "pad_token_id": 0}
OFFSET = {"max_position_embeddings": 34, "pad_token_id": 0}
# By their own code some attend eagerly only, some see what came before only, some read positions from pad + 1 on.
ARCHITECTURES = {
    "Albert": {**SMALL, **RANDOM, "embedding_size": 16},
    "BigBird": {**SMALL, **RANDOM, "attention_type": "original_full"},
    "DebertaV2": {
        **SMALL,
        **RANDOM,
        "relative_attention": True,
        "position_buckets": 16,
        "pos_att_type": ["p2c", "c2p"],
    },
    "Deberta": {**SMALL, **RANDOM, "relative_attention": True, "pos_att_type": ["p2c", "c2p"]},
    "DistilBert": {"dim": HIDDEN, "n_layers": 2, "n_heads": 4, "hidden_dim": 64, **RANDOM},
    "Electra": {**SMALL, **RANDOM, "embedding_size": 16},
    "GPT2": {"n_positions": 64, "n_embd": HIDDEN, "n_layer": 2, "n_head": 4, **RANDOM},
    "Longformer": {**SMALL, **RANDOM, **OFFSET, "attention_window": 8, "type_vocab_size": 1},
    "MPNet": {**SMALL, **RANDOM, **OFFSET},
    "MT5": T5,
    "ModernBert": {**SMALL, **RANDOM, "local_attention": 8, "pad_token_id": 0},
    # transformers takes a tokenizer of its own choice, whatever the files name.
    "Qwen2": {**SMALL, **RANDOM, **GROUPED},
    "Qwen3": {**SMALL, **RANDOM, **GROUPED},
    "RemBert": {**SMALL, **RANDOM},
    "Roberta": {**SMALL, **RANDOM, **OFFSET},
    "T5": T5,
    "XLM": {"emb_dim": HIDDEN, "n_layers": 2, "n_heads": 4, "pad_index": 0},
    "XLMRoberta": {**SMALL, **RANDOM, **OFFSET},
    "XLNet": {"d_model": HIDDEN, "n_layer": 2, "n_head": 4, "d_inner": 64, **RANDOM},
}


@pytest.mark.parametrize("kind", ARCHITECTURES)
def test_an_architecture_gives_the_vectors_that_sentence_transformers_gives(kind, tiny_checkpoint, tmp_path):
    options = ARCHITECTURES[kind]
    folder = saved(small(kind, **options), tiny_checkpoint, tmp_path / kind)
    check_as_trained(folder, TEXTS)


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("Deberta", ARCHITECTURES["Deberta"]),
        ("XLNet", ARCHITECTURES["XLNet"]),
        ("FNet", {key: value for key, value in {**SMALL, **RANDOM}.items() if key != "num_attention_heads"}),
    ],
)
def test_a_model_that_runs_in_float32_only_does_so_where_the_format_is_left_open(
    kind, options, tiny_checkpoint, tmp_path, monkeypatch
):
    folder = saved(small(kind, **options), tiny_checkpoint, tmp_path / kind)
    expected = TransformerEmbeddings(folder, dtype="float32", device="cpu").embed_documents(TEXTS)
    monkeypatch.setattr("rag_pipeline.embeddings.local.hardware.cpu_has_bfloat16", lambda: True)
    found = TransformerEmbeddings(folder, device="cpu").embed_documents(TEXTS)
    assert min(cosines(found, expected)) > 0.9999


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "options"),
    [("ConvBert", {"embedding_size": HIDDEN}), ("FNet", {"num_attention_heads": None}), ("Nystromformer", {})],
)
def test_a_model_that_mixes_padding_in_gets_each_text_alone(kind, options, tiny_checkpoint, tmp_path):
    """Its vectors depend on what else is in the batch with sentence-transformers; alone there is one right vector."""
    options = {key: value for key, value in {**SMALL, **RANDOM, **options}.items() if value is not None}
    folder = saved(small(kind, **options), tiny_checkpoint, tmp_path / kind)
    from sentence_transformers import SentenceTransformer

    theirs = SentenceTransformer(str(folder), device="cpu")
    alone = np.array([theirs.encode(text) for text in TEXTS])
    ours = TransformerEmbeddings(folder, dtype="float32", device="cpu")
    assert min(cosines(ours.embed_documents(TEXTS), alone)) > 0.9999
    assert [len(vectors) for vectors in ours.document_token_vectors(TEXTS)] == ours.count_document_tokens(TEXTS)


def test_a_decoder_sees_what_came_before_only(tiny_checkpoint, tmp_path):
    folder = shutil.copytree(tiny_checkpoint, tmp_path / "model")
    edit(folder / "config.json", is_decoder=True)
    ours = check_as_trained(folder)
    apart = TransformerEmbeddings(tiny_checkpoint, dtype="float32", device="cpu").embed_documents(TEXTS)
    assert max(cosines(ours.embed_documents(TEXTS), apart)) < 0.999


def test_a_full_t5_gives_the_vectors_of_its_encoder(tiny_checkpoint, tmp_path):
    torch.manual_seed(5)
    model = transformers.T5ForConditionalGeneration(
        transformers.T5Config(vocab_size=80, decoder_start_token_id=0, **T5)
    )
    check_as_trained(saved(model, tiny_checkpoint, tmp_path / "t5"))


def test_an_encoder_of_the_gemma_kind_of_t5_is_taken_alone(tiny_checkpoint, tmp_path):
    torch.manual_seed(5)
    half = {"vocab_size": 80, **SMALL, "num_key_value_heads": 2, "head_dim": 8, "max_position_embeddings": 64}
    model = transformers.T5GemmaModel(transformers.T5GemmaConfig(encoder=half, decoder=half, vocab_size=80))
    check_as_trained(saved(model, tiny_checkpoint, tmp_path / "t5gemma"))


@pytest.mark.parametrize(("more", "pooling"), [({}, "lasttoken"), ({"is_causal": False}, "mean")])
def test_a_language_model_without_modules_gives_its_last_token(more, pooling, tiny_checkpoint, tmp_path):
    torch.manual_seed(5)
    config = transformers.Qwen3Config(vocab_size=80, **SMALL, **RANDOM, **GROUPED, **more)
    folder = saved(transformers.Qwen3ForCausalLM(config), tiny_checkpoint, tmp_path / "qwen")
    assert check_as_trained(folder).identity.pooling == pooling


TOKENIZERS = {
    "a class that puts special tokens": {"tokenizer_class": "BertTokenizer", "do_lower_case": True},
    "another casing than tokenizer.json": {"tokenizer_class": "BertTokenizer", "do_lower_case": False},
}


@pytest.mark.parametrize("settings", TOKENIZERS.values(), ids=TOKENIZERS)
def test_a_tokenizer_is_set_up_as_transformers_sets_it_up(settings, tiny_checkpoint, tmp_path):
    folder = tmp_path / "bert"
    shutil.copytree(tiny_checkpoint, folder)
    content = json.loads((folder / "tokenizer.json").read_text("utf-8"))
    vocabulary = content["model"]["vocab"]
    if "tokenizer_class" in settings:
        content["model"] = {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
                            "max_input_chars_per_word": 100, "vocab": vocabulary}  # fmt: skip
        content |= {"post_processor": None, "pre_tokenizer": {"type": "BertPreTokenizer"}}
        (folder / "tokenizer.json").write_text(json.dumps(content, ensure_ascii=False), "utf-8")
    edit(folder / "tokenizer_config.json", cls_token="[CLS]", sep_token="[SEP]", unk_token="[UNK]", **settings)
    check_as_trained(folder, ["a", "A b", "배", "x y z 하 1"])


def test_the_models_with_a_tokenizer_of_transformers_choice_are_known():
    from transformers.models.auto import tokenization_auto as auto

    plain = {"", "TokenizersBackend", "PythonBackend", "PreTrainedTokenizerFast", "MistralCommonBackend"}
    names = {kind: auto.TOKENIZER_MAPPING_NAMES.get(kind) for kind in auto.MODELS_WITH_INCORRECT_HUB_TOKENIZER_CLASS}
    chosen = {kind for kind, name in names.items() if (name or "").removesuffix("Fast") not in plain}
    assert chosen <= _CLASS_BY_MODEL


@pytest.mark.parametrize("settings", [{}, {"split_special_tokens": False}])
def test_a_text_that_is_too_long_is_cut_at_the_side_that_the_tokenizer_names(settings, tiny_copy):
    edit(tiny_copy / "tokenizer_config.json", truncation_side="left", model_max_length=12, **settings)
    with pytest.warns(UserWarning, match="cut at the 12 tokens"):
        left = check_as_trained(tiny_copy).identity.revision
    edit(tiny_copy / "tokenizer_config.json", truncation_side="right")
    right = TransformerEmbeddings(tiny_copy).identity.revision
    assert right != left
    (tiny_copy / "tokenizer_config.json").write_text(
        (tiny_copy / "tokenizer_config.json").read_text("utf-8").replace(', "truncation_side": "right"', "")
    )
    assert TransformerEmbeddings(tiny_copy).identity.revision == right


def test_vectors_are_cut_to_the_length_that_the_checkpoint_says(tiny_checkpoint, tmp_path):
    folder = with_modules(tiny_checkpoint, tmp_path / "model", dense(HIDDEN, 24))
    whole = TransformerEmbeddings(folder).identity
    edit(folder / "config_sentence_transformers.json", truncate_dim=8)
    identity = check_as_trained(folder).identity
    assert identity.dimension == StockHuggingFaceEmbeddings(folder).identity.dimension == 8
    assert identity.revision != whole.revision
    assert identity.earlier_revision == ""
    edit(folder / "config_sentence_transformers.json", truncate_dim=100)
    assert check_as_trained(folder).identity.dimension == 24


def test_padding_on_the_left_does_not_move_positions(tiny_checkpoint, tmp_path):
    """Padded on the left, a model of absolute positions would see a short text elsewhere than alone."""
    folder = shutil.copytree(tiny_checkpoint, tmp_path / "model")
    edit(folder / "tokenizer_config.json", padding_side="left")
    expected = TransformerEmbeddings(tiny_checkpoint, dtype="float32", device="cpu").embed_documents(TEXTS)
    ours = TransformerEmbeddings(folder, dtype="float32", device="cpu").embed_documents(TEXTS)
    assert min(cosines(ours, expected)) > 0.9999
    folder = saved(small("Qwen3", **ARCHITECTURES["Qwen3"]), tiny_checkpoint, tmp_path / "qwen", padding_side="left")
    check_as_trained(with_modules(folder, tmp_path / "last", pooling={"pooling_mode": "lasttoken"}))


def test_a_text_without_a_token_has_the_vector_of_zeros(tiny_checkpoint, tmp_path):
    folder = shutil.copytree(tiny_checkpoint, tmp_path / "model")
    content = json.loads((folder / "tokenizer.json").read_text("utf-8"))
    (folder / "tokenizer.json").write_text(json.dumps({**content, "post_processor": None}), "utf-8")
    ours = TransformerEmbeddings(folder, dtype="float32")
    blank, ship = ours.embed_documents(["", "a ship"])
    assert set(blank) == {0.0}
    assert cosines([ship], [ours.embed_query("a ship")])[0] > 0.9999
    assert set(ours.embed_query("")) == {0.0}


def test_a_model_that_fails_on_its_texts_is_an_error_of_ours(tiny_checkpoint, tmp_path):
    # X-MOD has to be told its language, for which there is no file.
    options = {**SMALL, **RANDOM, "languages": ["en_XX", "ko_KR"], **OFFSET}
    folder = saved(small("Xmod", **options), tiny_checkpoint, tmp_path / "xmod")
    with pytest.raises(EmbeddingError, match="model xmod fails on its texts: ValueError: Input language unknown"):
        TransformerEmbeddings(folder).embed_query("a ship")


def test_the_identity_holds_all_that_changes_a_vector(tiny_checkpoint, tmp_path):
    folder = with_modules(tiny_checkpoint, tmp_path / "model", dense(HIDDEN, 16))

    def revision(provider=TransformerEmbeddings):
        return provider(folder).identity.revision

    seen = {revision()}
    assert revision(StockHuggingFaceEmbeddings) in seen
    weights = load_file(folder / "2_Dense" / "model.safetensors")
    save_file({**weights, "linear.bias": weights["linear.bias"] + 1}, folder / "2_Dense" / "model.safetensors")
    seen.add(revision())
    edit(folder / "2_Dense" / "config.json", activation_function="torch.nn.modules.linear.Identity")
    seen.add(revision())
    edit(folder / "tokenizer_config.json", add_prefix_space=True)
    seen.add(revision())
    edit(folder / "sentence_bert_config.json", do_lower_case=True)
    seen.add(revision())
    edit(folder / "1_Pooling" / "config.json", include_prompt=False)
    seen.add(revision())
    assert len(seen) == 6
    assert revision(StockHuggingFaceEmbeddings) == revision()
    edit(folder / "tokenizer_config.json", transformers_version="9.9", chat_template="{{ x }}")
    assert revision() in seen


def test_what_was_identified_before_is_known_again_where_it_means_the_same(tiny_checkpoint, tmp_path):
    plain = with_modules(tiny_checkpoint, tmp_path / "plain", ("Normalize", {}))
    assert TransformerEmbeddings(plain).identity.earlier_revision.startswith("sha256:")
    assert "earlier_revision" not in TransformerEmbeddings(plain).identity.as_dict()
    more = with_modules(tiny_checkpoint, tmp_path / "more", dense(HIDDEN, 16))
    assert TransformerEmbeddings(more).identity.earlier_revision == ""


CLS = {**FLAGS, "pooling_mode_cls_token": True}
MEAN = {**FLAGS, "pooling_mode_mean_tokens": True}
# Architecture, pooling and modules as the model cards of these three print them, and the longest text.
CANDIDATES = {
    "dragonkue/BGE-m3-ko": ("XLMRoberta", CLS, [("Normalize", {})]),
    "bespin-global/klue-sroberta-base-continue-learning-by-mnr": ("Roberta", MEAN, []),
    "intfloat/multilingual-e5-large": ("XLMRoberta", MEAN, [("Normalize", {})]),
}


@pytest.mark.parametrize("name", CANDIDATES)
def test_the_three_candidates_need_no_line_of_configuration(name, tiny_checkpoint, tmp_path):
    kind, pooling, modules = CANDIDATES[name]
    plain = saved(small(kind, **ARCHITECTURES[kind]), tiny_checkpoint, tmp_path / "plain")
    folder = with_modules(plain, tmp_path / "model", *modules, pooling=pooling)
    edit(folder / "sentence_bert_config.json", max_seq_length=32, do_lower_case=False)
    assert check_as_trained(folder).identity.pooling == ("cls" if pooling is CLS else "mean")


@pytest.mark.skipif(importlib.util.find_spec("peft") is not None, reason="peft is here")
def test_an_adapter_without_peft_is_refused_by_name(tiny_copy):
    edit(tiny_copy / "adapter_config.json", base_model_name_or_path="owner/base", peft_type="LORA")
    with pytest.raises(CheckpointError, match="has an adapter .*pip install peft"):
        TransformerEmbeddings(tiny_copy)
