"""The page, in a real browser: questions, answers, sources, and each state it can be in."""

from __future__ import annotations

import json
import re
import time

import pytest
from playwright.sync_api import expect

from rag_pipeline import Pipeline
from rag_pipeline.testing import HashEmbeddings, gemini_faults
from tests.server.browser import ask, needs_browser, wait_for_state
from tests.server.conftest import TOKEN

pytestmark = [pytest.mark.slow, needs_browser]

QUESTION = "최대 흘수는?"


def slow(gemini):
    """A model that takes minutes for its answer."""
    gemini.reply = "말 [1] " * 9000
    gemini.expect(gemini_faults.slow_stream(0.02, times=None))


def ended(page, gemini):
    """Wait until the model's request was closed from this side."""
    end = time.monotonic() + 60
    while not gemini.abandoned:
        assert time.monotonic() < end, "the model is still asked"
        page.evaluate("fetch('livez').then(() => true)")


def answered_with(page, path, status, code):
    """Let the server answer a path with a problem."""
    body = json.dumps({"title": "x", "detail": f"why: {code}", "code": code})
    page.route(f"**/{path}", lambda route: route.fulfill(status=status, body=body))


def test_a_question_gives_an_answer_and_the_passages_it_is_from(serve, open_page, gemini):
    page = open_page(serve().url)
    ask(page, QUESTION)
    expect(page.locator("#answer-text")).to_contain_text("12.04 m")
    expect(page.locator("#passages > li").first).to_contain_text("컨테이너선 (Container Ship)")
    expect(page.locator("#passages > li").first).to_contain_text("container.md · docs")
    expect(page.locator(".grounded")).to_be_visible()
    expect(page.locator("#state-text")).to_have_text(re.compile(r"^구절 \d개와 답변, \d+\.\d초$"))


def test_passages_are_there_while_the_answer_still_comes(serve, open_page, gemini):
    slow(gemini)
    page = open_page(serve().url)
    ask(page, QUESTION, "streaming")
    expect(page.locator("#passages > li").first).to_be_visible()
    expect(page.locator("#answer-text .cite").first).to_be_visible()
    expect(page.locator("#go")).to_have_text("중지")
    page.locator("#answer-text .cite").first.click()  # a citation works before the answer is whole
    expect(page.locator("#source .marked")).to_be_visible()


@pytest.mark.parametrize("by", ["button", "key"])
def test_stop_ends_the_request_of_the_model(serve, open_page, gemini, by):
    slow(gemini)
    page = open_page(serve().url)
    ask(page, QUESTION, "streaming")
    expect(page.locator("#answer-text .cite").first).to_be_visible()
    if by == "button":
        page.click("#go")
    else:
        page.keyboard.press("Escape")
    wait_for_state(page, "stopped")
    expect(page.locator("#go")).to_have_text("묻기")
    expect(page.locator("#answer-text")).to_contain_text("말")  # what came, stays
    ended(page, gemini)


def test_another_question_takes_the_place_of_the_one_before(serve, open_page, gemini):
    slow(gemini)
    page = open_page(serve().url)
    ask(page, QUESTION, "streaming")
    expect(page.locator("#answer-text .cite").first).to_be_visible()  # only then has the model been asked
    gemini.forget()
    gemini.reply = "배는 석탄을 나른다 [1]."
    ask(page, "석탄을 나르는 배는?")
    expect(page.locator("#answer-text")).to_have_text("배는 석탄을 나른다 [1].")
    ended(page, gemini)


def test_a_citation_opens_the_document_where_it_says_so(serve, open_page, place, gemini):
    long = "\n\n".join(f"## Part {number}\n\n" + "The ferry waits. " * 60 for number in range(30))
    (place / "docs" / "long.md").write_text(f"# Ferry\n\n{long}\n\n## Draft\n\nA draft of 7.77 m.\n\n{long}\n", "utf-8")
    with Pipeline("config.yaml", embeddings=HashEmbeddings()) as pipeline:
        pipeline.ingest()
    page = open_page(serve().url)
    ask(page, "draft of 7.77 m")
    page.locator("#answer-text .cite").first.click()
    expect(page.locator("#source-title")).to_have_text("Ferry")
    expect(page.locator("#source-title")).to_be_focused()
    expect(page.locator("#source .marked")).to_contain_text("A draft of 7.77 m.")
    expect(page.locator("#source .marked mark")).to_have_text("A draft of 7.77 m.")
    expect(page.locator("#source .marked")).to_be_in_viewport()
    expect(page.locator("#source section").first).not_to_be_in_viewport()
    page.keyboard.press("Escape")
    expect(page.locator("#source")).to_be_hidden()
    expect(page.locator("#answer-text .cite").first).to_be_focused()


def test_a_passage_has_its_page(serve, open_page):
    page = open_page(serve().url)
    found = {"id": "p1", "rank": 1, "score": 0.5, "title": "T", "section": "", "source": "a.pdf", "text": "T\n\nx",
             "metadata": {"page": 12}, "document": "d1", "collection": "docs"}  # fmt: skip
    whole = {"id": "d1", "title": "T", "source": "a.pdf", "collection": "docs",
             "sections": [{"id": "p0", "section": "", "place": "sheet Ships, rows 2-9", "text": "a"},
                          {"id": "p1", "section": "", "place": "page 12", "text": "x"}]}  # fmt: skip
    page.route("**/api/v1/search", lambda route: route.fulfill(json={"passages": [found]}))
    page.route("**/api/v1/documents/d1", lambda route: route.fulfill(json=whole))
    page.uncheck("#with-answer")
    ask(page, QUESTION, "searched")
    expect(page.locator(".passage .hint").first).to_have_text("a.pdf · 12쪽 · docs")
    page.click("text=문서에서 보기")
    expect(page.locator("#source .marked .place")).to_have_text("12쪽")
    expect(page.locator("#source .place").first).to_have_text("시트 Ships, 2-9행")
    page.click("[data-language=en]")
    expect(page.locator("#source .marked .place")).to_have_text("page 12")


def test_without_a_key_for_a_chat_model_there_are_passages(serve, open_page):
    page = open_page(serve().url)
    ask(page, QUESTION, "searched")
    expect(page.locator("#passages > li").first).to_contain_text("12.04 m")
    expect(page.locator("#answer")).to_be_hidden()
    expect(page.locator("#notice")).to_contain_text("대화 모델의 키가 없습니다")
    expect(page.locator("#notice")).to_contain_text("GOOGLE_API_KEY")


def test_a_model_that_fails_leaves_the_passages(serve, open_page, gemini):
    gemini.expect(gemini_faults.status(403, times=None))
    page = open_page(serve().url)
    ask(page, QUESTION, "failed")
    expect(page.locator("#passages > li").first).to_be_visible()
    expect(page.locator("#notice")).to_contain_text("문제가 생겼습니다")
    gemini.forget()
    page.click("#notice button")
    wait_for_state(page, "answered")
    expect(page.locator("#notice")).to_be_hidden()


def test_what_the_check_finds_is_shown(serve, open_page, gemini):
    gemini.reply = "99.9 m이다 [1]."
    page = open_page(serve().url)
    ask(page, QUESTION)
    expect(page.locator(".problems")).to_contain_text("99.9")
    expect(page.locator(".grounded")).to_have_count(0)


def test_a_token_comes_in_the_fragment_and_leaves_the_address(serve, open_page):
    served = serve(token=TOKEN, ready=False)
    page = open_page(f"{served.url}/#token={TOKEN}")
    assert page.evaluate("location.href") == f"{served.url}/"
    assert page.evaluate("[localStorage.length, document.cookie]") == [0, ""]
    ask(page, QUESTION, "searched")
    page.reload()
    expect(page.locator("[name=collection]")).to_have_count(2)


def test_without_a_token_the_page_asks_for_it(serve, open_page):
    page = open_page(serve(token=TOKEN, ready=False).url, ready=False)
    wait_for_state(page, "unauthorised")
    for given in ("wrong-token-of-some-length", "한글"):
        page.fill("#token", given)
        page.press("#token", "Enter")
        expect(page.locator("#token-help")).to_have_text("토큰이 맞지 않습니다.")
        expect(page.locator("#token-form")).to_be_visible()
    page.fill("#token", TOKEN)
    page.click("#token-form button")
    expect(page.locator("#token-form")).to_be_hidden()
    ask(page, QUESTION, "searched")


def test_where_nothing_is_found_the_page_says_so(serve, open_page, gemini):
    page = open_page(serve().url)
    page.click("#more summary")
    page.fill("#min-score", "1000")
    ask(page, QUESTION, "nothing")
    expect(page.locator("#notice")).to_contain_text("맞는 구절이 없습니다")
    expect(page.locator("#results")).to_be_hidden()


def test_a_server_that_is_away_is_looked_for(serve, open_page):
    page = open_page(serve().url)
    page.context.set_offline(True)
    ask(page, QUESTION, "disconnected")
    expect(page.locator("#notice")).to_contain_text("서버가 응답하지 않습니다")
    expect(page.locator("#question")).to_have_value(QUESTION)
    page.context.set_offline(False)
    wait_for_state(page, "ready")
    expect(page.locator("#notice")).to_be_hidden()
    ask(page, QUESTION, "searched")


def test_a_stream_that_breaks_off_is_told(serve, open_page, gemini):
    page = open_page(serve().url)
    found = '{"passages":[{"id":"a","score":1,"title":"T","section":"","source":"a.md","text":"x","metadata":{}}]}'
    body = f'event: passages\ndata: {found}\n\nevent: text\ndata: {{"text":"halb"}}\n\n'
    page.route("**/api/v1/ask", lambda route: route.fulfill(body=body, content_type="text/event-stream"))
    ask(page, QUESTION, "failed")
    expect(page.locator("#notice")).to_contain_text("도중에 끊겼습니다")
    expect(page.locator("#answer-text")).to_have_text("halb")


def test_while_the_model_is_loaded_the_page_says_so(serve, open_page):
    served = serve()
    served.app.state.service.is_ready = False
    page = open_page(served.url, ready=False)
    wait_for_state(page, "loading")
    served.app.state.service.is_ready = True
    wait_for_state(page, "ready")


def test_a_busy_server_is_asked_again_by_a_button(serve, open_page):
    served = serve(concurrency=1)
    page = open_page(served.url)
    leave = served.app.state.service.take_place()
    page.uncheck("#with-answer")
    ask(page, QUESTION, "failed")
    expect(page.locator("#notice")).to_contain_text("너무 많습니다")
    leave()
    page.click("text=다시 시도")
    wait_for_state(page, "searched")


@pytest.mark.parametrize(
    ("status", "code", "title"),
    [
        (503, "store_unavailable", "저장소가 사용 중이거나 읽을 수 없습니다"),
        (409, "collection_mismatch", "컬렉션과 설정이 맞지 않습니다"),
        (400, "bad_request", "이대로는 물을 수 없습니다"),
        (500, "internal", "문제가 생겼습니다"),
        (502, None, "서버가 응답하지 않습니다"),
    ],
)
def test_a_problem_has_a_title_in_the_language_of_the_page_and_what_the_server_says(
    serve, open_page, status, code, title
):
    page = open_page(serve().url)
    page.uncheck("#with-answer")
    if code:
        answered_with(page, "api/v1/search", status, code)
    else:  # a proxy whose server is away
        page.route("**/api/v1/search", lambda route: route.fulfill(status=status, body="<h1>Bad Gateway</h1>"))
    page.fill("#question", QUESTION)
    page.press("#question", "Enter")
    expect(page.locator("#notice strong")).to_have_text(title)
    if code:
        expect(page.locator("#notice")).to_contain_text(f"why: {code}")


def test_what_a_document_or_a_model_says_stays_text(serve, open_page, place, gemini):
    attack = '<img src=x onerror="window.hacked=1"><script>window.hacked=1</script>'
    (place / "docs" / "attack.md").write_text(f"# Ship {attack}\n\n## Part {attack}\n\nzebra {attack}\n", "utf-8")
    with Pipeline("config.yaml", embeddings=HashEmbeddings()) as pipeline:
        pipeline.ingest()
    gemini.reply = f"{attack} zebra [1] **{attack}**"
    page = open_page(serve().url)
    ask(page, f"zebra {attack}")
    expect(page.locator("#answer-text")).to_contain_text("<img src=x onerror")
    expect(page.locator("#passages > li").first).to_contain_text("<img src=x onerror")
    page.locator("#answer-text .cite").first.click()
    expect(page.locator("#source .marked")).to_contain_text("<img src=x onerror")
    page.click("[data-view=status]")
    page.click(".group summary >> nth=0")
    expect(page.locator(".documents").first).to_contain_text("Ship")
    page.reload()
    expect(page.locator("#asked li").first).to_contain_text("<img src=x onerror")
    assert page.locator("img").count() == 0
    assert page.evaluate("window.hacked") is None


def test_the_page_lets_its_own_files_alone_run(served):
    for path in ("/", "/page/main.js", "/page/page.css", "/page/messages/ko.js", "/page/icon.svg"):
        reply = served.get(path)
        assert reply.status_code == 200
        policy = dict(part.split(" ", 1) for part in reply.headers["content-security-policy"].split("; "))
        assert policy["default-src"] == "'none'"
        assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
        assert policy["require-trusted-types-for"] == "'script'"
        assert "unsafe" not in str(policy)
    html = served.get("/").text
    assert not re.search(r"\son\w+=|style=|<style|<script(?! type=\"module\" src=)|(?:src|href)=\"(?:/|https?:)", html)
    for name in ("", "index.html", "__init__.py", "nothing.js", "messages/", "../guard.py", "%2e%2e/guard.py"):
        assert served.get(f"/page/{name}").status_code == 404
