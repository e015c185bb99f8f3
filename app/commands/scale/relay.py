"""A small round robin in front of the web processes: one connection after the other to the next of them, bytes passed on.

It understands no HTTP and tries nothing twice. Who is asking goes ahead of the bytes in one line (PROXY protocol, version 1),
which gunicorn reads. A process that refuses the connection is passed over, and so is one that is being started again while another is
ready: it listens before it can answer, and whoever it took would wait until it can.
"""

import asyncio
import ipaddress
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from itertools import count

#: connections at a time; one more is hung up on
MOST_CONNECTIONS = 500
#: no byte either way for so long: hung up
IDLE_SECONDS = 120.0
CONNECT_SECONDS = 5.0
CHUNK = 64 * 1024


class Relay:
    """Passes connections that `listener` accepts on to 127.0.0.1, in turn to each of `ports`, those that are `ready` first."""

    def __init__(self, ports: list[int], ready: Callable[[int], bool]) -> None:
        self._ports, self._ready = ports, ready
        self._turns = count()
        self._open: set[asyncio.Task[None]] = set()

    async def start(self, listener: socket.socket) -> asyncio.Server:
        return await asyncio.start_server(self._accepted, sock=listener, limit=CHUNK)

    async def hang_up(self) -> None:
        """On all that is open."""
        for passing in self._open:
            passing.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)

    async def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        this = asyncio.current_task()
        assert this is not None
        self._open.add(this)
        try:
            if len(self._open) <= MOST_CONNECTIONS:
                with suppress(OSError, asyncio.CancelledError):
                    await self._pass_on(reader, writer)
        finally:
            self._open.discard(this)
            writer.close()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        backend = await self._connected()
        if backend is None:
            return
        answers, questions = backend
        try:
            questions.write(proxy_line(writer.get_extra_info("peername"), writer.get_extra_info("sockname")))
            last_byte = [time.monotonic()]
            await asyncio.gather(pump(reader, questions, last_byte), pump(answers, writer, last_byte))
        finally:
            questions.close()

    async def _connected(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
        turn = next(self._turns) % len(self._ports)
        in_turn = self._ports[turn:] + self._ports[:turn]
        for port in sorted(in_turn, key=lambda port: not self._ready(port)):
            with suppress(OSError, TimeoutError):
                connecting = asyncio.open_connection("127.0.0.1", port, limit=CHUNK)
                return await asyncio.wait_for(connecting, CONNECT_SECONDS)
        return None


async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, last_byte: list[float]) -> None:
    """One way, until its end; the other way goes on. A slow reader is waited for: memory stays at a few chunks."""
    while True:
        try:
            chunk = await asyncio.wait_for(reader.read(CHUNK), IDLE_SECONDS)
        except TimeoutError:
            if time.monotonic() - last_byte[0] >= IDLE_SECONDS:
                raise ConnectionAbortedError("idle") from None
            continue
        if not chunk:
            break
        last_byte[0] = time.monotonic()
        writer.write(chunk)
        await writer.drain()
    with suppress(OSError):
        writer.write_eof()


def proxy_line(client: tuple[str, int], here: tuple[str, int]) -> bytes:
    """Who is asking, and where."""
    version = ipaddress.ip_address(client[0].partition("%")[0]).version
    return f"PROXY TCP{'4' if version == 4 else '6'} {client[0]} {here[0]} {client[1]} {here[1]}\r\n".encode()
