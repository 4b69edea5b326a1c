from __future__ import annotations

from typing import Literal

import pytest

from benchmark.report.document import Report, Section, describe
from benchmark.report.phrases import en
from benchmark.report.tables import COLUMNS
from benchmark.result.model import ObjectiveResult
from tests.report.results import a_comparison, a_result, a_run, compared, metric

BOTH = {"public": 31.0, "vpc": 1.6}


def section(report: Report, key: str) -> Section:
    return next(each for each in report.sections if each.key == key)


def test_everything_in_its_order() -> None:
    run = a_run(BOTH)
    judged = ObjectiveResult(objective="p99 < 2ms", target="vpc", met=False, measured=3.2, said="3.2 ms")
    report = describe(a_result(run, a_comparison(), objectives=[judged]), run)
    assert [each.key for each in report.sections] == [
        "objectives", "comparison", "latency", "phases", "account", "method", "environment", "scenario",
    ]  # fmt: skip
    assert section(report, "objectives").tables[0].rows == (("p99 < 2ms", "vpc", "3.2 ms", "MISSED"),)
    assert report.alarm is None
    assert len(report.answers) == 1
    assert [(bar.target, bar.text) for bar in report.bars] == [("public", "31.0 ms"), ("vpc", "1.60 ms")]


def test_the_comparison_table() -> None:
    run = a_run(BOTH)
    first, service = section(describe(a_result(run, a_comparison()), run), "comparison").tables
    assert first.header == ("metric", "public", "vpc", "difference (95 % CI)", "times faster")
    assert first.rows[1][:4] == ("▸ p50", "31.0", "1.60", "−29.4 (−29.8 to −29.1)")
    assert first.strong == 1
    assert first.rows[2][3:] == ("withheld ¹", "–")
    assert first.rows[3][3:] == ("not enough data ²", "–")
    assert first.notes[0].startswith("¹ the generator itself")
    assert "secondary" in first.caption
    assert service.detail
    assert [row[0] for row in service.rows] == ["p50, service"]


def test_a_closed_loop_compares_throughput() -> None:
    run = a_run(BOTH, open_loop=False, rate=None, arrivals=None, connections=64)
    throughput = metric("throughput", 500.0, 1500.0, 990.0, 1010.0)
    primary = metric("response.p50", 31.0, 1.6, -29.8, -29.1, primary=True)
    report = describe(a_result(run, compared(primary, throughput)), run)
    (table,) = section(report, "comparison").tables
    assert table.rows[1] == ("throughput", "500", "1,500", "+1,000 (+990 to +1,010)", "3.00×")
    assert "64 connections" in report.subtitle
    assert section(report, "method").lines[0].startswith("Closed loop: 64 connections")


@pytest.mark.parametrize(("status", "grave"), [("invalid", True), ("interrupted", True), ("fail", False)])
def test_a_verdict_other_than_pass_is_an_alarm(
    status: Literal["invalid", "interrupted", "fail"], grave: bool
) -> None:
    run = a_run(BOTH)
    report = describe(a_result(run, a_comparison(), status=status, reasons=["so it was"]), run)
    assert report.alarm is not None
    assert (report.alarm.title, report.alarm.reasons) == (en.ALARMS[status], ("so it was",))
    assert report.alarm.grave is grave
    assert bool(report.bars) is (status != "invalid")


def test_simulated_paths_are_the_first_remark() -> None:
    run = a_run(BOTH, simulated=True)
    comparison = a_comparison().model_copy(update={"remarks": ["Both targets answered on one address."]})
    report = describe(a_result(run, comparison, notes=["a note"]), run)
    assert report.remarks == (en.SIMULATED, "Both targets answered on one address.", "a note")


def test_latencies_of_successes_stand_beside_only_where_something_failed() -> None:
    run = a_run(BOTH, timeouts=20)
    table = section(describe(a_result(run, a_comparison()), run), "latency").tables[0]
    assert table.header == ("target", "time", *COLUMNS)
    assert [row[:2] for row in table.rows[:4]] == [
        ("public", "response"), ("", "successes only"), ("", "service"), ("", "lateness"),
    ]  # fmt: skip
    assert "≥ 30,000" in table.rows[0]
    whole = a_run(BOTH)
    table = section(describe(a_result(whole, a_comparison()), whole), "latency").tables[0]
    assert [row[1] for row in table.rows] == ["response", "service", "lateness"] * 2


def test_the_account_holds_failures_with_what_to_do() -> None:
    run = a_run(BOTH, timeouts=20)
    account, failures, codes = section(describe(a_result(run, a_comparison()), run), "account").tables
    assert account.rows[0][:5] == ("public", "1,000", "920", "80", "0")
    assert failures.rows[0] == ("public", "timeout", "80", en.REMEDIES["timeout"])
    assert codes.rows[0][:2] == ("public", "200: 920")


def test_every_failure_has_a_remedy() -> None:
    from benchmark.measure.exchange import Failure

    assert {kind.label for kind in Failure if kind} == set(en.REMEDIES)


def test_tables_are_rectangular() -> None:
    run = a_run(BOTH, timeouts=20)
    for each in describe(a_result(run, a_comparison()), run).sections:
        for table in each.tables:
            widths = {len(table.align), len(table.header or table.align), *map(len, table.rows)}
            assert len(widths) == 1, table.caption


def test_a_single_target_is_compared_with_nothing() -> None:
    run = a_run({"api": 5.0})
    report = describe(a_result(run), run)
    assert "comparison" not in {each.key for each in report.sections}
    assert report.bars == ()
    assert "difference" not in report.charts.drawn
    assert not any("turns" in line for line in section(report, "method").lines)
