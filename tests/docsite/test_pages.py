# SPDX-License-Identifier: GPL-3.0-or-later
"""Opens every page of the site in a headless Chromium; `make docs-test`. Screenshots are stored in build/docs/pictures."""

import http.server
import threading
import urllib.parse
from functools import partial
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import sync_playwright

from docsite import build, chromium
from docsite.blocks import GUIDES, blocks
from testbed.engine import EngineError

PICTURES = build.OUTPUT / "pictures"
# Each kind of report, by the name of its block in the guides, and words that it must show.
REPORTS = {
    "refused-variables": "did you mean crio.metrics.metrics_port?",
    "plan": "+[crio.metrics]",
    "diff": "(from crio_config__try)",
    "provision": "2 nodes: 2 passed",
    "verification": "2 nodes: 1 passed, 1 failed",
    "verification-json": '"checks"',
    "statistics": "cri_node_verification",
    "facts-info": "runtime_version",
    "facts-containers": "exit_code",
    "facts-log": "stdout",
    "facts-images": "available_bytes",
    "import": "image registry.example.com:5000/long-running:1: ",
    "in-use": "because a container uses it",
    "facts": "RuntimeReady",
    "undone": "The change was undone: the node is as it was.",
}
LIMIT = 120_000  # milliseconds for one step of the browser, on a machine that has much else to do
DESKTOP = {"width": 1600, "height": 1000}
TELEPHONE = {"width": 390, "height": 844}


class _QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_arguments):
        """Print nothing."""


@pytest.fixture(scope="session")
def html() -> Path:
    """Return the newly built site; a warning of Sphinx fails here."""
    return build.build()


@pytest.fixture(scope="session")
def address(html) -> str:
    """Return the URL of the site."""
    handler = partial(_QuietHandler, directory=str(html))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(scope="session")
def browser():
    """Return Chromium; if it is missing, all tests that need it are skipped with the reason."""
    try:
        program = chromium.find_or_install()
    except EngineError as error:
        pytest.skip(str(error))
    with sync_playwright() as playwright:
        # Root, as in a container, has no sandbox; the pages are the site's own.
        started = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield started
        started.close()


class Reader:
    """A browser's page and its errors: external requests, failed requests, errors of scripts."""

    def __init__(self, browser, address: str, viewport: dict):
        self.page = browser.new_page(viewport=viewport)
        self.page.set_default_timeout(LIMIT)
        self.faults: list[str] = []
        self._address = address
        self.page.route("**/*", self._only_the_site)
        self.page.on("response", self._note_status)
        self.page.on("pageerror", lambda error: self.faults.append(f"{self.page.url}: {error}"))

    def open(self, path: str):
        """Open a page of the site by its path, such as docsite/logs.html."""
        self.page.goto(f"{self._address}/{path}")
        return self.page

    def _only_the_site(self, route):
        if route.request.url.startswith((self._address, "data:")):
            route.continue_()
        else:
            self.faults.append(f"{self.page.url} loads {route.request.url}")
            route.abort()

    def _note_status(self, response):
        if response.status >= 400:
            self.faults.append(f"{self.page.url}: {response.status} for {response.url}")


@pytest.fixture
def reader(browser, address):
    """Return a Reader with a wide screen."""
    reader = Reader(browser, address, DESKTOP)
    yield reader
    reader.page.close()


@pytest.fixture(scope="session")
def visited(html, browser, address):
    """Return {path: {"links": [absolute URLs], "anchors": {ids}, "title": text}} of all pages, and their errors."""
    reader, found = Reader(browser, address, DESKTOP), {}
    for path in sorted(str(file.relative_to(html)) for file in html.rglob("*.html")):
        page = reader.open(path)
        found[path] = {
            "links": page.eval_on_selector_all("a[href]", "all => all.map(each => each.href)"),
            "anchors": set(page.eval_on_selector_all("[id]", "all => all.map(each => each.id)")),
            "title": next(iter(page.locator("h1").all_inner_texts()), ""),
        }
    reader.page.close()
    return found, reader.faults


def test_every_page_opens_without_errors_and_without_external_requests(visited):
    pages, faults = visited
    assert faults == []
    assert len(pages) > len(list(GUIDES.glob("*.rst")))
    untitled = {path for path, page in pages.items() if not page["title"]}
    assert untitled <= {"search.html"}  # which only has a form before the first search


def test_no_link_inside_the_site_is_broken(visited, address):
    pages, _faults = visited
    broken, followed = set(), 0
    for path, page in pages.items():
        for link in page["links"]:
            if not link.startswith(address):
                continue
            followed += 1
            target, anchor = urllib.parse.urldefrag(link)
            target = urllib.parse.unquote(target.removeprefix(address).lstrip("/")) or "index.html"
            anchor = urllib.parse.unquote(anchor)
            if target not in pages or (anchor and anchor not in pages[target]["anchors"]):
                broken.add(f"{path}: {link.removeprefix(address)}")
    assert broken == set()
    assert followed > 1000


def test_external_links_use_https(visited, address):
    pages, _faults = visited
    others = {link for page in pages.values() for link in page["links"] if not link.startswith(address)}
    assert {link for link in others if not link.startswith("https://")} == set()


@pytest.mark.parametrize(("name", "words"), REPORTS.items(), ids=REPORTS)
def test_each_kind_of_report_is_shown_completely(reader, name, words):
    """The block shows the recorded output, no line is cut off, and its screenshot has colours and is not empty."""
    (block, page_path) = next(
        (block, f"docsite/{path.stem}.html")
        for path in sorted(GUIDES.glob("*.rst"))
        for block in blocks(path)
        if block.options.get("name") == name
    )
    page = reader.open(page_path)
    shown = page.locator(f"[id='{name}']")
    text = shown.locator("pre").inner_text()
    assert text.strip("\n") == block.text.strip("\n")
    assert words in text
    PICTURES.mkdir(parents=True, exist_ok=True)
    picture = PICTURES / f"{name}.png"
    shown.screenshot(path=picture)
    with Image.open(picture) as image:
        assert image.width > 600
        assert len(image.convert("RGB").getcolors(maxcolors=1 << 24)) > 20
    assert reader.faults == []


def test_the_navigation_names_each_page_once(reader):
    page = reader.open("index.html")
    names = page.locator(".sidebar-tree a.reference").all_text_contents()
    assert "crictl_pod (module)" in names
    assert sorted(names) == sorted(set(names))


def test_the_front_page_links_to_every_guide(reader, html):
    page = reader.open("index.html")
    page.locator("article a", has_text="Configure your first nodes").first.click()
    assert page.locator("h1").inner_text().strip().startswith("Configure your first nodes")
    PICTURES.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=PICTURES / "first-node.png")
    links = {urllib.parse.urldefrag(link)[0] for link in reader.open("index.html").eval_on_selector_all(
        "article a", "all => all.map(each => each.href)")}  # fmt: skip
    assert {path.stem for path in GUIDES.glob("*.rst")} <= {Path(link).stem for link in links}


def test_the_search_finds_a_role_variable(reader):
    page = reader.open("search.html?q=verify_report_file")
    page.locator("ul.search li a", has_text="verify role").first.click()
    assert "verify_report_file" in page.locator("article").inner_text()
    assert reader.faults == []


@pytest.mark.parametrize(
    "path", ["index.html", *(f"docsite/{path.stem}.html" for path in sorted(GUIDES.glob("*.rst")))]
)
def test_a_guide_fits_the_screen_of_a_phone(browser, address, path):
    """Wide blocks scroll by themselves; the page does not."""
    reader = Reader(browser, address, TELEPHONE)
    page = reader.open(path)
    width = page.evaluate("document.documentElement.scrollWidth")
    page.close()
    assert width <= TELEPHONE["width"]
