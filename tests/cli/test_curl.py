"""`vpcbench curl`: what is ours and what is curl's on one command line."""

from __future__ import annotations

from pathlib import Path

import pytest
import trustme

from benchmark.cli.curl import _folder, split
from tests.cli.command import vpcbench

URL = "http://127.0.0.1:9/x"


@pytest.mark.parametrize(
    ("written", "folder"),
    [
        ("-o results/mine", "results/mine"),
        ("--out=results/mine.json", "results/mine.json"),
        ("-o /dev/null", None),
        ("-o -", None),
        ("-o answer.json", None),
        ("-o there", None),
        ("-o /dev/null -o mine", "mine"),
    ],
)
def test_a_file_behind_o_is_curls_own(
    written: str, folder: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("there").touch()
    ours, theirs = split([*written.split(), URL])
    assert theirs == [URL]
    assert _folder(ours) == (None if folder is None else Path(folder))


def test_habits_of_other_tools_are_met(tmp_path: Path) -> None:
    done = vpcbench(
        "curl", "curl", URL, "-n", "--concurrency", "64", "--retry", "3", "--dry-run", folder=tmp_path
    )
    assert done.returncode == 0, done.stderr
    assert "64 connections" in done.stdout
    assert done.stderr == "vpcbench: not used here: --netrc, --retry\n"
    for flags, hint in ((("-n", "200"), "--requests 200"), (("-c", "64"), "--connections 64")):
        done = vpcbench("curl", URL, *flags, folder=tmp_path)
        assert (done.returncode, hint in done.stderr) == (2, True), done.stderr


def test_certificates_of_the_command_line(tmp_path: Path) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    (tmp_path / "text").write_text("no certificate")
    good = vpcbench("curl", "https://localhost:9", "--cacert", "ca.pem", "--dry-run", folder=tmp_path)
    assert good.returncode == 0, good.stderr
    for flags, said in (
        (("--cacert", "text"), "--cacert: targets.target.ca_file: 'text' holds no certificates in PEM form"),
        (("--cacert", "gone"), "--cacert: targets.target.ca_file: 'gone': no such file"),
        (("--cert", "ca.pem"), "'ca.pem' and its key are not a certificate and the key to it"),
        (("--key", "text"), "there is no cert_file that this key is for"),
    ):
        done = vpcbench("curl", "https://localhost:9", *flags, "--dry-run", folder=tmp_path)
        assert done.returncode == 2
        assert said in done.stderr
