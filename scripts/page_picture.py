"""Writes docs/pictures/page.png: the page of `rag-pipeline serve` as a browser shows it, on the six ship documents.

The server, the collection and the page are real; the chat model is the Gemini on loopback of rag_pipeline.testing,
which answers with the line of the passages that is nearest the question.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import shutil
import socket
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import uvicorn
from playwright.sync_api import Page, ViewportSize, sync_playwright

from rag_pipeline import Pipeline, load_settings
from rag_pipeline.server import create_app
from rag_pipeline.testing import GeminiServer

ROOT = Path(__file__).parent.parent
QUESTIONS = {
    "ko": "최대 흘수가 12.04 m인 컨테이너선은 무엇인가?",
    "en": "Which container ship has a maximum draft of 12.04 m?",
}


@contextlib.contextmanager
def served_ships() -> Iterator[str]:
    """The address of a server of the six ship documents, with an empty store of its own."""
    with tempfile.TemporaryDirectory() as name, GeminiServer(latency=0.1) as gemini, socket.socket() as listening:
        folder = Path(name)
        shutil.copytree(ROOT / "documents" / "ships", folder / "ships")
        (folder / "config.yaml").write_text(
            "default_collection: ships\ncollections:\n  ships: {folder: ships}\n", encoding="utf-8"
        )
        os.environ.update(gemini.environment)
        with Pipeline(folder / "config.yaml") as pipeline:
            pipeline.ingest()
        listening.bind(("127.0.0.1", 0))
        app = create_app(load_settings(folder / "config.yaml"))
        server = uvicorn.Server(uvicorn.Config(app, http="h11", loop="asyncio", log_config=None, access_log=False))
        thread = threading.Thread(target=lambda: asyncio.run(server.serve([listening])))
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


def ask(page: Page, url: str, language: str) -> None:
    """Ask the question of a language, and wait for its answer."""
    page.goto(url)
    page.locator("#state[data-state=ready]").wait_for(timeout=120_000)
    page.fill("#question", QUESTIONS[language])
    page.keyboard.press("Enter")
    page.locator("#state[data-state=answered]").wait_for()


def main() -> int:
    """Take the picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "pictures" / "page.png")
    parser.add_argument("--language", choices=sorted(QUESTIONS), default="ko")
    parser.add_argument("--scheme", choices=["light", "dark"], default="light")
    parser.add_argument("--size", default="1200x800", help="Width and height in pixels.")
    parser.add_argument("--source", action="store_true", help="With the document of the first citation.")
    given = parser.parse_args()
    browser_path = shutil.which("chromium")
    if browser_path is None:
        sys.stderr.write("error: no chromium on the PATH; apt-get install chromium fonts-nanum\n")
        return 2
    width, height = map(int, given.size.split("x"))
    given.out.parent.mkdir(parents=True, exist_ok=True)
    with served_ships() as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path, args=["--no-sandbox"])
        page = browser.new_page(
            viewport=ViewportSize(width=width, height=height),
            color_scheme=given.scheme,
            locale={"ko": "ko-KR", "en": "en-US"}[given.language],
        )
        ask(page, url, given.language)
        if given.source:
            page.locator("#answer-text .cite").first.click()
            page.locator("#source").wait_for()
        page.screenshot(path=given.out)
        browser.close()
    sys.stdout.write(f"{given.out}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
