"""The command line: `./run flask <group> <command>`. Each module brings one group and puts it in place by install(app)."""

from flask import Flask


def install(app: Flask) -> None:
    from app.commands import api_key, backup, check, csp, demo, jobs, months, operator, stand_in

    for group in (api_key, backup, check, csp, demo, jobs, months, operator, stand_in):
        group.install(app)
