"""Where `./run scale` ends: prepares the database, starts the children, passes connections on, and stops it all together."""

import asyncio
import json
import os
import signal
import socket
import sys
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from flask import Flask

from app import create_app
from app.commands.demo import cloud, seed_if_empty
from app.commands.scale.children import Child
from app.commands.scale.postgres import postgres
from app.commands.scale.relay import Relay
from app.commands.serve import CannotStart, bring_to_head, host_for, leave, listen, welcome
from app.config import HERE, BadSetting, Settings
from app.foundation import clock
from app.foundation.database import db

WEB, WORKERS = 2, 3
READY_WITHIN_SECONDS = 90
ANSWER_WITHIN_SECONDS = 30


def main() -> int:
    signal.signal(signal.SIGINT, leave)
    signal.signal(signal.SIGTERM, leave)
    try:
        with postgres(os.environ.get("DATABASE_URL")) as url, TemporaryDirectory(prefix="portal-scale-") as metrics:
            os.environ["DATABASE_URL"] = url
            app = create_app()
            settings: Settings = app.config["SETTINGS"]
            if not settings.demo:
                raise CannotStart("./run scale shows the demo: leave DEMO out. README says how to run many machines.")
            with listen(host_for(settings), settings.port) as listener:
                ports = free_ports(WEB)
                if settings.demo_now:
                    clock.move(settings.demo_now)
                if bring_to_head(app):
                    print("Living through the demo's year, this once: about ten seconds ...", flush=True)
                seed_if_empty(app)
                playing = cloud.microsoft(settings)
                cloud.resell(app, playing)
                if playing is not None:
                    os.environ.update(cloud.settings_of(playing))  # the children's Microsoft is in this process
                with app.app_context():
                    db.engine.dispose()
                answering = dict(zip(ports, webs(settings, ports, metrics), strict=True))
                children = [*answering.values(), *workers(settings, metrics)]
                note = settings.instance_path / "scale.json"
                book = {"url": settings.portal_url, "database_url": url, "web_ports": ports}

                def changed(sentence: str = "") -> None:
                    if sentence:
                        print(sentence, flush=True)
                    fresh = note.with_suffix(".new")  # who reads it meanwhile finds the old one whole
                    fresh.write_text(json.dumps({**book, "processes": {child.name: child.pid for child in children}}))
                    fresh.replace(note)

                try:
                    asyncio.run(supervise(listener, answering, children, lambda: tell(app, settings, ports), changed))
                finally:
                    note.unlink(missing_ok=True)
    except (CannotStart, BadSetting) as reason:
        print(reason, file=sys.stderr)
        return 1
    return 0


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on just now."""
    probes = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [int(probe.getsockname()[1]) for probe in probes]
    for probe in probes:
        probe.close()
    return ports


def environment(settings: Settings, metrics: str) -> dict[str, str]:
    return {
        **os.environ,
        "SECRET_KEY": settings.secret_key,
        "INSTANCE_PATH": str(settings.instance_path),
        "PORTAL_URL": settings.portal_url,
        "PROMETHEUS_MULTIPROC_DIR": metrics,
        "PROXIES": "0",
    }


def webs(settings: Settings, ports: list[int], metrics: str) -> list[Child]:
    gunicorn = [sys.executable, "-m", "gunicorn", "--config", str(HERE / "gunicorn.conf.py"), "--chdir", str(HERE)]
    options = ["--workers", "1", "--threads", "8", "--proxy-protocol", "v1", "--proxy-allow-from", "127.0.0.1"]
    return [
        Child(
            f"web-{number}",
            [*gunicorn, *options, "--bind", f"127.0.0.1:{port}"],
            environment(settings, metrics),
            log_of(settings, f"web-{number}"),
            partial(until_it_answers, port),
        )
        for number, port in enumerate(ports, 1)
    ]


def workers(settings: Settings, metrics: str) -> list[Child]:
    return [
        Child(
            f"worker-{number}",
            [sys.executable, "-m", "app.commands.worker"],
            environment(settings, metrics),
            log_of(settings, f"worker-{number}"),
        )
        for number in range(1, WORKERS + 1)
    ]


def log_of(settings: Settings, name: str) -> Path:
    folder = settings.instance_path / "scale"
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / f"{name}.log"
    log.write_bytes(b"")
    return log


async def supervise(
    listener: socket.socket,
    answering: Mapping[int, Child],
    children: list[Child],
    ready_now: Callable[[], None],
    changed: Callable[[str], None],
) -> None:
    """Until Ctrl-C. `answering`: the web processes among the children, by the ports on which they answer."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for each in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(each, stop.set)
    relay = Relay(list(answering), lambda port: answering[port].ready.is_set())
    keeping = [asyncio.create_task(child.keep(changed)) for child in children]
    try:
        ready = asyncio.create_task(all_ready(answering.values()))
        await asyncio.wait([ready, asyncio.create_task(stop.wait())], return_when=asyncio.FIRST_COMPLETED)
        ready.cancel()
        server = await relay.start(listener)
        if not stop.is_set():
            ready_now()
        await stop.wait()
        server.close()
    finally:
        print("Stopping ...", flush=True)
        await relay.hang_up()
        await asyncio.gather(*(child.stop() for child in children))
        for task in keeping:
            task.cancel()
        await asyncio.gather(*keeping, return_exceptions=True)


async def all_ready(children: Collection[Child]) -> None:
    """Until each has been, for as long as a person may be left waiting for the first page."""
    with suppress(TimeoutError):
        async with asyncio.timeout(READY_WITHIN_SECONDS):
            await asyncio.gather(*(child.ready.wait() for child in children))


async def until_it_answers(port: int) -> None:
    """Until the web process on that port says that it is ready."""
    while True:
        with suppress(OSError, TimeoutError):
            async with asyncio.timeout(ANSWER_WITHIN_SECONDS):
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                try:
                    writer.write(b"GET /readyz HTTP/1.0\r\n\r\n")
                    if b" 200 " in await reader.readline():
                        return
                finally:
                    writer.close()
        await asyncio.sleep(0.2)


def tell(app: Flask, settings: Settings, ports: list[int]) -> None:
    """The addresses, the sign-ins, and where the rest is."""
    welcome(app, settings)
    print(
        f"Two web processes answer behind it, on ports {' and '.join(map(str, ports))}; three workers share the jobs."
    )
    print("Operations, as the operator, shows the workers. Kill one: it is started again, its work taken over.")
    print(f"What they log stands in {settings.instance_path / 'scale'}.", flush=True)


if __name__ == "__main__":
    sys.exit(main())
