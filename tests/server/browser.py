"""A real browser for the tests of the page; it reaches this machine alone."""

from __future__ import annotations

import shutil

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect, sync_playwright

CHROMIUM = shutil.which("chromium")
needs_browser = pytest.mark.skipif(CHROMIUM is None, reason="no chromium on the PATH: apt-get install chromium")
# So slow is no machine; nothing waits for it where all is well.
PATIENCE = 15_000
_NOWHERE = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"


@pytest.fixture(scope="module")
def browser():
    """Of a file of tests: while its loop runs in this thread, no other can."""
    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", _NOWHERE])
        yield browser
        browser.close()


@pytest.fixture
def open_page(browser):
    """Open the page of a server; at the end it has broken no rule, and asked for nothing but what is there."""
    opened = []

    def start(url, *, ready=True, **options):
        context = browser.new_context(**{"locale": "ko-KR", "viewport": {"width": 1200, "height": 800}, **options})
        context.set_default_timeout(PATIENCE)
        page = context.new_page()
        said, asked = [], []
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(f"Uncaught {error}"))
        page.on("request", lambda request: asked.append(request.url))
        opened.append((url, said, asked, context))
        page.goto(url)
        if ready:
            wait_for_state(page, "ready")
        return page

    yield start
    for url, said, asked, context in opened:
        context.close()
        assert [one for one in said if "Content Security Policy" in one or one.startswith("Uncaught")] == []
        home = url.partition("#")[0].rstrip("/") + "/"
        assert [one for one in asked if not one.startswith((home, "blob:"))] == []


def wait_for_state(page, name):
    """Wait until the page says that it is in a state."""
    expect(page.locator("#state")).to_have_attribute("data-state", name)


def ask(page, question, state="answered"):
    """Ask a question as a person does."""
    page.fill("#question", question)
    page.press("#question", "Enter")
    wait_for_state(page, state)


def violations(page):
    """What axe finds: rule, and where."""
    found = Axe().run(page).response["violations"]
    return [(one["id"], [node["target"] for node in one["nodes"]]) for one in found]
