"""The page, in a real browser: keys, input methods, screens, languages, what is kept and what is handed on."""

from __future__ import annotations

import itertools
import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.server.browser import ask, needs_browser, violations, wait_for_state
from tests.server.conftest import app_of, serving

pytestmark = [pytest.mark.slow, needs_browser]

QUESTION = "최대 흘수는?"
PAGE = Path(__file__).parent.parent.parent / "rag_pipeline" / "server" / "page"
REPORT = {
    "questions": 12,
    "answerable": 10,
    "contestants": [
        {
            "collection": name, "embedding": "bundled", "model": "<b>e5</b>", "mode": mode, "best": best,
            "metrics": {"hit@1": 0.9, "nDCG@10": 0.95}, "languages": {},
            "behind_best": {"nDCG@10": 0.0, "interval": [-0.1, 0.1]}, "unanswerable_separation": None,
            "query_ms": {"p50": 1.5, "p95": 2.5}, "chunks": 1200, "index_bytes": None, "cost": None,
        }
        for name, mode, best in (("docs", "hybrid", True), ("english", "dense", False))
    ],
    "differing": [
        {"id": "1", "question": "흘수는?", "right": ["docs hybrid"]},
        {"id": "2", "question": "x", "right": []},
    ],
}  # fmt: skip


def test_the_picture_of_the_documentation_can_be_taken_again(python, cache_dir, tmp_path):
    picture = tmp_path / "page.png"
    done = python("scripts/page_picture.py", "--out", str(picture), env={"RAG_PIPELINE_CACHE_DIR": str(cache_dir)})
    assert done.returncode == 0, done.stderr
    header = picture.read_bytes()[:24]
    assert header[1:4] == b"PNG"
    assert (int.from_bytes(header[16:20]), int.from_bytes(header[20:24])) == (1200, 800)


class Hand:
    """Keys and an input method, as the browser gets them from the system."""

    def __init__(self, page):
        self.page = page
        self.cdp = page.context.new_cdp_session(page)
        self.asked = []
        page.route("**/api/v1/search", self._take)
        page.uncheck("#with-answer")
        page.focus("#question")

    def _take(self, route):
        self.asked.append(route.request.post_data_json["question"])
        route.fulfill(json={"passages": []})

    def compose(self, *texts):
        for text in texts:
            self.cdp.send(
                "Input.imeSetComposition", {"text": text, "selectionStart": len(text), "selectionEnd": len(text)}
            )

    def commit(self, text):
        self.cdp.send("Input.insertText", {"text": text})

    def taken_key(self, key="Process"):
        """A key that the input method takes for itself."""
        for kind in ("rawKeyDown", "keyUp"):
            self.cdp.send(
                "Input.dispatchKeyEvent",
                {"type": kind, "key": key, "code": "Enter", "windowsVirtualKeyCode": 229, "nativeVirtualKeyCode": 229},
            )

    def enter(self, shift=False):
        key = {"key": "Enter", "code": "Enter", "windowsVirtualKeyCode": 13, "modifiers": 8 if shift else 0}
        self.cdp.send("Input.dispatchKeyEvent", {"type": "keyDown", "text": "\r", **key})
        self.cdp.send("Input.dispatchKeyEvent", {"type": "keyUp", **key})

    def has_asked(self, *questions):
        if questions:
            wait_for_state(self.page, "nothing")
        assert self.asked == list(questions)
        expect(self.page.locator("#question")).to_have_value(questions[-1] if questions else re.compile("."))


def korean_macos(hand):
    """Enter ends the syllable, and comes a second time as itself."""
    hand.compose("ㅅ", "서", "선")
    hand.commit("선")
    hand.compose("ㅂ", "바", "박")
    hand.taken_key("Enter")
    hand.commit("박")
    hand.enter()


def korean_windows(hand):
    """The input method takes the key, ends the syllable, and passes the key on."""
    hand.compose("ㅅ", "서", "선")
    hand.commit("선")
    hand.compose("ㅂ", "바", "박")
    hand.taken_key()
    hand.commit("박")
    hand.enter()


def korean_while_composing(hand):
    """The line break comes while the last syllable is still being composed."""
    hand.commit("선")
    hand.compose("ㅂ", "바", "박")
    hand.enter()


@pytest.mark.parametrize("sequence", [korean_macos, korean_windows, korean_while_composing])
def test_korean_is_asked_once_with_its_last_syllable(serve, open_page, sequence):
    hand = Hand(open_page(serve().url))
    sequence(hand)
    hand.has_asked("선박")


def test_japanese_is_asked_by_the_second_enter(serve, open_page):
    hand = Hand(open_page(serve().url))
    hand.compose("n", "に", "にh", "にほ", "にほん", "日本")
    hand.taken_key("Enter")
    hand.commit("日本")
    hand.has_asked()
    hand.enter()
    hand.has_asked("日本")


def test_shift_and_enter_is_a_new_line_while_composing_too(serve, open_page):
    hand = Hand(open_page(serve().url))
    hand.compose("ㅅ", "서", "선")
    hand.commit("선")
    hand.enter(shift=True)
    hand.commit("b")
    expect(hand.page.locator("#question")).to_have_value("선\nb")
    hand.has_asked()
    hand.enter()
    hand.has_asked("선\nb")


def test_keys_lead_through_the_page(serve, open_page, gemini):
    gemini.reply = "하나 [1], 둘 [2]."
    page = open_page(serve().url)
    ask(page, QUESTION)
    page.click("h1")
    cites = page.locator("#answer-text .cite")
    for key, number in (("]", 0), ("]", 1), ("]", 0), ("[", 1), ("[", 0)):
        page.keyboard.press(key)
        expect(cites.nth(number)).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#source")).to_be_visible()
    page.keyboard.press("Escape")
    expect(cites.first).to_be_focused()
    page.click("[data-view=status]")
    page.keyboard.press("/")
    expect(page.locator("#question")).to_be_focused()
    expect(page.locator("#question")).to_have_value(QUESTION)
    page.keyboard.type("/[]")
    expect(page.locator("#question")).to_have_value(re.compile(r"/\[\]"))


def test_what_is_under_more_is_asked(serve, open_page):
    page = open_page(serve().url)
    page.uncheck("#with-answer")
    page.click("#more summary")
    for name, value in {"k": "7", "min-score": "-5", "where": "type=bulk,other\n\n"}.items():
        page.fill(f"#{name}", value)
    page.select_option("#mode", "dense")
    page.check("#distinct")
    with page.expect_request("**/api/v1/search") as sent:
        ask(page, "배", "searched")
    assert sent.value.post_data_json == {
        "question": "배", "explain": True, "collections": ["docs"], "mode": "dense", "k": 7, "min_score": -5,
        "distinct": True, "where": ["type=bulk,other"],
    }  # fmt: skip
    expect(page.locator("#passages > li")).to_have_count(1)
    expect(page.locator("#passages > li")).to_contain_text("bulk.md")
    page.fill("#where", "nonsense")
    ask(page, "배", "failed")
    expect(page.locator("#notice")).to_contain_text("nonsense")


def test_collections_are_chosen_and_kept(serve, open_page):
    page = open_page(serve().url)
    page.uncheck("#with-answer")
    expect(page.locator("[name=collection]:checked")).to_have_value("docs")
    page.check("[value=english]", force=True)
    page.uncheck("[value=docs]", force=True)
    ask(page, "tug", "searched")
    expect(page.locator("#passages > li").first).to_contain_text("tug.md · english")
    page.reload()
    expect(page.locator("[name=collection]:checked")).to_have_value("english")


def test_a_score_is_taken_apart(serve, open_page):
    page = open_page(serve().url)
    page.uncheck("#with-answer")
    ask(page, "최대 흘수 12.04 m", "searched")
    page.locator(".why summary").first.click()
    why = page.locator(".why").first
    expect(why).to_contain_text("내적")
    expect(why).to_contain_text("겹치는 낱말")
    expect(why.locator(".terms li").first).to_be_visible()
    parts = [float(one) for one in re.findall(r"-?\d\.\d{4}", " ".join(why.locator("dd").all_inner_texts()))]
    assert sum(parts[:2]) == pytest.approx(float(page.locator(".score").first.inner_text()), abs=2e-4)


def test_thumbs_are_kept_by_the_server(serve, open_page, place, gemini):
    page = open_page(serve().url)
    ask(page, QUESTION)
    page.locator(".passage").nth(1).get_by_label("맞지 않음").click()
    expect(page.locator(".passage").nth(1)).to_contain_text("기록했습니다")
    page.locator("#answer").get_by_label("나쁜 답변").click()
    expect(page.locator("#answer")).to_contain_text("기록했습니다")
    expect(page.locator("#answer").get_by_label("나쁜 답변")).to_have_attribute("aria-pressed", "true")
    lines = [json.loads(line) for line in (place / "chroma_db.feedback.jsonl").read_text("utf-8").splitlines()]
    assert [(line["verdict"], line.get("about")) for line in lines] == [("wrong", None), ("wrong", "answer")]
    assert lines[1]["source"] == "container.md"


def test_what_is_copied_and_saved_has_its_sources(serve, open_page, gemini):
    page = open_page(serve().url, permissions=["clipboard-read", "clipboard-write"])
    ask(page, QUESTION)
    page.click("#copy")
    expect(page.locator("#copy")).to_have_text("복사했습니다")
    copied = page.evaluate("navigator.clipboard.readText()")
    with page.expect_download() as download:
        page.click("#save")
    assert download.value.suggested_filename == "최대-흘수는.md"
    saved = Path(download.value.path()).read_text("utf-8")
    assert saved == copied
    assert saved.startswith(f"# {QUESTION}\n\n")
    assert "12.04 m [1]" in saved.replace("12.04 m. [1]", "12.04 m [1]")
    assert "## 출처\n\n1. **컨테이너선 (Container Ship) · 제원** (container.md · docs; " in saved
    assert "   > 최대 흘수 12.04 m." in saved


def test_questions_are_kept_in_the_browser_alone(serve, open_page, place):
    page = open_page(serve().url)
    for question in ("tug", QUESTION, "tug"):
        ask(page, question, "searched")
    page.reload()
    expect(page.locator("#asked li")).to_have_text(["tug", QUESTION])
    assert page.evaluate("[document.cookie, sessionStorage.length, location.search]") == ["", 0, ""]
    page.click(f"#asked >> text={QUESTION}")
    wait_for_state(page, "searched")
    expect(page.locator("#question")).to_have_value(QUESTION)
    page.click("#forget")
    expect(page.locator("#history")).to_be_hidden()
    page.reload()
    wait_for_state(page, "ready")
    expect(page.locator("#asked li")).to_have_count(0)
    assert QUESTION not in page.evaluate("JSON.stringify(localStorage)")


def test_where_the_browser_keeps_nothing_the_page_works_all_the_same(served, browser, open_page):
    forbidden = (
        "for (const name of ['localStorage', 'sessionStorage']) "
        "Object.defineProperty(window, name, { get() { throw new DOMException('no', 'SecurityError'); } });"
    )
    page = open_page(served.url, ready=False)
    page.add_init_script(forbidden)
    page.reload()
    ask(page, QUESTION, "searched")
    expect(page.locator("#passages > li").first).to_be_visible()
    page.click("[data-language=en]")
    expect(page.locator("#go")).to_have_text("Ask")


def test_the_language_is_that_of_the_browser_until_another_is_chosen(serve, open_page):
    page = open_page(serve().url, locale="en-GB")
    expect(page.locator("html")).to_have_attribute("lang", "en")
    ask(page, QUESTION, "searched")
    expect(page.locator("#state-text")).to_have_text(re.compile(r"^\d passages in"))
    page.click("[data-language=ko]")
    expect(page.locator("html")).to_have_attribute("lang", "ko")
    expect(page.locator("#state-text")).to_have_text(re.compile(r"^구절 \d개"))
    expect(page.locator("#notice")).to_contain_text("대화 모델의 키가 없습니다")
    expect(page.locator("#question")).to_have_attribute("placeholder", re.compile("물어보세요"))
    page.reload()
    expect(page.locator("#go")).to_have_text("묻기")
    expect(open_page(serve().url, locale="fr-FR").locator("#go")).to_have_text("Ask")


def test_both_languages_say_everything():
    keys = {
        name: re.findall(r"^  (\w+):", (PAGE / "messages" / f"{name}.js").read_text("utf-8"), re.MULTILINE)
        for name in ("ko", "en")
    }
    assert keys["ko"] == keys["en"]
    files = [PAGE / "index.html", *(file for file in PAGE.glob("*.js") if file.name != "i18n.js")]
    text = "".join(file.read_text("utf-8") for file in files)
    used = re.findall(r'(?:data-t[a-z-]*=|\b(?:t|label): \[?|(?<!\w)(?:t|notice|setState)\()"(\w+)"', text)
    assert len(used) > 60
    assert set(used) <= set(keys["ko"])


def test_a_report_of_compare_is_shown(serve, open_page, tmp_path):
    report, other = tmp_path / "report.json", tmp_path / "other.json"
    report.write_text(json.dumps(REPORT), "utf-8")
    other.write_text("[1]", "utf-8")
    page = open_page(serve().url)
    page.click("[data-view=compare]")
    page.set_input_files("#report", report)
    expect(page.locator("#comparison")).to_contain_text("질문 12개, 그중 문서에 답이 있는 것 10개")
    expect(page.locator("tr.best")).to_contain_text(re.compile("docs.*최고.*<b>e5</b>.*hybrid.*0.900.*0.950.*1,200"))
    expect(page.locator("#comparison")).to_contain_text("docs hybrid")
    page.set_input_files("#report", other)
    expect(page.locator("#comparison")).to_have_text("compare --json의 보고서가 아닙니다.")


def test_the_state_of_collections_and_their_documents_are_shown(serve, open_page):
    page = open_page(serve().url)
    page.click("[data-view=status]")
    expect(page.locator("#overview tbody tr")).to_have_text([re.compile("docs.*64.*3.*4.*정상"), re.compile("english")])
    page.click(".group summary >> nth=1")
    page.click(".documents >> text=Tug")
    expect(page.locator("#source")).to_contain_text("A tug tows other ships.")
    expect(page.locator("#source .marked")).to_have_count(0)


@pytest.mark.parametrize(("scheme", "locale"), [*itertools.product(["light", "dark"], ["ko-KR", "en-US"])])
def test_axe_finds_nothing(serve, open_page, tmp_path, gemini, scheme, locale):
    gemini.reply = "12.04 m [1], 99 m [2]."
    (tmp_path / "report.json").write_text(json.dumps(REPORT), "utf-8")
    page = open_page(serve().url, color_scheme=scheme, locale=locale)
    assert violations(page) == []
    page.click("#more summary")
    ask(page, QUESTION)
    page.locator(".why summary").first.click()
    page.locator(".thumb").first.click()
    expect(page.locator(".thumbs").first.locator("[data-t=kept]")).to_be_visible()
    assert violations(page) == []
    page.locator("#answer-text .cite").first.click()
    expect(page.locator("#source mark")).to_be_visible()
    assert violations(page) == []
    page.keyboard.press("Escape")
    page.fill("#where", "nonsense")
    ask(page, QUESTION, "failed")
    assert violations(page) == []
    page.click("[data-view=compare]")
    page.set_input_files("#report", tmp_path / "report.json")
    expect(page.locator("tr.best")).to_be_visible()
    assert violations(page) == []
    page.click("[data-view=status]")
    page.click(".group summary >> nth=0")
    expect(page.locator(".documents li").first).to_be_visible()
    assert violations(page) == []


def test_axe_finds_nothing_where_a_token_is_wanted(serve, open_page):
    page = open_page(serve(token="x" * 20, ready=False).url, ready=False)
    expect(page.locator("#token-form")).to_be_visible()
    assert violations(page) == []


@pytest.mark.parametrize("locale", ["ko-KR", "en-US"])
def test_a_screen_of_320_pixels_is_wide_enough(serve, open_page, tmp_path, gemini, locale):
    def wide():
        return page.evaluate("Math.max(document.documentElement.scrollWidth, document.body.scrollWidth)")

    (tmp_path / "report.json").write_text(json.dumps(REPORT), "utf-8")
    page = open_page(serve().url, locale=locale, viewport={"width": 320, "height": 640})
    assert wide() == 320
    page.click("#more summary")
    ask(page, QUESTION)
    page.locator(".why summary").first.click()
    assert wide() == 320
    page.locator("#answer-text .cite").first.click()
    expect(page.locator("#source")).to_be_in_viewport(ratio=1)
    assert wide() == 320
    assert page.evaluate("document.querySelector('main').inert")
    page.click("#source-close")
    page.click("[data-view=compare]")
    page.set_input_files("#report", tmp_path / "report.json")
    expect(page.locator("tr.best")).to_be_visible()
    assert wide() == 320
    page.click("[data-view=status]")
    expect(page.locator("#overview table")).to_be_visible()
    assert wide() == 320


def below(prefix, app):
    """A proxy that has the application at a folder of its site."""

    async def proxied(scope, receive, send):
        if scope["type"] == "http":
            if not scope["path"].startswith(f"{prefix}/"):
                await send({"type": "http.response.start", "status": 404, "headers": []})
                await send({"type": "http.response.body", "body": b""})
                return
            scope = {**scope, "path": scope["path"].removeprefix(prefix)}
        await app(scope, receive, send)

    return proxied


def test_it_works_in_a_folder_of_a_site(place, open_page, gemini):
    with serving(below("/rag/docs", app_of(place)), ready=False) as served:
        page = open_page(f"{served.url}/rag/docs/")
        ask(page, QUESTION)
        page.locator("#answer-text .cite").first.click()
        expect(page.locator("#source .marked")).to_be_visible()
        page.get_by_label("맞음").first.click()
        expect(page.locator(".passage").first).to_contain_text("기록했습니다")
        page.click("[data-view=status]")
        expect(page.locator("#overview table")).to_be_visible()
