"""Servers that people run, each as it comes from Debian or PyPI, started with a few lines of configuration."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.servers import free_ports, wait_for_port

PAGE = "/index.html"  # what all of them have

Arguments = Callable[[Path, int], list[str]]

NGINX = """
daemon off; user root; worker_processes 2; pid {folder}/pid; error_log {folder}/error.log;
worker_shutdown_timeout 5s;
events {{ worker_connections 4096; }}
http {{
    log_format status "$status"; access_log {folder}/access.log status;
    keepalive_requests {requests}; keepalive_timeout {idle}; client_header_timeout {idle};
    server {{ listen 127.0.0.1:{port} backlog=4096; location / {{ return 200 "hello"; }} }}
}}
"""

APACHE = """
ServerRoot {folder}
ServerName localhost
PidFile {folder}/pid
Listen 127.0.0.1:{port}
ErrorLog {folder}/error.log
LoadModule mpm_event_module /usr/lib/apache2/modules/mod_mpm_event.so
LoadModule authz_core_module /usr/lib/apache2/modules/mod_authz_core.so
LoadModule reqtimeout_module /usr/lib/apache2/modules/mod_reqtimeout.so
LoadModule env_module /usr/lib/apache2/modules/mod_env.so
DocumentRoot {folder}/www
RequestReadTimeout header=1
{more}
"""

HAPROXY = """
defaults
    mode http
    timeout connect 1s
    timeout client 5s
    timeout server 5s
    {more}
frontend front
    bind 127.0.0.1:{port}
    http-request return status 200 content-type text/plain string hello
"""

NODE = """
const server = require('http').createServer((request, response) => {{
  request.resume(); request.on('end', () => response.end('hello'));
}});
server.maxRequestsPerSocket = {requests};
server.keepAliveTimeout = {idle};
server.listen({port}, '127.0.0.1');
"""

ASGI = """
async def application(scope, receive, send):
    if scope["type"] != "http":
        raise RuntimeError("http only")
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"5")]})
    await send({"type": "http.response.body", "body": b"hello"})
"""

WSGI = """
def application(environ, start_response):
    start_response("200 OK", [("Content-Length", "5")])
    return [b"hello"]
"""


def nginx(requests: int = 1_000_000, idle: str = "60s") -> Arguments:
    """With a limit of requests and of idle time for each connection."""

    def arguments(folder: Path, port: int) -> list[str]:
        config = folder / "nginx.conf"
        config.write_text(NGINX.format(folder=folder, port=port, requests=requests, idle=idle))
        return ["nginx", "-c", str(config), "-p", str(folder)]

    return arguments


def apache(more: str = "") -> Arguments:
    """With these directives."""

    def arguments(folder: Path, port: int) -> list[str]:
        (folder / "www").mkdir()
        (folder / "www" / "index.html").write_text("hello")
        config = folder / "apache.conf"
        config.write_text(APACHE.format(folder=folder, port=port, more=more))
        return ["apache2", "-D", "FOREGROUND", "-f", str(config)]

    return arguments


def haproxy(more: str = "timeout http-request 5s") -> Arguments:
    """With these defaults."""

    def arguments(folder: Path, port: int) -> list[str]:
        config = folder / "haproxy.cfg"
        config.write_text(HAPROXY.format(port=port, more=more))
        return ["haproxy", "-db", "-f", str(config)]

    return arguments


def node(requests: int = 0, idle: int = 5000) -> Arguments:
    """With a limit of requests (0: none) and of idle milliseconds for each connection."""

    def arguments(folder: Path, port: int) -> list[str]:
        script = folder / "server.js"
        script.write_text(NODE.format(port=port, requests=requests, idle=idle))
        return ["node", str(script)]

    return arguments


def python(module: str, *flags: str) -> Arguments:
    """One of PyPI's; `{port}` and `{folder}` in its flags are filled in."""

    def arguments(folder: Path, port: int) -> list[str]:
        (folder / "asgi.py").write_text(ASGI)
        (folder / "wsgi.py").write_text(WSGI)
        return [sys.executable, "-m", module, *(flag.format(port=port, folder=folder) for flag in flags)]

    return arguments


@dataclass(frozen=True)
class Running:
    """A server that answers."""

    port: int
    folder: Path
    process: subprocess.Popen[bytes]

    def completed(self) -> int:
        """How many answers of status 200 nginx has sent to their end, by its own log."""
        return (self.folder / "access.log").read_text().split().count("200")


@contextlib.contextmanager
def running(arguments: Arguments, folder: Path) -> Iterator[Running]:
    """Start it, wait until it listens, and end it afterwards."""
    folder.mkdir()
    folder.chmod(0o755)
    (port,) = free_ports(1)
    with (folder / "output").open("wb") as output:
        process = subprocess.Popen(arguments(folder, port), cwd=folder, stdout=output, stderr=output)
        try:
            wait_for_port(port)
            yield Running(port, folder, process)
        finally:
            process.terminate()
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
