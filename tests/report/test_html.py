"""The page, in a real browser: it draws, asks nothing of the network, and runs nothing that it was told."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pytest

from benchmark.report.document import Report, describe
from benchmark.report.html import marked, render_html, script_data
from benchmark.report.themes import THEMES
from tests.report.results import HOSTILE, a_comparison, a_result, a_run

BOTH = {"public": 31.0, "vpc": 1.6}
ALL = ("difference", "percentiles", "rounds", "phases")


def a_report(medians: dict[str, float] | None = None, **kept: Any) -> Report:
    run = a_run(medians or BOTH, timeouts=5)
    first, second = run.targets
    return describe(a_result(run, a_comparison(first, second), **kept), run)


def test_one_file_of_a_size_to_send() -> None:
    page = render_html(a_report())
    assert len(page.encode()) < 2_500_000
    outside = re.sub(r"<script.*?</script>", "", page, flags=re.DOTALL)
    assert not re.search(r"(?:src|href)\\s*=", outside)
    assert "default-src 'none'" in page
    assert "unsafe-eval" not in page


def test_the_same_run_gives_the_same_page() -> None:
    assert render_html(a_report()) == render_html(a_report())


def test_data_cannot_end_the_script_element() -> None:
    text = script_data({"x": HOSTILE})
    assert not set("<>&\u2028") & set(text)


def test_sentences_keep_figures_together() -> None:
    assert marked("`a<b` answers 1.5 ms (95 % CI 1–2)") == (
        "<code>a&lt;b</code> answers 1.5\u00a0ms (95\u00a0%\u00a0CI\u00a01\u2060–\u20602)"
    )


@dataclass
class Opened:
    """A page in a browser, and what it did."""

    page: Any
    said: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def drawn(self, scheme: str) -> None:
        self.page.locator(f"html[data-drawn={scheme}]").wait_for(state="attached", timeout=20_000)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    executable = shutil.which("chromium")
    if executable is None:
        pytest.skip("chromium is not installed")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        yield started
        started.close()


@contextmanager
def opened(
    browser: Any, report: Report, folder: Path, scheme: Literal["light", "dark"] = "light", width: int = 1280
) -> Iterator[Opened]:
    file = folder / "report.html"
    file.write_text(render_html(report), encoding="utf-8")
    with browser.new_context(color_scheme=scheme, viewport={"width": width, "height": 900}) as context:
        shown = Opened(context.new_page())

        def decide(route: Any) -> None:
            if route.request.url == file.as_uri():
                route.continue_()
            else:
                shown.asked.append(route.request.url)
                route.abort()

        context.route("**/*", decide)
        shown.page.on("console", lambda message: shown.said.append(message.text))
        shown.page.on("pageerror", lambda error: shown.said.append(str(error)))
        shown.page.goto(file.as_uri())
        yield shown


@pytest.mark.must_run("chromium")
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_charts_are_drawn_without_a_word_or_a_request(
    browser: Any, tmp_path: Path, scheme: Literal["light", "dark"]
) -> None:
    with opened(browser, a_report(), tmp_path, scheme) as shown:
        shown.drawn(scheme)
        for name in ALL:
            assert shown.page.locator(f"#chart-{name} svg").count() == 1
            assert shown.page.locator(f"#chart-{name} svg").bounding_box()["width"] > 500
        strokes = shown.page.locator("#chart-percentiles svg").inner_html()
        assert all(colour in strokes for colour in THEMES[scheme]["range"]["category"][:2])
        assert (shown.said, shown.asked) == ([], [])


@pytest.mark.must_run("chromium")
def test_charts_follow_the_theme(browser: Any, tmp_path: Path) -> None:
    with opened(browser, a_report(), tmp_path) as shown:
        shown.drawn("light")
        shown.page.emulate_media(color_scheme="dark")
        shown.drawn("dark")
        assert (
            THEMES["dark"]["range"]["category"][0]
            in shown.page.locator("#chart-percentiles svg").inner_html()
        )
        assert shown.page.locator("svg").count() == len(ALL)
        assert shown.said == []


@pytest.mark.must_run("chromium")
def test_the_answer_is_the_first_and_largest_thing(browser: Any, tmp_path: Path) -> None:
    with opened(browser, a_report(), tmp_path) as shown:
        heading = shown.page.locator("h1")
        assert "answers 29.4" in heading.inner_text()
        assert heading.bounding_box()["y"] < 300
        assert [each.is_visible() for each in shown.page.locator("h2").all()] == [True] * 7
        assert not shown.page.locator("#scenario pre").is_visible()
        shown.page.locator("#scenario summary").click()
        assert shown.page.locator("#scenario pre").is_visible()


@pytest.mark.must_run("chromium")
@pytest.mark.parametrize("width", [390, 768, 1400])
def test_the_page_fits_every_screen(browser: Any, tmp_path: Path, width: int) -> None:
    report = a_report(
        {"a-name-without-any-place-to-break-it-" * 3: 31.0, "vpc": 1.6}, status="invalid", reasons=["x" * 300]
    )
    with opened(browser, report, tmp_path, width=width) as shown:
        shown.drawn("light")
        assert shown.page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.must_run("chromium")
@pytest.mark.parametrize("status", ["pass", "invalid"])
def test_nothing_hostile_runs(browser: Any, tmp_path: Path, status: str) -> None:
    run = a_run({HOSTILE: 31.0, "{{ 7*7 }}" + HOSTILE[::-1]: 1.6}, timeouts=5)
    run.scenario["note"] = HOSTILE
    first, second = run.targets
    comparison = a_comparison(first, second).model_copy(update={"remarks": [HOSTILE]})
    result = a_result(run, comparison, status=status, reasons=[HOSTILE], notes=[HOSTILE])  # type: ignore[arg-type]
    target = result.targets[first].model_copy(
        update={"url": f"javascript:{HOSTILE}", "notes": [HOSTILE], "counts": result.targets[first].counts.model_copy(
            update={"failures": {HOSTILE: 5}, "statuses": {HOSTILE: 5}})}
    )  # fmt: skip
    hostile = result.model_copy(
        update={
            "name": HOSTILE,
            "environment": {HOSTILE: HOSTILE},
            "targets": {**result.targets, first: target},
        }
    )
    with opened(browser, describe(hostile, run), tmp_path) as shown:
        shown.drawn("light")
        shown.page.wait_for_timeout(200)
        assert shown.page.evaluate("typeof window.__pwned") == "undefined"
        assert (shown.said, shown.asked) == ([], [])
        assert shown.page.locator("img").count() == 0
        assert "49" not in shown.page.locator("h1").inner_text()


def test_a_run_without_a_single_answer_still_has_a_page() -> None:
    run = a_run(BOTH, timeouts=5)
    run.rounds = []
    page = render_html(describe(a_result(run), run))
    assert "<script" not in page
    assert "Latency" in page
