"""Compiles the hot path while a wheel is built, where that can be done; the same source runs interpreted where not.

A build tool: no wheel holds it. It needs a C compiler, Python's headers, and mypyc, which is asked for only where both are
there. Whatever goes wrong costs speed and never the installation, unless the variable below demands the compiled one.
An editable installation stays interpreted, so that no compiled module ever hides a source that has changed.
"""

from __future__ import annotations

import ast
import hashlib
import json
import os
import platform
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

SWITCH = "VPCBENCH_COMPILE"  # 0: do not compile; 1: fail where it cannot be done
HOT_PATH = (
    "benchmark/execution/send_loop.py",
    "benchmark/measure/exchange.py",
    "benchmark/measure/recorder.py",
    "benchmark/measure/stream.py",
    "benchmark/transport/http1.py",
)
TOOLS = ["mypy[mypyc]>=2.4,<2.5"]  # what it writes must run on the librt that pyproject.toml asks for
MACHINES = {"x86_64", "AMD64", "aarch64", "arm64"}  # for which mypy comes ready to run
FLAGS = ("-O2", "-g0", "-w", "-fPIC", "-fwrapv", "-fno-strict-aliasing", "-DNDEBUG")
PATIENCE = 600.0  # seconds for one program
CACHE = Path("build", "hot-path")  # in the project's folder
LIBRARIES = "libraries.json"
SUFFIX = str(sysconfig.get_config_var("EXT_SUFFIX"))  # of extension modules
SOABI = str(sysconfig.get_config_var("SOABI"))  # names the Python and the system


class CannotCompileError(Exception):
    """What is missing, or what went wrong."""


class Library(NamedTuple):
    """One extension module, as mypyc wants it built."""

    name: str  # dotted
    sources: list[str]
    include: list[str]


class HotPathHook(BuildHookInterface[Any]):
    """What hatchling calls."""

    _temporary: Path | None = None

    def dependencies(self) -> list[str]:
        """The compiler of Python, where its output could be compiled as well."""
        if os.environ.get(SWITCH) == "0" or obstacle():
            return []
        try:
            made = Path(self.root, CACHE, fingerprint(Path(self.root))).exists()
        except Exception:  # building will tell
            made = True
        return [] if made else TOOLS

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add the compiled modules to the wheel, and its tag of this system and Python."""
        wanted = os.environ.get(SWITCH, "")
        if version == "editable" or wanted == "0":
            return
        try:
            files = compile_hot_path(Path(self.root), self._cache())
        except Exception as error:  # whatever happens, there is the source
            if wanted == "1":
                raise
            self.app.display_warning(f"vpcbench: the hot path is not compiled and runs slower: {error}")
            return
        build_data["force_include"].update(files)
        build_data["infer_tag"], build_data["pure_python"] = True, False

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Leave nothing behind."""
        if self._temporary:
            shutil.rmtree(self._temporary)

    def _cache(self) -> Path:
        """Where compiled modules are kept for the next build; for this one only, where nothing may be written."""
        folder = Path(self.root, CACHE)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=folder):
                return folder
        except OSError:
            self._temporary = Path(tempfile.mkdtemp(prefix="vpcbench-"))
            return self._temporary


def obstacle() -> str:
    """Why nothing can be compiled here; empty: it can be tried."""
    if sys.implementation.name != "cpython" or sysconfig.get_config_var("Py_GIL_DISABLED"):
        return "only CPython with its global lock is compiled for"
    if sys.platform not in {"linux", "darwin"} or platform.machine() not in MACHINES:
        return f"{sys.platform} on {platform.machine()} is not among the systems that are compiled for"
    headers = Path(sysconfig.get_path("include"), "Python.h")
    if not headers.exists():
        return f"{headers} is missing; Debian has it in python3-dev"
    return "" if compiler() else "there is no C compiler; Debian has it in gcc"


def compiler() -> list[str]:
    """The command that compiles C: what CC says, what Python was built with, or what there is; empty: none."""
    first = os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc"
    candidates = map(shlex.split, (first, "cc", "gcc", "clang"))
    return next((command for command in candidates if shutil.which(command[0])), [])


def compile_hot_path(root: Path, cache: Path) -> dict[str, str]:
    """The places in the wheel of the compiled files, by where they lie now: in `cache`, until a source changes.

    Raises:
        CannotCompileError: something is missing, or has failed.
    """
    if problem := obstacle():
        raise CannotCompileError(problem)
    made = cache / fingerprint(root)
    if not made.exists():
        with tempfile.TemporaryDirectory(dir=cache) as unfinished:
            build(write_c(root, Path(unfinished)), Path(unfinished, "made"))
            for earlier in cache.glob(f"{SOABI}-*"):
                shutil.rmtree(earlier, ignore_errors=True)
            Path(unfinished, "made").rename(made)
    return {str(path): path.relative_to(made).as_posix() for path in made.rglob(f"*{SUFFIX}")}


def fingerprint(root: Path) -> str:
    """Names what is compiled, with what and for what."""
    digest = hashlib.sha256()
    for path in (Path(__file__), *sources(root)):
        digest.update(path.read_bytes())
    digest.update(repr([run([*compiler(), "--version"], root), *commands()]).encode())
    return f"{SOABI}-{digest.hexdigest()[:16]}"


def sources(root: Path) -> list[Path]:
    """The hot path, and all of ours that it imports: their types and constants are compiled in."""
    found: set[Path] = set()
    waiting = [root / each for each in HOT_PATH]
    while waiting:
        path = waiting.pop()
        if path in found or not path.is_file():
            continue
        found.add(path)
        for node in ast.walk(ast.parse(path.read_bytes())):
            if isinstance(node, ast.ImportFrom):
                names = [str(node.module), *(f"{node.module}.{each.name}" for each in node.names)]
            elif isinstance(node, ast.Import):
                names = [each.name for each in node.names]
            else:
                continue
            waiting += [
                root / f"{name.replace('.', '/')}.py" for name in names if name.startswith("benchmark")
            ]
    return sorted(found)


def write_c(root: Path, folder: Path) -> list[Library]:
    """Have mypyc write the C of the hot path, in a process of its own, for it may end or change the one it runs in."""
    run([sys.executable, "-P", __file__, str(folder)], root)
    return [Library(*each) for each in json.loads((folder / LIBRARIES).read_text())]


def commands() -> tuple[list[str], list[str]]:
    """What compiles and what links. Not with the flags that Python was built with, which may be another compiler's."""
    ours = [
        *compiler(),
        *FLAGS,
        *shlex.split(os.environ.get("CFLAGS", "")),
        f"-I{sysconfig.get_path('include')}",
    ]
    link = [*compiler(), "-shared"]
    if sys.platform == "darwin":  # there they say for which processors
        ours += shlex.split(sysconfig.get_config_var("CFLAGS"))
        link = [*compiler(), *shlex.split(sysconfig.get_config_var("LDSHARED"))[1:]]
    return ours, [*link, *shlex.split(os.environ.get("LDFLAGS", ""))]


def build(libraries: Sequence[Library], folder: Path) -> None:
    """Compile on all cores, and link."""
    compiling, linking = commands()

    def compile_file(source: str, include: Sequence[str]) -> str:
        run([*compiling, *(f"-I{each}" for each in include), "-c", source, "-o", f"{source}.o"], Path())
        return f"{source}.o"

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        waiting = [
            [pool.submit(compile_file, source, each.include) for source in each.sources] for each in libraries
        ]
        for library, objects in zip(libraries, waiting, strict=True):
            target = folder / f"{library.name.replace('.', '/')}{SUFFIX}"
            target.parent.mkdir(parents=True, exist_ok=True)
            run([*linking, *(each.result() for each in objects), "-o", str(target)], Path())


def run(command: Sequence[str], folder: Path) -> str:
    """What a program prints.

    Raises:
        CannotCompileError: it failed.
    """
    try:
        done = subprocess.run(  # noqa: S603  # programs that the builder chose
            command, cwd=folder, capture_output=True, text=True, timeout=PATIENCE, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CannotCompileError(str(error)) from error
    if done.returncode:
        lines = (done.stderr + done.stdout).strip().splitlines() or ["it said nothing"]
        telling = next((line for line in lines if "error" in line), lines[-1])
        raise CannotCompileError(f"{Path(command[0]).name} failed with status {done.returncode}: {telling}")
    return done.stdout


def main(folder: str) -> None:
    """Write C, and beside it what is to be built of it. Types of other libraries are not read: they would change nothing."""
    from mypyc.build import mypycify

    options = ["--config-file=", "--no-site-packages", "--follow-imports=silent", "--ignore-missing-imports"]
    extensions = mypycify([*options, *HOT_PATH], target_dir=folder, group_name="vpcbench", multi_file=True)
    libraries = [(each.name, each.sources, each.include_dirs) for each in extensions]
    Path(folder, LIBRARIES).write_text(json.dumps(libraries))


if __name__ == "__main__":
    main(sys.argv[1])
