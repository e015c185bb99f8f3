"""The round robin in front of several web processes: in turn, bytes as they are, who asks goes ahead, nothing twice."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Container
from contextlib import asynccontextmanager

import pytest

from app.commands.scale import relay as relays
from app.commands.scale.relay import Relay, proxy_line

Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def web_process(answer: Answer) -> AsyncIterator[int]:
    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


@asynccontextmanager
async def in_front_of(*ports: int, not_ready: Container[int] = ()) -> AsyncIterator[int]:
    listener = socket.create_server(("127.0.0.1", 0))
    relay = Relay(list(ports), lambda port: port not in not_ready)
    server = await relay.start(listener)
    try:
        yield int(listener.getsockname()[1])
    finally:
        server.close()
        await relay.hang_up()


async def asked(port: int, question: bytes = b"") -> bytes:
    """All that comes back to a question that ends there."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(question)
    writer.write_eof()
    answer = await reader.read()
    writer.close()
    return answer


def says(name: bytes) -> Answer:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(name + b" " + await reader.read())
        writer.close()

    return answer


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def test_in_turn_and_who_asks_goes_ahead() -> None:
    async def run() -> None:
        async with web_process(says(b"one")) as one, web_process(says(b"two")) as two, in_front_of(one, two) as port:
            answers = [await asked(port, b"hello") for _ in range(4)]
        assert [answer.split()[0] for answer in answers] == [b"one", b"two", b"one", b"two"]
        for answer in answers:
            _, head, rest = answer.split(b" ", 2)
            assert head == b"PROXY" and rest.startswith(b"TCP4 127.0.0.1 127.0.0.1 ") and rest.endswith(b"\r\nhello")

    asyncio.run(run())


def test_whoever_refuses_is_passed_over_and_nobody_left_means_hung_up() -> None:
    async def run() -> None:
        gone = closed_port()
        async with web_process(says(b"one")) as one, in_front_of(gone, one) as port:
            assert [(await asked(port)).split()[0] for _ in range(3)] == [b"one"] * 3
        async with in_front_of(gone, closed_port()) as port:
            assert await asked(port, b"hello") == b""

    asyncio.run(run())


def test_whoever_listens_but_is_not_ready_is_passed_over_while_another_is() -> None:
    async def run() -> None:
        not_ready: set[int] = set()
        async with (
            web_process(says(b"one")) as one,
            web_process(says(b"two")) as two,
            in_front_of(one, two, not_ready=not_ready) as port,
        ):

            async def who_answers() -> list[bytes]:
                return [(await asked(port)).split()[0] for _ in range(4)]

            not_ready.add(two)
            assert await who_answers() == [b"one"] * 4
            not_ready.clear()
            assert await who_answers() == [b"one", b"two"] * 2
            not_ready.update((one, two))  # better to wait than to be hung up on
            assert await who_answers() == [b"one", b"two"] * 2

    asyncio.run(run())


def test_what_is_cut_off_is_not_tried_again() -> None:
    seen: list[bytes] = []

    async def cuts_off(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await reader.readuntil(b"hello"))
        writer.write(b"half an ans")
        await writer.drain()
        writer.close()

    async def run() -> None:
        async with web_process(cuts_off) as one, web_process(cuts_off) as two, in_front_of(one, two) as port:
            assert await asked(port, b"hello") == b"half an ans"

    asyncio.run(run())
    assert len(seen) == 1


def test_eight_megabytes_arrive_as_they_were_sent() -> None:
    sent = bytes(range(256)) * 32 * 1024

    async def run() -> None:
        async with web_process(says(b"one")) as one, in_front_of(one) as port:
            assert (await asked(port, sent)).endswith(b"\r\n" + sent)

    asyncio.run(run())


def test_one_connection_too_many_is_hung_up_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relays, "MOST_CONNECTIONS", 2)

    async def run() -> None:
        async with web_process(says(b"one")) as one, in_front_of(one) as port:
            waiting = [await asyncio.open_connection("127.0.0.1", port) for _ in range(2)]
            await asyncio.sleep(0.1)
            assert await asked(port) == b""
            for reader, writer in waiting:
                writer.write_eof()
                assert (await reader.read()).startswith(b"one")
                writer.close()
            await asyncio.sleep(0.1)
            assert (await asked(port)).startswith(b"one")

    asyncio.run(run())


def test_who_says_nothing_is_hung_up_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relays, "IDLE_SECONDS", 0.2)

    async def run() -> None:
        async with web_process(says(b"one")) as one, in_front_of(one) as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            assert await asyncio.wait_for(reader.read(), 5) == b""
            writer.close()

    asyncio.run(run())


@pytest.mark.parametrize(
    ("client", "line"),
    [
        (("127.0.0.1", 5), b"PROXY TCP4 127.0.0.1 127.0.0.1 5 80\r\n"),
        (("::1", 5), b"PROXY TCP6 ::1 127.0.0.1 5 80\r\n"),
    ],
)
def test_the_line_that_goes_ahead(client: tuple[str, int], line: bytes) -> None:
    assert proxy_line(client, ("127.0.0.1", 80)) == line
