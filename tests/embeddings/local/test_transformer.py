from __future__ import annotations

import copy
import gc
import json
import pickle
import threading
import weakref

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from rag_pipeline.embeddings import TransformerEmbeddings
from rag_pipeline.errors import CheckpointError, ConfigurationError, EmbeddingError

TEXTS = ["선박", "가나다라마바사", "a b c", "hold 12.04", "z", "박박박박 흘수 0.1"]


def reference(folder, texts, pooling="mean", normalize=True, limit=None):
    """One text at a time, straight from transformers: no batch, no padding, no code of ours."""
    import torch
    from transformers import AutoModel, AutoTokenizer

    model = AutoModel.from_pretrained(folder, dtype=torch.float32, add_pooling_layer=False).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    rows = []
    for text in texts:
        inputs = tokenizer(text, return_tensors="pt", truncation=limit is not None, max_length=limit)
        with torch.inference_mode():
            hidden = model(input_ids=inputs["input_ids"]).last_hidden_state[0]
        vector = hidden[0] if pooling == "cls" else hidden.mean(dim=0)
        rows.append((vector / vector.norm() if normalize else vector).numpy())
    return np.array(rows)


@pytest.mark.slow
@pytest.mark.parametrize("pooling", ["mean", "cls"])
@pytest.mark.parametrize("normalize", [True, False])
def test_vectors_are_those_of_each_text_alone(tiny_checkpoint, pooling, normalize):
    embeddings = TransformerEmbeddings(tiny_checkpoint, pooling=pooling, normalize=normalize, dtype="float32")
    found = np.array(embeddings.embed_documents(TEXTS))
    np.testing.assert_allclose(found, reference(tiny_checkpoint, TEXTS, pooling, normalize), atol=1e-5)


@pytest.mark.slow
def test_a_vector_does_not_depend_on_what_it_was_batched_with(tiny_checkpoint):
    embeddings = TransformerEmbeddings(tiny_checkpoint, dtype="float32", batch_tokens=10_000)
    alone = [embeddings.embed_documents([text])[0] for text in TEXTS]
    for companions in (["가" * 30] * 3, ["a"] * 20, TEXTS[::-1]):
        together = embeddings.embed_documents(TEXTS + companions)[: len(TEXTS)]
        np.testing.assert_allclose(together, alone, atol=1e-5)


@pytest.mark.slow
def test_in_bfloat16_too_up_to_rounding(bundled_folder):
    embeddings = TransformerEmbeddings(bundled_folder, dtype="bfloat16", batch_tokens=4096)
    alone = np.array([embeddings.embed_documents([text])[0] for text in TEXTS])
    together = np.array(embeddings.embed_documents([*TEXTS, "최대 흘수가 깊은 배 " * 60]))[: len(TEXTS)]
    assert np.sum(alone * together, axis=1).min() > 0.9995


@pytest.mark.slow
def test_bfloat16_stays_close_to_float32(bundled_folder):
    texts = [
        "최대 흘수는 12.04 m이다.",
        "Which ship carries coal?",
        "파나마 운하의 갑문 너비가 배의 크기를 정한다. " * 8,
    ]
    vectors = [
        np.array(TransformerEmbeddings(bundled_folder, dtype=dtype).embed_documents(texts))
        for dtype in ("float32", "bfloat16")
    ]
    assert np.sum(vectors[0] * vectors[1], axis=1).min() > 0.9995


@pytest.mark.slow
def test_results_come_in_the_order_of_the_texts_whatever_the_batches(tiny_checkpoint):
    texts = [chr(ord("a") + n % 26) * (1 + n * 7 % 25) for n in range(60)]
    whole = TransformerEmbeddings(tiny_checkpoint, dtype="float32").embed_documents(texts)
    small = TransformerEmbeddings(tiny_checkpoint, dtype="float32", batch_tokens=16).embed_documents(texts)
    np.testing.assert_allclose(whole, small, atol=1e-5)


@pytest.mark.slow
def test_prompts_go_in_front_of_questions_and_documents(tiny_checkpoint):
    plain = TransformerEmbeddings(tiny_checkpoint, dtype="float32")
    prompted = TransformerEmbeddings(tiny_checkpoint, query_prompt="q: ", document_prompt="d: ", dtype="float32")
    np.testing.assert_allclose(prompted.embed_query("abc"), plain.embed_query("q: abc"), atol=1e-6)
    np.testing.assert_allclose(prompted.embed_documents(["abc"]), plain.embed_documents(["d: abc"]), atol=1e-6)
    assert prompted.count_document_tokens(["abc"]) == [plain.count_document_tokens(["abc"])[0] + 3]


@pytest.mark.slow
def test_vectors_have_length_one_unless_told_otherwise(tiny_checkpoint):
    assert np.linalg.norm(TransformerEmbeddings(tiny_checkpoint).embed_query("선박")) == pytest.approx(1, abs=1e-6)
    raw = TransformerEmbeddings(tiny_checkpoint, normalize=False).embed_query("선박")
    assert abs(np.linalg.norm(raw) - 1) > 0.01


@pytest.mark.slow
def test_no_text_gives_no_vector_and_a_blank_one_a_finite_one(tiny_checkpoint):
    embeddings = TransformerEmbeddings(tiny_checkpoint)
    assert embeddings.embed_documents([]) == []
    assert embeddings.count_document_tokens([]) == []
    assert np.isfinite(embeddings.embed_documents(["", " "])).all()


@pytest.mark.slow
def test_texts_cut_at_the_limit_are_counted_and_reported(tiny_checkpoint):
    embeddings = TransformerEmbeddings(tiny_checkpoint, dtype="float32")
    long = "a b c d e f g h i j k l m n o p q r s t u v w x y z"
    with pytest.warns(UserWarning, match="2 of 3 texts cut at the 32 tokens that tiny reads"):
        vectors = embeddings.embed_documents([long, "short", long + long])
    assert embeddings.truncated_texts == 2
    np.testing.assert_allclose(vectors[0], reference(tiny_checkpoint, [long], limit=32)[0], atol=1e-5)
    embeddings.embed_documents(["a" * 30])  # exactly full
    assert embeddings.truncated_texts == 2


def test_a_lower_limit_is_kept_and_a_higher_one_refused(tiny_checkpoint):
    assert TransformerEmbeddings(tiny_checkpoint, max_tokens=10).max_tokens == 10
    with pytest.raises(ConfigurationError, match="max_tokens 33 is more than the 32"):
        TransformerEmbeddings(tiny_checkpoint, max_tokens=33)


@pytest.mark.slow
def test_a_batch_that_does_not_fit_in_memory_is_halved_until_it_does(tiny_checkpoint):
    import torch

    expected = TransformerEmbeddings(tiny_checkpoint, dtype="float32").embed_documents(TEXTS)
    embeddings = TransformerEmbeddings(tiny_checkpoint, dtype="float32", batch_tokens=10_000)
    rows = []

    def short_of_memory(_module, _args, options):
        rows.append(len(options["input_ids"]))
        if rows[-1] > 2:
            raise torch.OutOfMemoryError("no room")

    hook = embeddings.model.register_forward_pre_hook(short_of_memory, with_kwargs=True)
    np.testing.assert_allclose(embeddings.embed_documents(TEXTS), expected, atol=1e-5)
    assert rows[0] == len(TEXTS)
    assert max(rows[rows.index(3) + 1 :]) <= 3
    hook.remove()


@pytest.mark.slow
@pytest.mark.parametrize("message", ["DefaultCPUAllocator: can't allocate memory: you tried", "CUDA out of memory"])
def test_a_text_that_never_fits_is_an_error_in_words(tiny_checkpoint, message):
    embeddings = TransformerEmbeddings(tiny_checkpoint)

    def no_memory(*_):
        raise RuntimeError(message)

    embeddings.model.register_forward_pre_hook(no_memory)
    with pytest.raises(EmbeddingError, match="a text of 4 tokens does not fit in memory; set a lower max_tokens"):
        embeddings.embed_query("선박")


@pytest.mark.slow
def test_other_failures_of_the_model_are_not_taken_for_memory(tiny_checkpoint):
    embeddings = TransformerEmbeddings(tiny_checkpoint)

    def broken(*_):
        raise RuntimeError("shape mismatch")

    embeddings.model.register_forward_pre_hook(broken)
    with pytest.raises(EmbeddingError, match="fails on its texts: RuntimeError: shape mismatch"):
        embeddings.embed_query("선박")


@pytest.mark.slow
def test_vectors_that_are_not_finite_are_refused(tiny_copy):
    tensors = load_file(tiny_copy / "model.safetensors")
    tensors["embeddings.LayerNorm.bias"][:] = np.nan
    save_file(tensors, tiny_copy / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(EmbeddingError, match="not finite"):
        TransformerEmbeddings(tiny_copy).embed_query("선박")


def test_missing_weights_are_refused_not_made_up(tiny_copy):
    tensors = load_file(tiny_copy / "model.safetensors")
    gone = [name for name in tensors if "layer.1.attention.self" in name]
    save_file({k: v for k, v in tensors.items() if k not in gone}, tiny_copy / "model.safetensors", {"format": "pt"})
    with pytest.raises(CheckpointError, match=r"lack encoder\.layer\.1\.attention\.self\.key\.bias.*and 3 more"):
        TransformerEmbeddings(tiny_copy).load()


def test_weights_of_another_size_are_refused(tiny_copy):
    config = json.loads((tiny_copy / "config.json").read_text())
    (tiny_copy / "config.json").write_text(json.dumps(config | {"intermediate_size": 128}))
    with pytest.raises(CheckpointError):
        TransformerEmbeddings(tiny_copy).load()


def test_a_model_that_needs_its_own_code_is_refused_without_a_question(tiny_copy, tmp_path):
    config = json.loads((tiny_copy / "config.json").read_text())
    config |= {"model_type": "own", "auto_map": {"AutoModel": "own.Own", "AutoConfig": "own.OwnConfig"}}
    (tiny_copy / "config.json").write_text(json.dumps(config))
    (tiny_copy / "own.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
    with pytest.raises(CheckpointError, match="cannot be loaded"):
        TransformerEmbeddings(tiny_copy).load()
    assert not (tmp_path / "ran").exists()


@pytest.mark.slow
def test_a_broken_tokenizer_is_named(tiny_copy):
    (tiny_copy / "tokenizer.json").write_text("{}")
    with pytest.raises(CheckpointError, match="the tokenizer in .*tiny-copy cannot be loaded"):
        TransformerEmbeddings(tiny_copy).load()


@pytest.fixture
def trained_with_cls(tiny_copy):
    (tiny_copy / "1_Pooling").mkdir()
    (tiny_copy / "1_Pooling" / "config.json").write_text('{"pooling_mode_cls_token": true}')
    return tiny_copy


def test_auto_pooling_follows_the_checkpoint(trained_with_cls, tiny_checkpoint):
    assert TransformerEmbeddings(trained_with_cls, pooling="auto").identity.pooling == "cls"
    assert TransformerEmbeddings(tiny_checkpoint, pooling="auto").identity.pooling == "mean"


def test_overruling_the_checkpoint_is_warned_of(trained_with_cls):
    with pytest.warns(UserWarning, match="trained with cls pooling.*used with mean"):
        TransformerEmbeddings(trained_with_cls, pooling="mean")
    TransformerEmbeddings(trained_with_cls, pooling="cls")


def test_auto_refuses_a_pooling_it_does_not_have(tiny_copy):
    (tiny_copy / "1_Pooling").mkdir()
    (tiny_copy / "1_Pooling" / "config.json").write_text('{"pooling_mode": "attention"}')
    with pytest.raises(CheckpointError, match="trained with attention pooling, which .*use provider: huggingface"):
        TransformerEmbeddings(tiny_copy, pooling="auto")


def test_a_device_that_is_not_there_is_refused(tiny_checkpoint):
    with pytest.raises(ConfigurationError, match="'cuda:7' is not on this machine"):
        TransformerEmbeddings(tiny_checkpoint, device="cuda:7").embed_query("a")


def test_the_identity_holds_what_changes_a_vector_and_not_what_does_not(tiny_checkpoint, tiny_copy):
    identity = TransformerEmbeddings(tiny_checkpoint).identity
    assert TransformerEmbeddings(tiny_checkpoint, dtype="float32", batch_tokens=64, device="cpu").identity == identity
    assert TransformerEmbeddings(tiny_copy).identity.revision == identity.revision
    for change in (
        {"pooling": "cls"},
        {"normalize": False},
        {"query_prompt": "q"},
        {"document_prompt": "d"},
        {"max_tokens": 16},
    ):
        assert TransformerEmbeddings(tiny_checkpoint, **change).identity != identity


@pytest.mark.slow
def test_threads_may_share_one_object(tiny_checkpoint):
    embeddings = TransformerEmbeddings(tiny_checkpoint, dtype="float32")
    expected = reference(tiny_checkpoint, TEXTS)
    results = {}

    def work(number):
        results[number] = (embeddings.embed_documents(TEXTS), embeddings.count_document_tokens(TEXTS))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 8
    for vectors, _ in results.values():
        np.testing.assert_allclose(vectors, expected, atol=1e-5)


@pytest.mark.slow
def test_building_one_loads_nothing(python, tiny_checkpoint):
    code = (
        "import sys; from rag_pipeline import TransformerEmbeddings as M\n"
        f"M({str(tiny_checkpoint)!r}).identity\nprint('torch' in sys.modules, 'transformers' in sys.modules)"
    )
    assert python("-c", code, cold=True).stdout.split() == ["False", "False"]


@pytest.mark.slow
def test_a_model_that_is_dropped_is_out_of_memory_at_once(tiny_checkpoint):
    embeddings = TransformerEmbeddings(str(tiny_checkpoint))
    embeddings.embed_documents(["배"])
    embeddings.embed_query("배")
    dropped = weakref.ref(embeddings)
    gc.disable()
    try:
        del embeddings
        assert dropped() is None
    finally:
        gc.enable()


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"pooling": "foo"}, "pooling: found 'foo'; allowed: 'auto', 'mean', 'cls', 'max'"),
        ({"pooling": "MEAN"}, "pooling: found 'MEAN'"),
        ({"max_tokens": -1}, "max_tokens: found -1; allowed: greater than or equal to 8"),
        ({"max_tokens": 0}, "max_tokens: found 0"),
        ({"batch_tokens": 0}, "batch_tokens: found 0; allowed: greater than or equal to 16"),
        ({"dtype": "foo"}, "dtype: found 'foo'; allowed: 'auto', 'float32', 'bfloat16' or 'float16'"),
        ({"device": "foo"}, "device: found 'foo'; allowed: .*cuda"),
        ({"normalize": "yes"}, "normalize: found 'yes'; allowed: a valid boolean"),
    ],
)
def test_an_argument_that_is_not_allowed_is_refused_with_what_is(tiny_checkpoint, options, problem):
    with pytest.raises(ConfigurationError, match=f"TransformerEmbeddings: {problem}"):
        TransformerEmbeddings(tiny_checkpoint, **options)


@pytest.mark.slow
def test_lone_surrogates_are_read_as_question_marks(bundled_folder):
    embeddings = TransformerEmbeddings(bundled_folder)
    assert embeddings.embed_documents(["a \udcff b"]) == embeddings.embed_documents(["a ? b"])
    assert embeddings.embed_query("a \udcff b") == embeddings.embed_query("a ? b")
    assert embeddings.count_document_tokens(["a \udcff b"]) == embeddings.count_document_tokens(["a ? b"])


@pytest.mark.slow
def test_a_copy_loads_its_model_for_itself(tiny_checkpoint):
    embeddings = TransformerEmbeddings(tiny_checkpoint, dtype="float32", query_prompt="q: ")
    vector = embeddings.embed_query("선박")
    for again in (copy.deepcopy(embeddings), pickle.loads(pickle.dumps(embeddings))):
        assert again.identity == embeddings.identity
        assert again.embed_query("선박") == vector
