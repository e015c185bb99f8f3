"""`flask jobs ...`: run what the timetable runs, now."""

import click
from flask import Flask, current_app
from flask.cli import AppGroup

jobs = AppGroup("jobs", short_help="Background jobs.")


def install(app: Flask) -> None:
    app.cli.add_command(jobs)


@jobs.command("run")
@click.argument("name")
def run(name: str) -> None:
    """Run the job NAME once and say what it came to."""
    from app.jobs import engine  # the scheduler's library is needed by this command only

    if name not in engine.JOBS:
        raise click.ClickException(f"There is no job {name}; there are: {', '.join(engine.JOBS)}.")
    done = engine.run_once(current_app._get_current_object(), name)  # type: ignore[attr-defined]
    click.echo(f"{name}: {done.rows} done, {done.failed} failed{'. ' + done.message if done.message else ''}")
    if done.failed:
        raise SystemExit(1)
