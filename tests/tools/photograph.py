"""Photograph the newest report: `make report-image`; the first screens of it become docs/images/report.png."""

import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

CHROMIUM = "/usr/bin/chromium"
WIDTH, HEIGHT = 1280, 2300


def photograph(page: Path, picture: Path, height: int | None = HEIGHT, scheme: str = "light") -> None:
    """Write a PNG of the page as a laptop shows it; of all of it where no height is stated."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        view = browser.new_page(viewport={"width": WIDTH, "height": height or 900}, color_scheme=scheme)
        view.goto(page.resolve().as_uri())
        view.wait_for_timeout(500)  # the charts are drawn while the page loads; the flow settles after
        view.screenshot(path=picture, full_page=height is None)
        browser.close()


if __name__ == "__main__":
    photograph(Path(sys.argv[1]), Path(sys.argv[2]))
