"""One training: sentence-transformers' Trainer does the loop; a run that was cut off goes on at its last checkpoint."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rag_pipeline.embeddings.local.hardware import choose_device, cpu_has_bfloat16
from rag_pipeline.errors import EmbeddingError
from rag_pipeline.training.base import trainable_model
from rag_pipeline.training.options import Recipe
from rag_pipeline.training.pairs import Pair
from rag_pipeline.training.quiet import quiet

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

    from rag_pipeline.embeddings.local.transformer import TransformerEmbeddings

Progress = Callable[[int, int, float], None]
"""Called with the steps done, their number, and the loss of the last one."""

_CHECKPOINTS = 4
_DROPOUT = ("p", "attention_dropout", "dropout_prob", "attn_dropout")
# Texts that go through the model at once. With 8 a model of 12 layers took 6 GB for texts of up to 512 tokens, in no
# less time than with fewer.
_PART = 4
_SMALLEST_BATCH = 1


def fit(
    embeddings: TransformerEmbeddings,
    pairs: Sequence[Pair],
    recipe: Recipe,
    room: Path,
    seed: int,
    on_step: Progress | None = None,
) -> SentenceTransformer:
    """Train a copy of an embedding's model; the embedding stays as it is.

    The batch goes through the model in parts, half as large each time where one does not fit in memory. The gradients
    are those of the whole batch (GradCache, Gao et al. 2021, arXiv:2101.06983).

    Args:
        embeddings: the model before training.
        pairs: rows of the training set.
        recipe: how.
        room: a folder for checkpoints; those that a run of the same pairs, recipe and seed left are gone on with.
        seed: of the order of pairs and of dropout.
        on_step: called after each update of the weights.

    Raises:
        EmbeddingError: not even a single pair fits in memory.
    """
    part = min(recipe.batch, _PART)
    while True:
        try:
            return _fit(embeddings, pairs, recipe, room, seed, on_step, part)
        except (MemoryError, RuntimeError) as error:
            if not _out_of_memory(error):
                raise
            if part <= _SMALLEST_BATCH:
                raise EmbeddingError(
                    "a single pair does not fit in memory for training; take a smaller model"
                ) from None
            part //= 2
            logging.getLogger(__name__).warning("out of memory; the batch goes through the model %d at a time", part)


def average(model: SentenceTransformer, before: SentenceTransformer) -> None:
    """Give a model the mean of its weights and those before training (WiSE-FT, Wortsman et al. 2021, arXiv:2109.01903).

    Half of both keeps most of what was learnt and most of what was known.
    """
    import torch

    earlier = before.state_dict()
    with torch.no_grad():
        for name, weight in model.state_dict().items():
            if weight.is_floating_point():
                weight.copy_((weight + earlier[name].to(weight.device)) / 2)


def _fit(
    embeddings: TransformerEmbeddings,
    pairs: Sequence[Pair],
    recipe: Recipe,
    room: Path,
    seed: int,
    on_step: Progress | None,
    part: int,
) -> SentenceTransformer:
    from sentence_transformers import SentenceTransformerTrainer, SentenceTransformerTrainingArguments
    from sentence_transformers.sentence_transformer import losses
    from transformers import set_seed

    set_seed(seed)
    device = choose_device(embeddings.device).type
    model = trainable_model(embeddings, device)
    _freeze_words(model)
    _without_dropout(model)
    loss = losses.CachedMultipleNegativesRankingLoss(model, scale=recipe.scale, mini_batch_size=part)
    every = max(recipe.steps // _CHECKPOINTS, 1)
    prompts = embeddings.identity
    arguments = SentenceTransformerTrainingArguments(
        output_dir=str(room),
        num_train_epochs=recipe.epochs,
        per_device_train_batch_size=recipe.batch,
        learning_rate=recipe.learning_rate,
        warmup_steps=recipe.warmup,
        max_grad_norm=recipe.clip,
        lr_scheduler_type="linear",
        batch_sampler="no_duplicates",
        prompts={
            "anchor": prompts.query_prompt,
            "positive": prompts.document_prompt,
            "negative": prompts.document_prompt,
        },
        seed=seed,
        data_seed=seed,
        bf16=_computes_bfloat16(device),
        use_cpu=device == "cpu",
        save_strategy="steps",
        save_steps=every,
        save_total_limit=1,
        logging_steps=1,
        report_to="none",
        disable_tqdm=True,
        dataloader_pin_memory=device != "cpu",
    )
    with quiet():
        trainer = SentenceTransformerTrainer(
            model=model, args=arguments, train_dataset=_dataset(pairs), loss=loss, callbacks=[_reporter(on_step)]
        )
        trainer.remove_callback(_printer())
        trainer.train(resume_from_checkpoint=_last_checkpoint(room))
    return model


def _dataset(pairs: Sequence[Pair]) -> Any:
    """Columns anchor, positive and negative; a pair without a negative of its own takes another's right passage."""
    from datasets import Dataset

    with_negatives = any(pair.negative for pair in pairs)
    columns: dict[str, list[str]] = {
        "anchor": [pair.question for pair in pairs],
        "positive": [pair.passage for pair in pairs],
    }
    if with_negatives:
        others = [*columns["positive"][1:], columns["positive"][0]]
        columns["negative"] = [pair.negative or other for pair, other in zip(pairs, others, strict=True)]
    return Dataset.from_dict(columns)


def _freeze_words(model: SentenceTransformer) -> None:
    """The table of words stays: it is most of a multilingual model, and a few hundred questions name few words."""
    transformer: Any = model[0]
    transformer.auto_model.get_input_embeddings().weight.requires_grad = False


def _without_dropout(model: SentenceTransformer) -> None:
    """A few steps overfit nothing, and attention with dropout keeps matrices of tokens x tokens in memory."""
    for module in model.modules():
        for name in _DROPOUT:
            if isinstance(getattr(module, name, None), float):
                setattr(module, name, 0.0)


def _computes_bfloat16(device: str) -> bool:
    import torch

    if device == "cuda":
        return bool(torch.cuda.is_bf16_supported())
    return device == "cpu" and cpu_has_bfloat16()


def _last_checkpoint(room: Path) -> str | None:
    from transformers.trainer_utils import get_last_checkpoint

    found: str | None = get_last_checkpoint(str(room)) if room.is_dir() else None  # type: ignore[no-untyped-call]
    return found


def _reporter(on_step: Progress | None) -> Any:
    from transformers import TrainerCallback

    class Reporter(TrainerCallback):
        def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_given: Any) -> None:  # noqa: ARG002
            if on_step is not None and logs and "loss" in logs:
                on_step(state.global_step, state.max_steps, float(logs["loss"]))

    return Reporter()


def _printer() -> Any:
    from transformers.trainer_callback import PrinterCallback

    return PrinterCallback


def _out_of_memory(error: BaseException) -> bool:
    said = str(error).lower()
    return isinstance(error, MemoryError) or "out of memory" in said or "can't allocate memory" in said
