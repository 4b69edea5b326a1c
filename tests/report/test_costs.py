"""What is printed of costs is enough to reckon them again, by hand, to the last digit."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

import pytest
from rich.console import Console

from benchmark.analysis.cost import cost_of
from benchmark.measure.recording import merged
from benchmark.report.document import Report, describe
from benchmark.report.markdown import render_markdown
from benchmark.report.phrases import en
from benchmark.report.terminal import render_terminal
from benchmark.result.model import Result
from tests.analysis.test_cost import PRICE, target
from tests.report.results import a_comparison, a_result, a_run

BOTH = {"public": 31.0, "vpc": 1.6}
MILLION = 1_000_000


def a_costly(
    *, received: int = 5_250_123, sent: int = 611_987, carried: int = 0, monthly: int | None = None,
    caller: str = "none", tokens: int = 0, simulated: bool = False, **targets: Any,
) -> tuple[Result, Report]:  # fmt: skip
    """A run of 1,000 requests a target, of which the kernel counted these bytes on the public address."""
    terms = {
        "currency": "CNY", "caller_egress": caller, "monthly_requests": monthly,
        "targets": {"public": target(), "vpc": target("intranet")} | targets,
    }  # fmt: skip
    run = a_run(BOTH, cost=terms)
    for each in run.rounds:
        each.recording.counters.update(segments_sent=500, ip_bytes_received=1_200_000, ip_bytes_sent=150_000)
    first = next(each.recording for each in run.rounds if each.target == "public")
    whole = merged(run.used("public")).counters
    first.counters["ip_bytes_received"] += received - whole["ip_bytes_received"]
    first.counters["ip_bytes_sent"] += sent - whole["ip_bytes_sent"]
    first.counters["carried_thousandths"] = carried
    first.counters["output_tokens"] = tokens
    comparison = a_comparison()
    result = a_result(run, comparison, cost=cost_of(run, [comparison]))
    return result, describe(result, run)


def tables(report: Report) -> list[list[list[str]]]:
    """The section's tables as they stand in the Markdown report: rows of cells, without footnote marks."""
    text = render_markdown(report).split(f"## {en.SECTIONS['cost']}")[1].split("\n## ")[0]
    found: list[list[list[str]]] = []
    before = ""
    for line in text.splitlines():
        if line.startswith("|"):
            if not before.startswith("|"):
                found.append([])
            found[-1].append(
                [re.sub(r"[*¹²³⁴⁵⁶⁷⁸⁹]|GB$", "", cell.strip()).strip() for cell in line.strip("|").split("|")]
            )
        before = line
    return [rows[2:] for rows in found]


def number(text: str) -> Decimal:
    return Decimal(text.replace(",", ""))


def same(printed: str, reckoned: Decimal) -> None:
    """The printed figure is the reckoned one, to its last digit."""
    last = Decimal(1).scaleb(Decimal(printed.replace(",", "")).as_tuple().exponent)  # type: ignore[arg-type]
    assert abs(number(printed) - reckoned) <= last / 2 + Decimal("1e-12"), (printed, reckoned)


@pytest.mark.parametrize("carried", [0, 2_500])
@pytest.mark.parametrize("caller", ["none", "eip"])
def test_every_line_can_be_reckoned_by_hand(carried: int, caller: str) -> None:
    _, report = a_costly(
        carried=carried, caller=caller, monthly=30_000_000, public=target(quota=20 * 1000**3)
    )
    wire, million, month = tables(report)
    each = {}
    for at, (_, what, size, exchanges, shown) in enumerate(wire):
        same(shown, number(size) / number(exchanges))
        each["public" if at < 2 else "vpc", what] = shown
    sums: dict[str, Decimal] = {}
    for at, (_, what, size, volume, price, cost) in enumerate(million):
        name = "public" if at < 3 else "vpc"
        if what == en.TOTAL:
            same(cost, sums[name])
            continue
        assert size == each[name, what]
        same(volume, number(size) * MILLION / 1000**3)
        exact = number(volume) * (0 if price == en.FREE else number(price))
        same(cost, exact)
        sums[name] = sums.get(name, Decimal(0)) + exact
    sums.clear()
    for at, (_, what, volume, free, price, cost) in enumerate(month):
        name = "public" if at < 3 else "vpc"
        if what == en.TOTAL:
            same(cost, sums[name])
            continue
        same(volume, number(each[name, what]) * 30_000_000 / 1000**3)
        exact = (number(volume) - number(free)) * (0 if price == en.FREE else number(price))
        same(cost, exact)
        sums[name] = sums.get(name, Decimal(0)) + exact
    assert sums["public"] > 0


def test_tokens_can_be_reckoned_by_hand() -> None:
    _, report = a_costly(tokens=16_330)
    wire, million, tokens = tables(report)
    ((name, cost, each, size, reckoned),) = tokens
    assert (name, each) == ("public", "16.33")
    same(size, number(wire[0][4]) / number(each))
    assert cost == million[2][5]
    assert float(number(reckoned)) == pytest.approx(float(number(cost) / number(each)), rel=0.01)


def test_the_answer_says_what_is_saved_and_at_which_price() -> None:
    result, report = a_costly(monthly=30_000_000)
    assert result.cost
    assert report.answers[-1] == (
        "At 0.80 CNY per GB of egress (2020-11), the VPC address saves 4.20 CNY per million requests; "
        "126.00 CNY a month at 30,000,000 requests."
    )


def test_a_price_stands_with_its_date_and_source() -> None:
    _, report = a_costly()
    text = render_markdown(report)
    assert "0.80 CNY per GB, as of 2020-11 (a page)" in text
    assert en.PREVAILS.split("`")[0] in text


def test_the_shared_gateway_has_no_tariff_that_was_found() -> None:
    assert en.SHARED_GATEWAY in render_markdown(a_costly()[1])
    dedicated = render_markdown(a_costly(public=target(gateway="dedicated"))[1])
    assert en.SHARED_GATEWAY not in dedicated
    assert en.DEDICATED_GATEWAY in dedicated


def test_a_price_that_was_not_found_is_asked_for() -> None:
    _, report = a_costly(vpc=target("privatelink", gateway="dedicated"))
    text = render_markdown(report)
    assert "PrivateLink, whose price was not found" in text
    assert "`prices.privatelink`" in text
    assert len(report.answers) == 1, "nothing is said to be saved"
    text = render_markdown(a_costly(public=target(region="cn-beijing", egress=None))[1])
    assert "no price for cn-beijing: give one as `prices.internet`" in text


def test_an_estimate_is_marked() -> None:
    terms = {
        "currency": "CNY", "caller_egress": "none", "monthly_requests": None, "targets": {"public": target()},
    }  # fmt: skip
    run = a_run({"public": 31.0}, cost=terms)
    text = render_markdown(describe(a_result(run, cost=cost_of(run, [])), run))
    assert "estimated, for the kernel did not tell" in text
    assert re.search(r"responses\s¹", text)


def test_what_costs_more_is_said_as_plainly() -> None:
    dear = target("privatelink", gateway="dedicated", privatelink={**PRICE, "price": 2.0})
    _, report = a_costly(vpc=dear)
    assert report.answers[-1] == (
        "At the prices below, the VPC address costs 6.60 CNY more per million requests."
    )


def test_it_fits_a_terminal() -> None:
    _, report = a_costly(monthly=30_000_000, caller="nat", tokens=16_000)
    console = Console(width=80, record=True, force_terminal=False)
    with console.capture() as captured:
        render_terminal(report, console)
    assert max(map(len, captured.get().splitlines())) <= 80
    assert "What the traffic costs" in captured.get()
