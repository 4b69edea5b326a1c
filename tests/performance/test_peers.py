"""A peer that is missing is installed, and is a row with its reason where that fails. No network: the installers are fakes."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests.performance import bench, bench_llm, peers
from tests.performance.peers import CAPTURE, FOLDER, INSTALLERS, PEERS, STREAMING, Peer, missing, one_cell

ALL = [*PEERS.values(), *STREAMING.values(), CAPTURE]
MADE_UP = Peer("no-such-peer", "cargo", "no-such-peer@1.0.0")


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that comes first on the PATH."""
    folder = tmp_path / "tools"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    return folder


def script(path: Path, text: str) -> None:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


def test_every_peer_that_the_benchmarks_run_has_a_package(tmp_path: Path) -> None:
    assert bench.peers(bench.Server(tmp_path), tmp_path).keys() == {*PEERS, "bare aiohttp"}
    assert bench_llm.CLIENTS.keys() == {*STREAMING, "vpcbench", "bare aiohttp"}
    assert all(name == peer.program for name, peer in PEERS.items())
    assert len({peer.program for peer in ALL}) == len(ALL)


@pytest.mark.parametrize("peer", ALL, ids=lambda peer: peer.program)
def test_a_package_is_of_a_known_installer_and_version_and_of_no_address(peer: Peer, tmp_path: Path) -> None:
    commands = INSTALLERS[peer.installer].commands(peer, tmp_path)
    assert any(peer.package in command for command in commands)
    assert any(INSTALLERS[peer.installer].tool in command for command in commands)
    assert not any("://" in word for command in commands for word in command)
    assert peer.installer == "apt" or "@" in peer.package or "==" in peer.package
    if peer.installer != "apt":
        assert any(str(tmp_path) in word for command in commands for word in command), "outside its folder"


def test_they_go_where_git_does_not_look() -> None:
    assert ".venv-*/" in (FOLDER.parent / ".gitignore").read_text().splitlines()
    assert FOLDER.match(".venv-*")


@pytest.mark.parametrize("installer", sorted(INSTALLERS.keys() - {"pip"}))
def test_a_package_manager_that_is_not_there_is_the_reason(
    installer: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    peer = MADE_UP._replace(installer=installer)
    why = missing({"it": peer}, tmp_path)["it"]
    assert why == f"no {INSTALLERS[installer].tool} here to install no-such-peer@1.0.0"


def test_what_only_root_may_install_is_not_tried(
    tools: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script(tools / "apt-get", f"touch {tmp_path}/tried")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    peer = Peer("no-such-peer", "apt", "its-package")
    assert missing({"it": peer}, tmp_path) == {"it": "needs root: apt-get install its-package"}
    assert not (tmp_path / "tried").exists()


def test_what_is_there_is_not_installed(tools: Path, tmp_path: Path) -> None:
    script(tools / "cargo", f"touch {tmp_path}/tried")
    script(tools / "no-such-peer", "")
    assert missing({"it": MADE_UP}, tmp_path) == {}
    assert not (tmp_path / "tried").exists()


def test_what_is_installed_is_found(tools: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = tmp_path / "bin" / "no-such-peer"
    script(tools / "cargo", f"test $1 = install && printf '#!/bin/sh' >{made} && chmod +x {made}")
    assert missing({"it": MADE_UP}, tmp_path) == {}
    assert shutil.which("no-such-peer") == str(made)
    assert "Installing no-such-peer, 600 s at most: cargo install" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("does", "why"),
    [
        ("echo 'warning: old'; echo 'error: could not find it'; exit 101", "error: could not find it"),
        ("echo looking; echo no network; exit 1", "no network"),
        ("echo 'ERROR: 403 from https://me:hidden@a.b/c | d'; exit 1", "ERROR: 403 from (address) / d"),
        ("echo /a/b/c.go: it@1 403 Forbidden; exit 1", "c.go: it@1 403 Forbidden"),
        ("exit 1", "it failed and gave no reason"),
        ("true", "no-such-peer@1.0.0 has no program no-such-peer"),
    ],
)
def test_a_refusal_is_the_reason_and_the_next_peer_is_tried(
    does: str, why: str, tools: Path, tmp_path: Path
) -> None:
    script(tools / "cargo", does)
    script(tools / "npm", "echo 'npm error code E404'; echo 'npm error 404 Not Found'; exit 1")
    two = {"first": MADE_UP, "second": MADE_UP._replace(installer="npm")}
    assert missing(two, tmp_path) == {"first": why, "second": "npm error code E404; npm error 404 Not Found"}


def test_an_installation_that_takes_too_long_is_ended(
    tools: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script(tools / "cargo", "sleep 600")
    monkeypatch.setitem(peers.INSTALLERS, "cargo", INSTALLERS["cargo"]._replace(seconds=0))
    assert missing({"it": MADE_UP}, tmp_path) == {"it": "not installed within 0 s"}


def test_what_cargo_compiled_is_kept_until_it_is_installed(tools: Path, tmp_path: Path) -> None:
    made, compiled = tmp_path / "bin" / "no-such-peer", tmp_path / "cargo" / "no-such-peer"
    script(tools / "cargo", f"mkdir -p {compiled}; exit 1")
    script(
        tools / "npm",
        f"printf '#!/bin/sh' >{tmp_path}/bin/another-peer; chmod +x {tmp_path}/bin/another-peer",
    )
    other = Peer("another-peer", "npm", "another-peer@1.0.0")
    assert missing({"it": MADE_UP, "other": other}, tmp_path).keys() == {"it"}
    assert compiled.exists()
    script(tools / "cargo", f"printf '#!/bin/sh' >{made}; chmod +x {made}")
    assert missing({"it": MADE_UP}, tmp_path) == {}
    assert not compiled.exists()


def test_a_reason_fits_into_a_cell() -> None:
    assert one_cell("a |\n b  " + "c" * 999) == "a / b " + "c" * (peers.MOST_SHOWN - 6)
