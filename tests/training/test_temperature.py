from __future__ import annotations

import numpy as np
import pytest

from rag_pipeline.training.temperature import own_scale
from rag_pipeline.vectors import unit_vectors


@pytest.mark.slow
@pytest.mark.parametrize("scale", [10.0, 28.0, 56.0])
def test_the_scale_by_which_right_passages_were_drawn_is_found_again(scale):
    generator = np.random.default_rng(0)
    passages = unit_vectors(generator.normal(size=(500, 32)).astype(np.float32))
    questions = unit_vectors(generator.normal(size=(2000, 32)).astype(np.float32))
    # Gumbel's trick draws from a softmax.
    drawn = np.argmax(scale * questions @ passages.T + generator.gumbel(size=(2000, 500)), axis=1)
    assert scale / 1.5 < own_scale(questions, passages[drawn], passages) < scale * 1.5


def test_a_passage_that_answers_two_questions_is_no_wrong_answer_of_either():
    passages = np.asarray([[1, 0], [1, 0], [0, 1]], np.float32)
    assert own_scale(passages, passages, np.asarray([[0.6, 0.8]], np.float32)) >= 56
