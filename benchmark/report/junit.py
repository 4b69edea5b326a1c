"""JUnit XML, as CI systems read it: a test case for each objective on each target, and one for the run itself."""

from __future__ import annotations

from xml.etree import ElementTree as Xml  # it only writes

from benchmark.report.objectives import breaches, told
from benchmark.result.model import Result


def render_junit(result: Result) -> str:
    """The file's text."""
    suite = Xml.Element("testsuite", name=result.name, timestamp=result.started_at)
    status, reasons = result.verdict.status, "\n".join(result.verdict.reasons)
    run = _case(suite, "verdict", result.name)
    if status in {"invalid", "interrupted"}:
        Xml.SubElement(run, "error", message=f"the run is {status}").text = reasons
    elif status == "fail" and not (result.objectives or result.sweep):  # a capacity below what was asked
        Xml.SubElement(run, "failure", message=reasons)
    judged = [("", each) for each in result.objectives]
    judged += [(f" with {level.label}", each) for level in result.sweep or [] for each in level.objectives]
    for where, each in judged:
        case = _case(suite, f"{each.objective}{where}", f"{result.name}.{each.target}")
        if not each.met:
            verb = "misses" if each.decided else "is not known to meet"
            said = f"{each.target} {verb} {each.objective}{where}: {each.said}"
            Xml.SubElement(case, "failure", message=said).text = "\n".join(map(told, breaches(each)))
    for kind in ("failure", "error"):
        suite.set(f"{kind}s", str(len(suite.findall(f"testcase/{kind}"))))
    suite.set("tests", str(len(suite)))
    return Xml.tostring(suite, encoding="unicode", xml_declaration=True) + "\n"


def _case(suite: Xml.Element, name: str, of: str) -> Xml.Element:
    return Xml.SubElement(suite, "testcase", name=name, classname=of)
