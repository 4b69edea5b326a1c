"""The build hook: what can be compiled is; whatever stands in the way costs speed, and never the installation."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import textwrap
import zipfile
from pathlib import Path

import pytest

from tests.cli.command import ROOT

TAG = f"cp{sys.version_info.major}{sys.version_info.minor}"
PROJECT = ("pyproject.toml", "README.md", "LICENSE")
needs_a_compiler = pytest.mark.must_run("cc")

# Stands in for mypyc: it writes as much C as makes a module, says each time that it was asked, and takes no time.
COMPILER = """
from pathlib import Path
from types import SimpleNamespace

def mypycify(options, *, target_dir, **others):
    with open("asked", "a") as asked:
        asked.write("mypycify\\n")
    source = Path(target_dir, "http1.c")
    source.write_text('''
        #include <Python.h>
        static struct PyModuleDef http1 = {PyModuleDef_HEAD_INIT, "http1", NULL, -1, NULL};
        PyMODINIT_FUNC PyInit_http1(void) { return PyModule_Create(&http1); }
    ''')
    return [SimpleNamespace(name="benchmark.transport.http1", sources=[str(source)], include_dirs=[])]
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A checkout of our own, with a `mypyc` that is quick."""
    folder = tmp_path / "project"
    shutil.copytree(
        ROOT / "benchmark", folder / "benchmark", ignore=shutil.ignore_patterns("__pycache__", "*.so")
    )
    for name in PROJECT:
        shutil.copy(ROOT / name, folder)
    stand_in(folder, COMPILER)
    return folder


def stand_in(project: Path, mypycify: str, *, sitecustomize: str = "") -> None:
    """Put these modules before all others."""
    package = project.parent / "paths" / "mypyc"
    package.mkdir(parents=True, exist_ok=True)
    (package / "__init__.py").touch()
    (package / "build.py").write_text(textwrap.dedent(mypycify))
    (package.parent / "sitecustomize.py").write_text(sitecustomize)


SAID = {"CC", "CFLAGS", "LDFLAGS", "VPCBENCH_COMPILE"}  # that a user, or CI, may have set


def build(project: Path, *, target: str = "wheel", **environ: str) -> subprocess.CompletedProcess[str]:
    """Build into the folder `dist`, as a build front end does."""
    clean = {name: value for name, value in os.environ.items() if name not in SAID}
    return subprocess.run(
        [sys.executable, "-P", "-m", "hatchling", "build", "-t", target],
        cwd=project,
        env={**clean, "PYTHONPATH": str(project.parent / "paths"), **environ},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def wheel(project: Path) -> tuple[str, list[str]]:
    """Its tag and the extension modules in it; it is taken away."""
    (path,) = (project / "dist").glob("*.whl")
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
    assert "benchmark/transport/http1.py" in names  # the source is always there
    assert "benchmark/build_hook.py" not in names
    path.unlink()
    return path.stem.split("-", 2)[2], [name for name in names if name.endswith(".so")]


@needs_a_compiler
def test_a_compiled_wheel_is_of_its_system_and_python(project: Path) -> None:
    done = build(project, VPCBENCH_COMPILE="1")
    assert done.returncode == 0, done.stderr
    tag, modules = wheel(project)
    platform = sysconfig.get_platform().replace("-", "_").replace(".", "_")
    assert tag == f"{TAG}-{TAG}-{platform}"
    assert modules == [f"benchmark/transport/http1{sysconfig.get_config_var('EXT_SUFFIX')}"]


@needs_a_compiler
def test_it_is_compiled_again_only_where_a_source_of_it_changed(project: Path) -> None:
    def asked_after(changed: str) -> int:
        with (project / changed).open("a") as file:
            file.write("\n# changed\n")
        assert build(project, VPCBENCH_COMPILE="1").returncode == 0
        assert wheel(project)[1]
        return len((project / "asked").read_text().splitlines())

    assert asked_after("README.md") == 1
    assert asked_after("benchmark/report/html.py") == 1
    assert asked_after("benchmark/transport/http1.py") == 2
    assert asked_after("benchmark/schedule/base.py") == 3  # whose types are compiled in
    assert len(list((project / "build" / "hot-path").iterdir())) == 1  # what is old goes


@needs_a_compiler
def test_where_nothing_may_be_written_it_is_compiled_elsewhere(project: Path, tmp_path: Path) -> None:
    (project / "build").write_text("a file, where a folder should be")
    (tmp_path / "temporary").mkdir()
    done = build(project, VPCBENCH_COMPILE="1", TMPDIR=str(tmp_path / "temporary"))
    assert done.returncode == 0, done.stderr
    assert wheel(project)[1]
    assert list((tmp_path / "temporary").iterdir()) == []


NO_HEADERS = """
import sysconfig
places = sysconfig.get_path
sysconfig.get_path = lambda *_: "/nonexistent" if _ == ("include",) else places(*_)
"""

OBSTACLES = {
    "no compiler": ({"PATH": "/nonexistent"}, COMPILER, "", "there is no C compiler; Debian has it in gcc"),
    "a broken compiler": ({"CC": "false"}, COMPILER, "", "false failed with status 1"),
    "a compiler that refuses": (
        {"CFLAGS": "-fnonsense"},
        COMPILER,
        "",
        "error: ",
    ),
    "C that is wrong": ({}, COMPILER.replace("#include", "#nonsense"), "", "error: "),
    "no headers": (
        {},
        COMPILER,
        NO_HEADERS,
        "/nonexistent/Python.h is missing; Debian has it in python3-dev",
    ),
    "another Python": (
        {},
        COMPILER,
        "import sys\nsys.implementation.name = 'pypy'",
        "only CPython with its global lock is compiled for",
    ),
    "another system": (
        {},
        COMPILER,
        "import platform\nplatform.machine = lambda: 'riscv64'",
        "linux on riscv64 is not among the systems that are compiled for",
    ),
    "no mypyc": ({}, "raise ModuleNotFoundError(\"No module named 'mypyc'\")", "", "No module named 'mypyc'"),
    "an error in mypyc": ({}, "def mypycify(*_, **__): raise AssertionError('of its own')", "", "of its own"),
    "mypyc that gives up": ({}, "import sys\ndef mypycify(*_, **__): sys.exit('error: a type')", "", "error: a type"),
    "mypyc that is killed": (
        {},
        "import os\ndef mypycify(*_, **__): os.kill(os.getpid(), 9)",
        "",
        "failed with status -9",
    ),
}  # fmt: skip


@needs_a_compiler
@pytest.mark.parametrize("name", OBSTACLES)
def test_whatever_stands_in_the_way_the_wheel_is_built(name: str, project: Path) -> None:
    environ, mypycify, sitecustomize, said = OBSTACLES[name]
    stand_in(project, mypycify, sitecustomize=sitecustomize)
    done = build(project, **environ)
    assert done.returncode == 0, done.stderr
    assert wheel(project) == ("py3-none-any", [])
    (line,) = (each for each in done.stderr.splitlines() if "not compiled" in each)
    assert line.startswith("vpcbench: the hot path is not compiled and runs slower: ")
    assert said in line
    demanded = build(project, VPCBENCH_COMPILE="1", **environ)
    assert demanded.returncode != 0
    assert said in demanded.stderr


def test_it_is_not_compiled_where_it_is_not_wanted(project: Path) -> None:
    done = build(project, VPCBENCH_COMPILE="0")
    assert (done.returncode, wheel(project)) == (0, ("py3-none-any", []))
    assert "compiled" not in done.stderr
    assert not (project / "asked").exists()


def test_an_editable_installation_is_never_compiled(project: Path) -> None:
    done = build(project, target="wheel:editable", VPCBENCH_COMPILE="1")
    assert done.returncode == 0, done.stderr
    (path,) = (project / "dist").glob("*.whl")
    assert path.name.endswith("py3-none-any.whl")
    assert not (project / "asked").exists()


REQUIREMENTS = "from hatchling.build import get_requires_for_build_wheel as ask; print(*ask())"


@needs_a_compiler
@pytest.mark.parametrize(
    ("environ", "needed"),
    [
        ({}, "mypy"),
        ({"VPCBENCH_COMPILE": "0"}, ""),
        ({"PATH": "/nonexistent"}, ""),
        ({"CC": "false"}, ""),
    ],
)
def test_a_compiler_of_python_is_asked_for_only_where_it_is_of_use(
    environ: dict[str, str], needed: str, project: Path
) -> None:
    done = subprocess.run(
        [sys.executable, "-P", "-c", REQUIREMENTS],
        cwd=project,
        env={**{name: value for name, value in os.environ.items() if name not in SAID}, **environ},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip().startswith(needed)
    assert bool(done.stdout.strip()) == bool(needed)
