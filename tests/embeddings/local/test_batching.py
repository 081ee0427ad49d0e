from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from rag_pipeline.embeddings.local.batching import length_sorted_batches


@given(st.lists(st.integers(1, 600)), st.integers(1, 2000))
def test_each_text_is_in_one_batch_and_no_batch_of_several_is_over_the_budget(lengths, budget):
    batches = list(length_sorted_batches(lengths, budget))
    assert sorted(position for batch in batches for position in batch) == list(range(len(lengths)))
    for batch in batches:
        assert len(batch) == 1 or len(batch) * max(lengths[i] for i in batch) <= budget
    firsts = [lengths[batch[0]] for batch in batches]
    assert firsts == sorted(firsts, reverse=True)
