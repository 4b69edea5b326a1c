"""Servers for tests: an nginx that this project did not write, and one that misbehaves on command."""

from __future__ import annotations

import os
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

CONFIG = """
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 4096; }}
http {{
    client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder};
    uwsgi_temp_path {folder}; scgi_temp_path {folder};
    log_format plain "$server_port $status $body_bytes_sent";
    access_log {folder}/access.log plain;
    keepalive_requests 1000000;
    server {{ listen 127.0.0.1:{ports[0]}; root {folder}/www; error_page 405 =200 $uri; }}
    server {{ listen 127.0.0.1:{ports[1]}; root {folder}/www; error_page 405 =200 $uri; }}
    server {{ listen 127.0.0.1:{ports[2]}; root {folder}/www; limit_rate {limit}; sendfile_max_chunk 4000; }}
}}
"""


def free_ports(count: int) -> list[int]:
    """Loopback ports that nobody listens on."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [sock.getsockname()[1] for sock in sockets]
    for sock in sockets:
        sock.close()
    return ports


class Nginx:
    """Two ports alike, and a third that sends `limit` bytes a second to each connection."""

    def __init__(self, folder: Path, limit: int = 200_000, size: int = 20_000) -> None:
        self.folder = folder / "nginx"
        self.limit = limit
        self.size = size
        self.ports = free_ports(3)
        self.urls = [f"http://127.0.0.1:{port}/file" for port in self.ports]

    def __enter__(self) -> Nginx:
        (self.folder / "www").mkdir(parents=True)
        self.folder.chmod(0o755)
        (self.folder / "www" / "file").write_bytes(b"x" * self.size)
        config = self.folder / "nginx.conf"
        config.write_text(
            "user root;" + CONFIG.format(folder=self.folder, ports=self.ports, limit=self.limit)
        )
        self._process = subprocess.Popen(
            ["nginx", "-c", str(config), "-p", str(self.folder)], stderr=subprocess.DEVNULL
        )
        for port in self.ports:
            wait_for_port(port)
        return self

    def __exit__(self, *error: object) -> None:
        self._process.terminate()
        self._process.wait(10)

    def forget(self) -> None:
        """Begin the log anew."""
        os.truncate(self.folder / "access.log", 0)

    def log(self) -> list[tuple[int, int, int]]:
        """(port, status, body bytes) of every request so far, as nginx wrote them."""
        lines = (self.folder / "access.log").read_text().splitlines()
        return [(int(port), int(status), int(size)) for port, status, size in map(str.split, lines)]


def wait_for_port(port: int, seconds: float = 120.0, host: str = "127.0.0.1") -> None:
    """Return when something listens on the port."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        with socket.socket() as probe:
            if probe.connect_ex((host, port)) == 0:
                return
        time.sleep(0.02)
    raise TimeoutError(f"nothing listens on {port}")


Script = Callable[[socket.socket, int], None]


class ScriptedServer:
    """Hands every connection, with its number, to `script`, in a thread of its own; closes it afterwards."""

    def __init__(self) -> None:
        self.script: Script = lambda connection, number: None
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.connections = 0
        self._threads: list[threading.Thread] = []
        self._open: list[socket.socket] = []

    def __enter__(self) -> ScriptedServer:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self._listener.close()
        for connection in self._open:
            connection.close()
        for thread in self._threads:
            thread.join(5)

    def answers(self, *pieces: bytes, pause: float = 0.0) -> None:
        """Answer every request on a connection with these bytes, piece by piece, and keep the connection."""

        def script(connection: socket.socket, number: int) -> None:
            while read_request(connection):
                for piece in pieces:
                    connection.sendall(piece)
                    time.sleep(pause)

        self.script = script

    def answers_and_closes(self, *pieces: bytes) -> None:
        """Answer the first request on each connection, then close it."""

        def script(connection: socket.socket, number: int) -> None:
            if read_request(connection):
                for piece in pieces:
                    connection.sendall(piece)

        self.script = script

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._open.append(connection)
            thread = threading.Thread(target=self._serve, args=(connection, self.connections), daemon=True)
            self.connections += 1
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket, number: int) -> None:
        with connection:
            try:
                self.script(connection, number)
            except OSError:
                return  # the client hung up, as some tests want it to


def read_request(connection: socket.socket) -> bytes:
    """One request's head (and whatever of the body came with it); empty when the client hung up."""
    read = b""
    while b"\r\n\r\n" not in read:
        piece = connection.recv(65536)
        if not piece:
            return b""
        read += piece
    return read
