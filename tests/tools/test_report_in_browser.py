"""The page in a real browser, from a file: every chart is drawn, nothing is asked for, nothing goes wrong."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.reports.pages import Pages, Read, write_pages
from tests.tools.photograph import CHROMIUM

pytestmark = [
    pytest.mark.tools,
    pytest.mark.timeout(1500),  # three real runs stand before the first of these
    pytest.mark.skipif(not Path(CHROMIUM).exists(), reason=f"no {CHROMIUM}; apt-get install chromium"),
]
# what each chart of segments and moves is drawn with, and the number of marks that its own figures ask for
MARKS = {
    "history": (".scatterlayer .trace", lambda chart: len(chart["data"])),
    "overlap": (".hm image", lambda chart: len(chart["data"])),
    "state_moves": (".sankey-link", lambda chart: len(chart["data"][0]["link"]["value"])),
    "journey_stage_moves": (".sankey-link", lambda chart: len(chart["data"][0]["link"]["value"])),
}
SCRIPT = "<script>window.ran = 1</script>"


@pytest.fixture(scope="session")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Pages:
    return write_pages(tmp_path_factory.mktemp("pages"))


@pytest.fixture(scope="module")  # while it is open no other test can run an event loop
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(params=["light", "dark"])
def seen(browser: Browser, request: pytest.FixtureRequest) -> Iterator[tuple[Page, list[str]]]:
    """A page to open, and all that goes wrong on it: console messages, exceptions, requests beyond the file."""
    view = browser.new_page(viewport={"width": 1280, "height": 900}, color_scheme=request.param)
    wrong: list[str] = []
    view.on("console", lambda message: wrong.append(message.text))
    view.on("pageerror", lambda error: wrong.append(str(error)))
    view.on("request", lambda asked: wrong.append(asked.url) if not asked.url.startswith("file://") else None)
    yield view, wrong
    view.close()


@pytest.mark.parametrize("run", ["first", "second", "failed"])
def test_every_chart_is_drawn_and_nothing_goes_wrong(pages: Pages, seen: tuple[Page, list[str]], run: str) -> None:
    (view, wrong), path = seen, pages.path(getattr(pages, run))
    view.goto(path.as_uri())
    view.wait_for_timeout(300)
    charts = Read(path.read_text()).charts
    drawn = view.evaluate(
        "[...document.querySelectorAll('.chart')].filter(c => c.querySelector('svg.main-svg')).length"
    )
    marks = view.evaluate(
        "document.querySelectorAll('.chart .point path, .sankey-link, .hm image, .scatterlayer path').length"
    )
    assert (drawn, wrong) == (len(charts), [])
    assert len(charts) > 5
    assert marks > 3 * len(charts)
    assert view.evaluate("document.documentElement.scrollWidth") <= 1280


@pytest.mark.parametrize("part", MARKS)
def test_a_chart_of_segments_or_moves_has_every_mark(pages: Pages, seen: tuple[Page, list[str]], part: str) -> None:
    (view, _), path = seen, pages.path(pages.second)
    view.goto(path.as_uri())
    view.wait_for_timeout(300)
    marks, wanted = MARKS[part]
    assert view.locator(f"#c-{part} {marks}").count() == wanted(Read(path.read_text()).charts[part]) > 0


@pytest.mark.parametrize("part", ["history", "overlap"])
def test_no_label_of_a_chart_is_cut_off(pages: Pages, seen: tuple[Page, list[str]], part: str) -> None:
    view, _ = seen
    view.goto(pages.path(pages.second).as_uri())
    view.wait_for_timeout(300)
    outside = view.evaluate(
        """part => {
            const chart = document.querySelector(`#c-${part}`), frame = chart.getBoundingClientRect();
            const labels = [...chart.querySelectorAll('[class*=tick] text, .annotation-text')];
            const boxes = labels.map(label => [label.textContent, label.getBoundingClientRect()]);
            return boxes.filter(([_, box]) => box.left < frame.left - 1 || box.right > frame.right + 1 ||
                box.top < frame.top - 1 || box.bottom > frame.bottom + 1).map(([text]) => text);
        }""",
        part,
    )
    assert outside == []
    assert view.locator(f"#c-{part} [class*=tick] text").count() > 10


def test_the_keyboard_reaches_the_figures_of_a_chart(pages: Pages, seen: tuple[Page, list[str]]) -> None:
    view, _ = seen
    view.goto(pages.path(pages.second).as_uri())
    for _ in range(60):
        view.keyboard.press("Tab")
        if view.evaluate("document.activeElement.tagName") == "SUMMARY":
            break
    view.keyboard.press("Enter")
    assert view.evaluate("document.activeElement.parentElement.open")


def test_a_script_that_slips_into_the_page_does_not_run(
    pages: Pages, seen: tuple[Page, list[str]], tmp_path: Path
) -> None:
    view, wrong = seen
    text = pages.path(pages.second).read_text()
    hostile = tmp_path / "index.html"
    hostile.write_text(text.replace("</main>", f"{SCRIPT}</main>").replace("repeat_buyers", "<b>x</b>"))
    view.goto(hostile.as_uri())
    assert view.evaluate("window.ran") is None
    assert any("Content Security Policy" in message for message in wrong)
