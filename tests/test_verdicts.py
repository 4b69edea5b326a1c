"""What decides whether a test of real time holds, fails or cannot be told."""

from __future__ import annotations

import pytest

from tests.verdicts import ATTEMPTS, Machine, disturbances

CALM = "import tests.verdicts as verdicts\nverdicts.CALM = 0.0\n"
QUIET = CALM + "verdicts.disturbances = lambda before, after: []\n"
NOISY = CALM + "verdicts.disturbances = lambda before, after: ['noise']\nverdicts.PATIENCE = 0.0\n"
SETTINGS = "[pytest]\nmarkers = verify\nasyncio_mode = auto\nasyncio_default_fixture_loop_scope = function\n"


@pytest.mark.parametrize(
    ("busy", "own", "stolen", "evidence"),
    [
        (4.0, 4.0, 0.0, []),
        (4.1, 4.0, 0.0, []),
        (5.0, 4.0, 0.0, ["other programs used 10% of a core"]),
        (4.0, 4.0, 0.5, ["the hypervisor took 5% of a core"]),
        (6.0, 4.0, 1.0, ["other programs used 20% of a core", "the hypervisor took 10% of a core"]),
    ],
)
def test_what_others_took_is_evidence_and_what_the_test_itself_used_is_none(
    busy: float, own: float, stolen: float, evidence: list[str]
) -> None:
    began = Machine(100.0, 50.0, 20.0, 3.0)
    assert disturbances(began, Machine(110.0, 50.0 + busy, 20.0 + own, 3.0 + stolen)) == evidence


def test_the_work_of_this_process_and_of_its_children_is_its_own() -> None:
    now = Machine.now()
    assert 0 < now.own <= now.busy


def outcome(pytester: pytest.Pytester, setup: str, tests: str) -> tuple[int, str]:
    """Exit status and output of a session with these tests."""
    pytester.makeini(SETTINGS)
    pytester.makeconftest(setup)
    pytester.makepyfile("import pytest\n" + tests)
    done = pytester.runpytest_subprocess("-p", "tests.verdicts", "-p", "no:xdist")
    return int(done.ret), done.stdout.str()


@pytest.fixture(autouse=True)
def _tests_can_be_imported(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    monkeypatch.setenv("PYTHONPATH", str(request.config.rootpath))


def failing(count: int) -> str:
    """A test that fails so often and then holds, of a figure that its module measures once an attempt."""
    return f"""
seen = []
@pytest.fixture(scope="module")
def figure():
    seen.append(1)
    return len(seen)
@pytest.mark.verify
def test_figure(figure):
    assert figure > {count}
def test_other():
    assert True
"""


def test_a_failure_on_a_calm_machine_is_one(pytester: pytest.Pytester) -> None:
    status, said = outcome(pytester, QUIET, failing(1))
    assert status == 1
    assert "0 hold, 1 fail, 0 inconclusive" in said


def test_a_failure_beside_other_programs_is_repeated_with_all_that_it_measured(
    pytester: pytest.Pytester,
) -> None:
    status, said = outcome(pytester, NOISY, failing(ATTEMPTS - 1))
    assert status == 0
    assert "1 hold, 0 fail, 0 inconclusive" in said
    assert f"held at attempt {ATTEMPTS}: " in said


def test_what_is_never_conclusive_is_listed_and_many_of_it_fail_the_command(
    pytester: pytest.Pytester,
) -> None:
    status, said = outcome(pytester, NOISY, failing(ATTEMPTS))
    assert status == 1
    assert "INCONCLUSIVE" in said
    assert "::test_figure: noise" in said
    assert "nothing is verified" in said


def test_a_tenth_may_be_inconclusive(pytester: pytest.Pytester) -> None:
    held = '@pytest.mark.verify\n@pytest.mark.parametrize("number", range(9))\ndef test_held(number):\n    pass\n'
    status, said = outcome(pytester, NOISY, failing(ATTEMPTS) + held)
    assert status == 0
    assert "9 hold, 0 fail, 1 inconclusive" in said


def test_a_witness_that_knows_its_error_is_evidence(pytester: pytest.Pytester) -> None:
    tests = """
@pytest.mark.verify
def test_figure(evidence):
    evidence.note("the witness was 3 ms late")
    assert False
"""
    status, said = outcome(pytester, QUIET + "verdicts.PATIENCE = 0.0\n", tests)
    assert status == 1
    assert "::test_figure: the witness was 3 ms late" in said
