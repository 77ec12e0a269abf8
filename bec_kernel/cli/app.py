"""The commands. Heavy things are imported where they are used."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from bec_kernel.cli.options import (
    WORDS,
    Data,
    Devices,
    Port,
    Sim,
    Virtual,
    app,
    command,
    say,
)

__all__ = ["app", "queue_history"]


class ScanCommand(TyperCommand):
    """A command whose help names the scans of the instance that runs, if one does."""

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        """Write the example, and the scans there are."""
        from bec_kernel.cli.scan import names

        super().format_epilog(ctx, formatter)
        if found := names(ctx.params.get("data")):
            formatter.write_paragraph()
            with formatter.indentation():
                formatter.write_text(found)


@command()
def up(
    data: Data = None,
    devices: Devices = None,
    sim: Sim = None,
    port: Port = 0,
    *,
    virtual: Virtual = False,
    detach: Annotated[
        bool, typer.Option("--detach", help="Return when it is ready; it goes on.")
    ] = False,
    upgrade: Annotated[
        bool, typer.Option("--upgrade", help="Go on in a folder of an older version.")
    ] = False,
) -> None:
    """Start an instance: broker and services.

    Without a device list it gets a simulated beamline.

    Example: bec up --detach --devices my_beamline.yaml
    """
    from bec_kernel.cli import instances, status_text

    folder = (data or instances.DATA).resolve()
    words = instances.launcher_words(
        virtual=virtual, devices=devices, sim=sim, port=port, upgrade=upgrade
    )
    if detach:
        say(f"running in {instances.start_detached(folder, words, say)}")
        status_text.say_troubles(folder)
        return
    launched = instances.Launched(folder, [*words, "--with-input"])
    try:
        say(f"running in {launched.wait_ready(say)}; stop with Ctrl-C")
        status_text.say_troubles(folder)
        status_text.watch(launched)
    finally:
        launched.stop(say)


@command()
def down(data: Data = None) -> None:
    """End a running instance.

    Example: bec down
    """
    from bec_kernel.cli import instances

    note = instances.the_instance(data)
    say(f"ending the instance in {note.data}")
    instances.end(note)
    say("ended")


@command()
def status(
    data: Data = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """Show services, broker and queues.

    Example: bec status --json
    """
    from bec_kernel.cli import instances, status_text

    note = instances.the_instance(data, elsewhere=True)
    instances.say_if_elsewhere(note.data, data)
    found = status_text.status(note)
    if as_json:
        say(json.dumps(found, indent=2))
    else:
        status_text.print_status(found)


@command()
def logs(
    service: Annotated[str, typer.Argument(help="Only of this one.")] = "",
    data: Data = None,
    *,
    follow: Annotated[
        bool, typer.Option("-f", "--follow", help="Go on, until Ctrl-C.")
    ] = False,
) -> None:
    """Show what the services wrote into their logs.

    Example: bec logs device_server -f
    """
    from bec_kernel.cli import instances, log_lines

    folder = instances.folder(data)
    instances.say_if_elsewhere(folder, data)
    log_lines.show(folder, service, follow=follow)


@command(cls=ScanCommand, context_settings=WORDS)
def scan(
    words: Annotated[
        list[str] | None, typer.Argument(metavar="NAME WORDS…", help="As after %scan.")
    ] = None,
    data: Data = None,
    *,
    listed: Annotated[
        bool, typer.Option("--list", help="Show the scans there are.")
    ] = False,
) -> None:
    """Run a scan and show it live; Ctrl-C aborts it.

    `bec scan --list` lists the scans, `bec scan NAME --help` explains one;
    `bec scan NAME … --dry` only says what it would do, and how long.

    Example: bec scan line_scan samx -5 5 --steps 21 --exp-time 0.1
    """
    from bec_kernel.cli import scan as scans

    text = scans.explain(["--list"] if listed else words or [], data)
    if text is None:
        scans.run(words or [], data)
    else:
        say(text)


@command()
def stop(data: Data = None) -> None:
    """Stop every device now. Needs no queue.

    It says which instance it has stopped.

    Example: bec stop
    """
    from bec_kernel.cli import instances
    from bec_kernel.client import connect

    with connect(data) as client:
        client.stop_all()
        say(f"stopped every device of {instances.shown(client)}")


@command()
def service(
    name: Annotated[
        str,
        typer.Argument(
            help="scan_server, device_server, scan_bundler, file_writer, scihub or "
            "data_analysis."
        ),
    ],
    redis: Annotated[
        str, typer.Option(help="URL of the broker; better put it into BEC_REDIS.")
    ] = "",
    data: Data = None,
    as_name: Annotated[
        str, typer.Option("--name", help="Of this process in its role.")
    ] = "main",
    *,
    virtual: Virtual = False,
) -> None:
    """Run one service in the foreground.

    For services that are deployed one by one: they need a broker, named by BEC_REDIS
    (redis://file_writer:PASSWORD@host:6379), where no list of processes shows its
    password. Without it the instance found here is meant. Ctrl-C ends it.

    Example: bec service file_writer
    """
    from bec_kernel.cli import one_service

    one_service.run(name, redis, data, as_name, virtual=virtual)


@command()
def check(
    files: Annotated[
        list[Path], typer.Argument(help="Device lists (YAML), or folders of them.")
    ],
) -> None:
    """Check device lists; needs no instance and no hardware.

    Looks for mistakes in the files, for classes that are not there, and for keys of
    deviceConfig that a class does not take.

    Example: bec check my_beamline.yaml
    """
    from bec_kernel.cli import one_service

    one_service.check(files)


@command()
def lab(data: Data = None, *, virtual: Virtual = False) -> None:
    """Open JupyterLab with the first notebook.

    Starts an instance for as long as it is open, if none runs.

    Example: bec lab
    """
    from bec_kernel.cli import instances, jupyterlab

    words = instances.launcher_words(virtual=virtual)
    with instances.instance(instances.folder(data), words, say) as (folder, _):
        jupyterlab.open_lab(folder)


@command()
def demo(data: Data = None) -> None:
    """Scan a peak, fit it, move to its centre.

    The motor is a simulated one behind EPICS Channel Access. It runs in `data` here, or
    in the folder that is named, and nowhere else.

    Example: bec demo
    """
    from bec_kernel.cli import instances
    from bec_kernel.cli.demo import run

    with instances.instance(data or instances.DATA, [], say) as (folder, is_ours):
        run(folder, say)
    say(f"took        {instances.age():.1f} s, from the command to this line")
    more = "" if is_ours else f"   (the instance in {folder} goes on running)"
    say(f"go on       bec lab{more}")


# Behind those above: the help lists the commands in the order they are made in.
from bec_kernel.cli import queue_history  # noqa: E402
