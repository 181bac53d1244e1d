"""A TCP proxy in front of a Postgres server that does harm at a chosen message.

It follows the server's protocol as far as it must: a connection without encryption is a start-up
packet of the client, then messages of both sides, each a letter, a length and a body.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Side = Literal["client", "server"]

COPY_DATA = b"d"
READY = b"Z"
"""With this letter the server ends its answer to a statement."""


@dataclass
class Link:
    """A connection through the proxy."""

    client: socket.socket
    server: socket.socket
    is_cut: bool = False
    loses_answer: bool = False

    def close(self) -> None:
        """End it for both sides."""
        for end in (self.client, self.server):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


@dataclass
class Harm:
    """What happens, once, to a message; what `do` returns of it is passed on."""

    by: Side
    is_its_message: Callable[[bytes], bool]
    do: Callable[[Link, bytes], bytes]
    is_done: bool = False


class Proxy:
    """Listens on a port of its own, and passes on what nobody has asked it to harm."""

    def __init__(self, server_port: int) -> None:
        """Listen; connections are made to a server on this machine."""
        self._server_port = server_port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._harms: list[Harm] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def url(self, url: str) -> str:
        """The URL of the server by way of the proxy."""
        port = self._listener.getsockname()[1]
        through = url.replace(f":{self._server_port}/", f":{port}/")
        assert through != url
        return f"{through}?sslmode=disable&gssencmode=disable"

    def harm(
        self, is_its_message: Callable[[bytes], bool], do: Callable[[Link, bytes], bytes], by: Side
    ) -> Harm:
        """Arrange for a harm."""
        self._harms.append(Harm(by, is_its_message, do))
        return self._harms[-1]

    def close(self) -> None:
        """Take no more connections."""
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):  # closed
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._connect, args=(client,), daemon=True).start()

    def _connect(self, client: socket.socket) -> None:
        with client:
            try:
                server = socket.create_connection(("127.0.0.1", self._server_port))
            except OSError:  # the server is down, as the client shall see
                return
            with server:
                for end in (client, server):  # else a statement takes 40 ms
                    end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                link = Link(client, server)
                answers = threading.Thread(target=self._pass_on, args=(link, "server"), daemon=True)
                answers.start()
                self._pass_on(link, "client")
                answers.join()

    def _pass_on(self, link: Link, by: Side) -> None:
        source, target = link.client, link.server
        if by == "server":
            source, target = target, source
        with contextlib.suppress(OSError):  # one of the ends is gone
            for message in _messages(source, starts_up=by == "client"):
                if by == "server" and link.loses_answer:
                    if message[:1] == READY:
                        break
                else:
                    target.sendall(self._harmed(link, message, by))
                if link.is_cut:
                    break
        link.close()

    def _harmed(self, link: Link, message: bytes, by: Side) -> bytes:
        for harm in self._harms:
            if harm.by == by and not harm.is_done and harm.is_its_message(message):
                harm.is_done = True
                return harm.do(link, message)
        return message


def _messages(source: socket.socket, *, starts_up: bool) -> Iterator[bytes]:
    """Whole messages, until the other side ends the connection."""
    with source.makefile("rb") as stream:
        while True:
            letter = b"" if starts_up else stream.read(1)
            length = stream.read(4)
            if len(length) < 4:
                return
            starts_up = False
            yield letter + length + stream.read(int.from_bytes(length) - 4)


def says(text: bytes) -> Callable[[bytes], bool]:
    """The message that has this text, of a statement for example."""
    return lambda message: text in message


def copies(after: int) -> Callable[[bytes], bool]:
    """The message of a COPY with which more than `after` bytes have been copied."""
    copied = 0

    def is_its_message(message: bytes) -> bool:
        nonlocal copied
        copied += len(message) if message[:1] == COPY_DATA else 0
        return message[:1] == COPY_DATA and copied > after

    return is_its_message


def cut_halfway(link: Link, message: bytes) -> bytes:
    """Cut the connection in the middle of the message."""
    link.is_cut = True
    return message[: len(message) // 2]


def lose_answer(link: Link, message: bytes) -> bytes:
    """The server executes the statement, but its answer is lost with the connection."""
    link.loses_answer = True
    return message


def delayed_by(event: Callable[[], object]) -> Callable[[Link, bytes], bytes]:
    """Something else happens before the message goes on."""

    def do(_link: Link, message: bytes) -> bytes:
        event()
        return message

    return do
