"""`make sample`: a demo run and the pictures of its report, for the README. No host names are in it but loopback's."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

SAMPLE = Path(__file__).parents[1] / "results" / "sample"
KEPT = ("report.html", "report.md", "result.json", "scenario.yaml")


def main() -> None:
    """Run the demo, keep its files, and take pictures in light and dark."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, "-P", "-m", "benchmark", "demo", "-o", folder], check=True)
        SAMPLE.mkdir(parents=True, exist_ok=True)
        for name in KEPT:
            shutil.copyfile(Path(folder) / name, SAMPLE / name)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        for scheme, name in (("light", "report.png"), ("dark", "report-dark.png")):
            page = browser.new_page(viewport={"width": 1100, "height": 1250}, color_scheme=scheme)  # type: ignore[arg-type]
            page.goto((SAMPLE / "report.html").as_uri())
            page.wait_for_selector("svg.marks")
            page.screenshot(path=SAMPLE / name)
        browser.close()


if __name__ == "__main__":
    main()
