"""A newcomer's way through the pages in a real browser, in both languages: set-up, add a Mac, a rule, a decision.

Set SCREENSHOTS_DIR to a folder to keep the pictures; docs/screens holds those of the last look.
"""

import gettext
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, ViewportSize, expect, sync_playwright

from tests.running import RunningPortal, kill_quietly, portal_environment, start_portal
from tests.runtimes.llama_server import running_llama_server
from tests.runtimes.tiny_gguf import write_tiny_gguf

pytestmark = pytest.mark.e2e

FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip
WINDOW: ViewportSize = {"width": 1280, "height": 900}
ROOT = Path(__file__).parents[2]
KIRIKAE = (sys.executable, "-m", "kirikae.cli")
PASSWORD = "correct horse battery staple"


def words_of(language: str) -> Callable[[str], str]:
    """What the pages say in that language, from the catalogue itself."""
    if language == "en":
        return str
    return gettext.translation("django", ROOT / "portal" / "locale", languages=[language]).gettext


@dataclass
class Visit:
    """One person's browser. `findings` collects what no page may have: script errors and requests elsewhere."""

    page: Page
    language: str
    portal: RunningPortal
    findings: list[str]

    def tables_fit(self, name: str) -> None:
        """No table needs a second look to its right at the width of a small laptop, no card at that of a phone."""
        wide = "[...document.querySelectorAll('.table-wrap')].some(one => one.scrollWidth > one.clientWidth + 1)"
        if self.page.evaluate(wide):
            self.findings.append(f"{name}: a table scrolls sideways")
        self.page.set_viewport_size({"width": 390, "height": 844})
        if self.page.evaluate(wide.replace(".table-wrap", ".table-wrap:has(> .cards)")):
            self.findings.append(f"{name}: a card scrolls sideways on a phone")
        if self.page.evaluate("document.documentElement.scrollWidth > innerWidth + 1"):
            self.findings.append(f"{name}: scrolls sideways on a phone")
        self.page.set_viewport_size(WINDOW)

    def look(self, name: str) -> None:
        """Axe finds nothing, the page does not scroll sideways, and the picture is kept where one is wanted."""
        report = Axe().run(self.page)
        self.findings += [f"{name}: axe {one['id']}" for one in report.response["violations"]]
        if self.page.evaluate("document.documentElement.scrollWidth > innerWidth + 1"):
            self.findings.append(f"{name}: scrolls sideways")
        if self.page.evaluate("document.documentElement.lang") != self.language:
            self.findings.append(f"{name}: another language")
        folder = os.environ.get("SCREENSHOTS_DIR")
        if folder:
            path = Path(folder) / f"{name}-{self.language}.png"
            self.page.screenshot(path=path, full_page=True)

    def click(self, text: str) -> None:
        said = self.say(text)
        self.page.get_by_role("link", name=said).or_(self.page.get_by_role("button", name=said)).first.click()

    def say(self, text: str) -> str:
        return words_of(self.language)(text)


@pytest.fixture(scope="module")
def chromium(needs_program: Callable[..., str]) -> Iterator[Browser]:
    program = needs_program("chromium", "chromium-browser", "google-chrome")
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=program, args=list(FLAGS))
        yield browser
        browser.close()


@contextmanager
def visit(chromium: Browser, portal: RunningPortal, language: str) -> Iterator[Visit]:
    context = chromium.new_context(locale=language, viewport=WINDOW)
    page = context.new_page()
    page.set_default_timeout(15_000)
    findings: list[str] = []
    page.on("pageerror", lambda error: findings.append(f"script: {error}"))
    page.on("console", lambda said: findings.append(f"console: {said.text}") if said.type == "error" else None)
    page.on("request", lambda asked: None if asked.url.startswith(portal.url) else findings.append(asked.url))
    yield Visit(page, language, portal, findings)
    context.close()


@pytest.fixture
def portal(tmp_path: Path) -> Iterator[RunningPortal]:
    portal = start_portal(tmp_path / "data")
    yield portal
    if portal.process.poll() is None:
        portal.stop(signal.SIGINT)
    kill_quietly(portal.process)


@pytest.mark.parametrize("language", ["en", "ja"])
def test_steps_2_3_5_7_a_newcomer_sets_up_adds_a_mac_publishes_a_rule_and_reads_the_decision(
    chromium: Browser, portal: RunningPortal, tmp_path: Path, language: str
) -> None:
    write_tiny_gguf(tmp_path / "tiny.gguf")
    with visit(chromium, portal, language) as person, running_llama_server(tmp_path / "tiny.gguf") as runtime:
        set_up(person)
        add_a_mac(person, home=tmp_path / "home", runtime_url=runtime.base_url)
        read_the_mac(person)
        publish_a_rule(person)
        ask_and_read_the_decision(person)
        a_failure_stays_out_of_the_page(person)

    assert person.findings == []


def set_up(person: Visit) -> None:
    page = person.page
    page.goto(person.portal.setup_url)
    page.locator(f"input[name=language][value={person.language}]").check()
    page.fill("[name=organisation]", "Hoshizora Works")
    page.fill("[name=name]", "Aiko")
    page.fill("[name=email]", "aiko@example.org")
    page.fill("[name=password]", PASSWORD)
    page.locator("form.set-up").get_by_label(person.say("Yes")).check()
    page.fill("[name=open_remotes]", "github.com/hoshizora")
    person.look("set-up")
    person.click("Set up the portal")

    page.wait_for_url(f"{person.portal.url}/")
    expect(page.get_by_role("link", name=person.say("Add a Mac")).first).to_be_visible()
    person.look("home-without-a-mac")


def add_a_mac(person: Visit, *, home: Path, runtime_url: str) -> None:
    page = person.page
    environment = portal_environment(KIRIKAE_HOME=str(home), KIRIKAE_RUNTIMES=runtime_url)
    command = [*KIRIKAE, "enrol", person.portal.url, "--name", "aiko-mini"]
    agent = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
    try:
        assert agent.stdout is not None
        asking = agent.stdout.readline() + agent.stdout.readline()
        code = re.search(r"\b[0-9A-Z]{4}-[0-9A-Z]{4}\b", asking)
        assert code, asking
        person.click("Add a Mac")
        page.fill("[name=code]", code[0])
        person.click("Find the Mac")
        expect(page.get_by_text("aiko-mini").first).to_be_visible()
        person.look("approve-a-mac")
        person.click("Approve this Mac")
        rest, _ = agent.communicate(timeout=60)
    finally:
        kill_quietly(agent)
    assert "Enrolled as aiko-mini" in rest


def read_the_mac(person: Visit) -> None:
    page = person.page
    page.goto(f"{person.portal.url}/machines/")
    page.get_by_role("link", name="aiko-mini").first.click()
    expect(page.get_by_role("rowheader", name="llama.cpp").first).to_be_visible()
    expect(page.get_by_text("tiny").first).to_be_visible()
    page.locator("[name=step]").press("ArrowRight")
    expect(page).to_have_url(re.compile(r"step=4"))
    head = page.locator("#sort-speed")
    head.press("Enter")
    expect(page).to_have_url(re.compile(r"sort=speed"))
    # Who sorts by keyboard stays on the head, to press it again.
    expect(head).to_be_focused()
    person.look("machine")
    person.tables_fit("machine")
    for path in ("what-if?other=M4+Max/40", "catalogue/", "catalogue/qwen3-coder-next/"):
        page.goto(f"{person.portal.url}/{path}")
        person.look(re.sub(r"\W+", "-", path).strip("-"))
        person.tables_fit(path)


def publish_a_rule(person: Visit) -> None:
    page = person.page
    page.goto(f"{person.portal.url}/rules/")
    person.click("Add an NDA rule")
    page.fill("[name=code]", "nda-acme")
    page.fill("[name=name_en]", "Acme")
    page.fill("[name=name_ja]", "Acme社")
    page.fill("[name=remotes]", "github.com/acme/**")
    page.fill("[name=reason_en]", "NDA with Acme")
    page.fill("[name=reason_ja]", "Acme社とのNDA")
    person.look("rule-form")
    person.click("Publish this rule")

    page.wait_for_url(re.compile(r"/rules/$"))
    expect(page.get_by_text("nda-acme").first).to_be_visible()
    person.look("rules")


def ask_and_read_the_decision(person: Visit) -> None:
    page = person.page
    page.goto(f"{person.portal.url}/")
    page.select_option("[name=task]", "architecture-design")
    page.fill("[name=remote]", "git@github.com:acme/app.git")
    page.select_option("[name=machine]", label="aiko-mini")
    page.get_by_role("button", name=person.say("Ask"), exact=True).click()
    expect(page.locator(".answer")).to_contain_text(person.say("Local"))
    expect(page.locator(".answer")).to_contain_text("nda-acme")
    person.look("home-with-an-answer")
    person.click("Full explanation")

    page.wait_for_url(re.compile(r"/decisions/"))
    expect(page.locator("main")).to_contain_text("nda-acme")
    person.look("decision")
    for path in ("decisions/", "projects/", "matrix/", "machines/", "rules/", "incidents/", "people"):
        page.goto(f"{person.portal.url}/{path}")
        person.look(path.strip("/"))
        person.tables_fit(path)


def a_failure_stays_out_of_the_page(person: Visit) -> None:
    page, before = person.page, list(person.findings)
    page.goto(f"{person.portal.url}/")
    page.route("**/ask", lambda route: route.fulfill(status=500, body="<h1>Broken</h1>"))
    page.get_by_role("button", name=person.say("Ask"), exact=True).click()
    expect(page.locator(".toast")).to_contain_text(person.say("That did not work. Reload the page, then try again."))
    expect(page.locator("form.ask")).to_be_visible()
    # The browser's console names the answer too.
    person.findings[:] = before
