from __future__ import annotations

import json

import pytest

from rag_pipeline.config import load_settings
from rag_pipeline.errors import UsageError
from rag_pipeline.evaluation import compare, load_questions
from rag_pipeline.evaluation.drafting import draft_questions
from rag_pipeline.evaluation.mapping import similarity_map
from rag_pipeline.evaluation.pages import comparison_page, map_page
from rag_pipeline.evaluation.plotting import plot_comparison, plot_map, save
from rag_pipeline.ingestion.run import IngestTarget, ingest

pytestmark = pytest.mark.slow

ROWS = [
    {"id": "k", "question": "최대 흘수 12.04 m", "relevant": "container.md#제원"},
    {"id": "e", "question": "When does the pilot board?", "relevant": ["notes.txt"]},
    {"id": "b", "question": "석탄을 나르는 <배>는?", "relevant": ["bulk"]},
    {"id": "n", "question": "How tall is the Eiffel tower?", "relevant": []},
]


@pytest.fixture
def questions(project):
    file = project / "questions.jsonl"
    file.write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in ROWS), "utf-8")
    return file


@pytest.fixture
def settings(project):
    loaded = load_settings(project / "config.yaml")
    ingest(loaded, IngestTarget("docs", [project / "docs"], "tiny"))
    ingest(loaded, IngestTarget("docs-cls", [project / "docs"], "tiny-cls"))
    return loaded


@pytest.fixture
def comparison(settings, questions):
    return compare(settings, load_questions(questions), ["docs", "docs-cls"])


def test_every_collection_is_asked_in_every_mode(comparison):
    assert [(one.collection, one.mode) for one in comparison.contestants] == [
        (collection, mode) for collection in ("docs", "docs-cls") for mode in ("dense", "lexical", "hybrid")
    ]
    lexical = comparison.contestants[1]
    assert lexical.mean("hit@1") == 1.0
    assert lexical.values["hit@1"] == {"k": 1.0, "e": 1.0, "b": 1.0}
    assert comparison.languages == {"en": ["e"], "ko": ["k", "b"]}
    assert all(len(one.seconds) == len(ROWS) and one.percentile(50) > 0 for one in comparison.contestants)


def test_the_best_is_not_behind_itself_and_no_one_is_ahead_of_it(comparison):
    assert comparison.behind(comparison.best) == (0.0, 0.0, 0.0)
    assert all(comparison.behind(one)[0] >= 0 for one in comparison.contestants)


def test_the_questions_that_differ_are_those_that_some_get_wrong(comparison):
    hits = {one.name: one.values["hit@1"] for one in comparison.contestants}
    wanted = [row["id"] for row in ROWS[:3] if len({values[row["id"]] for values in hits.values()}) > 1]
    assert [question.id for question, _ in comparison.differing()] == wanted
    assert wanted  # a random model of four letters an embedding is no match for the words


def test_the_json_form_is_whole_and_plain(comparison):
    content = json.loads(json.dumps(comparison.as_dict()))
    assert (content["questions"], content["answerable"]) == (4, 3)
    assert sum(row["best"] for row in content["contestants"]) == 1
    assert set(content["contestants"][0]["metrics"]) == {"hit@1", "recall@5", "recall@10", "MRR@10", "nDCG@10"}


def test_the_page_stands_alone_and_escapes_what_users_wrote(comparison):
    page = comparison_page(comparison)
    assert "석탄을 나르는 &lt;배&gt;는?" in page
    assert "<script" not in page
    assert 'src="' not in page
    assert page.count("<svg") == 1


@pytest.mark.parametrize("name", ["plot.png", "plot.svg"])
def test_the_plot_is_a_picture_of_its_kind(comparison, tmp_path, name):
    save(plot_comparison(comparison), tmp_path / name)
    start = (tmp_path / name).read_bytes()[:200]
    assert start.startswith(b"\x89PNG") if name.endswith("png") else b"<?xml" in start
    with pytest.raises(UsageError, match=r"\.png or \.svg"):
        save(plot_comparison(comparison), tmp_path / "plot.gif")


def test_questions_for_another_folder_are_refused_and_a_lost_source_is_warned_of(settings, questions):
    asked = load_questions(questions)
    with pytest.raises(UsageError, match="none of the places under 'relevant' is in collection 'docs'"):
        compare(settings, [q for q in asked if q.id == "n"] + _moved(asked[:1]), ["docs"], ["lexical"])
    with pytest.warns(UserWarning, match=r"1 sources under 'relevant' are not in 'docs', e.g. 'elsewhere.md'"):
        compare(settings, [*asked, *_moved(asked[:1])], ["docs"], ["lexical"])


def test_unknown_modes_and_questions_without_answers_are_refused(settings, questions):
    asked = load_questions(questions)
    with pytest.raises(UsageError, match="unknown mode 'sparse'"):
        compare(settings, asked, ["docs"], ["sparse"])
    with pytest.raises(UsageError, match="nothing to compare by"):
        compare(settings, [q for q in asked if not q.answerable], ["docs"])


def _moved(questions):
    from dataclasses import replace

    return [replace(question, id="moved", relevant=frozenset({"elsewhere.md"})) for question in questions]


def test_a_map_puts_chunks_where_the_principal_components_do(settings):
    import numpy as np

    from rag_pipeline.assembly import open_store

    similarity = similarity_map(settings, "docs", ["최대 흘수"])
    ids, vectors = open_store(settings).get("docs").vectors()
    chunks = [point for point in similarity.points if not point.is_question]
    assert len(chunks) == len(ids)
    assert similarity.sources == ["bulk.md", "container.md", "notes.txt"]
    centred = vectors - vectors.mean(axis=0)
    spread = np.array([[point.x, point.y] for point in chunks]).var(axis=0).sum()
    assert spread / centred.var(axis=0).sum() == pytest.approx(sum(similarity.explained), rel=1e-4)
    assert all(point.inner_product is not None for point in chunks)
    page = map_page(similarity)
    assert page.count("<circle") == len(chunks)
    assert "★" in page
    assert "최대 흘수 12.04 m" in page


def test_a_large_collection_is_drawn_in_part(settings, tmp_path):
    similarity = similarity_map(settings, "docs", most=3)
    assert (len(similarity.points), similarity.left_out) == (3, similarity.left_out)
    assert similarity.left_out > 0
    save(plot_map(similarity), tmp_path / "map.png")
    assert (tmp_path / "map.png").stat().st_size > 5000


def test_drafted_questions_name_their_section_and_bad_replies_are_left_out(project, documents, gemini, monkeypatch):
    for name, value in gemini.environment.items():
        monkeypatch.setenv(name, value)
    (documents / "long.md").write_text("# 배\n\n## 제원\n\n" + "최대 흘수는 12.04 m이다. " * 8, "utf-8")
    (documents / "other.md").write_text("# Ship\n\n## Use\n\n" + "It carries coal and grain. " * 8, "utf-8")
    asked = []

    def reply(body):
        asked.append(json.dumps(body, ensure_ascii=False))
        if "coal" in asked[-1]:
            return "I cannot do that."
        return '```json\n[{"question": "이 배의 최대  흘수는?", "language": "ko"}, {"question": " "}, 3]\n```'

    gemini.reply = reply
    problems = []
    drafted = list(draft_questions(load_settings(project / "config.yaml"), documents, on_problem=problems.append))
    assert [(one.question, one.language, one.relevant) for one in drafted] == [
        ("이 배의 최대 흘수는?", "ko", "long.md#제원")
    ]
    assert problems == ["other.md#Use: the model's reply is no list of questions; left out"]
    assert len(asked) == 2
    assert "ko, en" in asked[0]
    assert set(drafted[0].as_dict(1)) == {"id", "question", "relevant", "language"}
