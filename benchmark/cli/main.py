"""`vpcbench`: the commands, and the one place where errors become messages and exit statuses."""

from __future__ import annotations

import re
import sys
import traceback
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from benchmark import __version__
from benchmark.cli.output import complain, guard, status_of_output, whole
from benchmark.errors import Bug, ExitStatus, VpcbenchError

_URL = re.compile(r"https?://|localhost[:/]|[0-9]+(\.[0-9]+){3}[:/]", re.IGNORECASE)

app = typer.Typer(
    name="vpcbench",
    help="Compare a service's public and VPC addresses: how much faster, how sure, and why.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

Out = Annotated[
    Path | None,
    typer.Option("-o", "--out", metavar="DIR", help="Results folder (default: results/<stamp>-<name>)."),
]
Quiet = Annotated[bool, typer.Option("--quiet", help="No progress, no tables: the answer only.")]
Full = Annotated[
    bool, typer.Option("--full", help="Every table, also where they are more than a window holds.")
]
Processes = Annotated[
    str | None,
    typer.Option("--processes", metavar="N|auto", help="Processes that send (default: as the load needs)."),
]
Folder = Annotated[Path, typer.Argument(metavar="DIR", help="A results folder.")]


@app.command()
def demo(out: Out = None, quiet: Quiet = False, full: Full = False) -> None:
    """Compare two addresses of a practice service; needs nothing."""
    from benchmark.cli.demo import demo

    raise typer.Exit(demo(out, quiet=quiet, full=full))


@app.command()
def run(
    scenario: Annotated[Path, typer.Argument(metavar="SCENARIO.yaml")],
    out: Out = None,
    set_: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Override, e.g. load.rate=500/s.")
    ] = None,
    processes: Processes = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be sent, and stop.")] = False,
    no_check: Annotated[bool, typer.Option("--no-check", help="Do not ask each target once first.")] = False,
    only: Annotated[
        list[str] | None,
        typer.Option(
            "--only", metavar="TARGET", help="This target alone, where the others cannot be reached."
        ),
    ] = None,
    repeat: Annotated[
        int,
        typer.Option("--repeat", metavar="N", min=1, help="Whole runs, one after another, in folders 1 … N."),
    ] = 1,
    quiet: Quiet = False,
    full: Full = False,
) -> None:
    """Run a scenario: one target, two, or more."""
    from benchmark.cli.run import run

    raise typer.Exit(
        run(
            scenario,
            out,
            overrides=set_ or (),
            processes=processes,
            dry_run=dry_run,
            quiet=quiet,
            full=full,
            check=not no_check,
            repeat=repeat,
            only=only or (),
        )
    )


@app.command()
def capacity(
    scenario: Annotated[Path, typer.Argument(metavar="SCENARIO.yaml")],
    out: Out = None,
    set_: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Override, e.g. load.rate=20/s.")
    ] = None,
    at_least: Annotated[
        str | None, typer.Option("--at-least", metavar="500/s", help="Exit with 1 where it holds less.")
    ] = None,
    budget: Annotated[
        str, typer.Option("--budget", metavar="5m", help="The longest that each target is searched.")
    ] = "5m",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be tried, and stop.")] = False,
    quiet: Quiet = False,
    full: Full = False,
) -> None:
    """Find the highest load that meets the objectives."""
    from benchmark.cli.capacity import capacity

    raise typer.Exit(
        capacity(
            scenario,
            out,
            overrides=set_ or (),
            at_least=at_least,
            budget=budget,
            dry_run=dry_run,
            quiet=quiet,
            full=full,
        )
    )


@app.command(
    context_settings={"ignore_unknown_options": True},
    epilog="Ours: --vs URL, --rate 200/s | --connections 64, --arrivals poisson, --duration 20s | --requests 200, --warmup 2s, "
    "--rounds 10, --objective 'p99 < 800ms', --fail-if 'p99 > 800ms', --processes N, -o DIR, --as-is, --as-scenario, "
    "--dry-run, --quiet, --full. "
    "All others are curl's own: -X -H -d --data-raw --data-binary -k --max-time …",
)
def curl(
    arguments: Annotated[
        list[str], typer.Argument(metavar="URL [curl's own flags] [--vs URL] [--rate R]", show_default=False)
    ],
) -> None:
    """Take a curl command line as it is, with `vpcbench` in front."""
    from benchmark.cli.curl import curl

    raise typer.Exit(curl(arguments))


@app.command(
    context_settings={"ignore_unknown_options": True},
    epilog="A URL may come with curl's own flags (-H -X -d -k …) and with --vs URL.",
)
def check(
    arguments: Annotated[
        list[str],
        typer.Argument(metavar="SCENARIO.yaml | URL [curl's own flags] [--vs URL]", show_default=False),
    ],
    json_: Annotated[bool, typer.Option("--json", help="For scripts.")] = False,
    full: Full = False,
) -> None:
    """Walk to each target step by step; say what is wrong and what to do. One request each."""
    from benchmark.cli.check import check

    raise typer.Exit(check(arguments, as_json=json_, full=whole(full=full)))


@app.command()
def discover(
    service: Annotated[str, typer.Argument(metavar="SERVICE", help="The service's name.")],
    region: Annotated[str, typer.Option("--region", help="Where it runs, e.g. cn-hangzhou.")],
    show_token: Annotated[
        bool, typer.Option("--show-token", help="Print the service's token as well.")
    ] = False,
    endpoint: Annotated[
        str | None, typer.Option("--endpoint", help="The API's host, where it is not the region's own.")
    ] = None,
    protocol: Annotated[
        str, typer.Option("--protocol", help="https, or http for a proxy of your own.")
    ] = "https",
) -> None:
    """Ask the cloud's API for a service's addresses; prints a scenario. Needs the extra `eas`."""
    from benchmark.cli.discover import print_scenario

    raise typer.Exit(print_scenario(service, region, endpoint, protocol, show_token=show_token))


@app.command()
def report(
    folder: Folder,
    format_: Annotated[
        str | None,
        typer.Option(
            "--format",
            metavar="terminal|html|markdown|json|junit|csv|hlog|png",
            help="What to write (default: for the terminal; markdown to a pipe or file).",
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("-o", "--out", metavar="FILE", help="Write here, not to the terminal.")
    ] = None,
    full: Full = False,
) -> None:
    """Render a results folder again, without measuring."""
    from benchmark.cli.report import report

    raise typer.Exit(report(folder, format_, out, full=full))


@app.command(
    context_settings={"ignore_unknown_options": True},
    epilog="A side is a run, a folder of runs (`run --repeat 3`), or one target of it (DIR:target): set the public address seen "
    "from a laptop beside the VPC address seen from inside. Several folders a side: BASE… --vs NEW…. "
    "Fewer than 3 occasions a side, more than 10 min apart, give a factor and no verdict.",
)
def diff(
    sides: Annotated[list[str], typer.Argument(metavar="BASE[:target] NEW[:target]", show_default=False)],
    fail_if: Annotated[
        list[str] | None,
        typer.Option("--fail-if", metavar="RULE", help="Exit with 1 where this is shown, e.g. 'p99 > +10%'."),
    ] = None,
    allow: Annotated[
        list[str] | None,
        typer.Option(
            "--allow", metavar="WHAT", help="What may differ, e.g. different-client; the refusal names it."
        ),
    ] = None,
    format_: Annotated[
        str, typer.Option("--format", metavar="terminal|markdown|json", help="How to tell it.")
    ] = "terminal",
    strict: Annotated[
        bool, typer.Option("--strict", help="Exit with 1 also where it cannot be told.")
    ] = False,
    full: Full = False,
) -> None:
    """Set runs beside runs: what changed, with intervals over runs; gate on regressions."""
    from benchmark.cli.diff import diff

    raise typer.Exit(
        diff(
            sides,
            fail_if=fail_if or (),
            allow=allow or (),
            format_=format_,
            strict=strict,
            full=whole(full=full),
        )
    )


@app.command()
def history(
    folder: Annotated[Path, typer.Argument(metavar="[DIR]", help="A folder of runs.")] = Path("results"),
    name: Annotated[str | None, typer.Option("--name", help="Only the scenario of this name.")] = None,
    metric: Annotated[
        str | None, typer.Option("--metric", metavar="p99", help="Default: the first objective's, else p50.")
    ] = None,
    json_: Annotated[bool, typer.Option("--json", help="For scripts.")] = False,
    full: Full = False,
) -> None:
    """List the runs of each scenario over time, with a trend where one can be told."""
    from benchmark.cli.history import show_history

    raise typer.Exit(show_history(folder, name=name, metric=metric, as_json=json_, full=whole(full=full)))


@app.command()
def convert(
    file: Annotated[
        str,
        typer.Argument(
            metavar="FILE", help="Python, HAR, k6, OpenAPI, vegeta's targets, a command line; or -."
        ),
    ],
) -> None:
    """Print what another tool's file asks for as a scenario; nothing in it is run."""
    from benchmark.cli.convert import convert_file

    raise typer.Exit(convert_file(file))


@app.command()
def schema() -> None:
    """Print the scenario's JSON Schema, for editors."""
    from benchmark.cli.schema import schema

    raise typer.Exit(schema())


@app.command()
def simulate(
    port: Annotated[int, typer.Option("--port", help="First port; 0 chooses free ones.")] = 8080,
    latency: Annotated[
        str,
        typer.Option(
            "--latency", help="A law: 5ms, normal(5ms, 1ms), lognormal(5ms, 0.5), exponential(5ms)."
        ),
    ] = "1ms",
    ttft: Annotated[
        str, typer.Option("--ttft", help="The law of a stream's first token, from the request's arrival.")
    ] = "50ms",
    itl: Annotated[
        str, typer.Option("--itl", help="The law of the gaps between a stream's tokens.")
    ] = "10ms",
    errors: Annotated[float, typer.Option("--errors", help="Share of requests answered 500.")] = 0.0,
    service: Annotated[str, typer.Option("--service", help="The service's name in the path.")] = "test",
    token: Annotated[
        str | None,
        typer.Option("--token", help="The token to ask for.", envvar="EAS_TOKEN", show_envvar=True),
    ] = None,
    seed: Annotated[int, typer.Option("--seed")] = 1,
    workers: Annotated[
        int | None, typer.Option("--workers", help="Requests served at once (default: all of them).")
    ] = None,
    queue: Annotated[
        int, typer.Option("--queue", help="How many wait for a worker; the next gets 450.")
    ] = 64,
    rate_limit: Annotated[
        str | None,
        typer.Option("--rate-limit", metavar="1000/s", help="What the gateway lets through; then 429."),
    ] = None,
    instances: Annotated[
        str | None,
        typer.Option(
            "--instances",
            metavar="WEIGHTS",
            help="Instances to be called directly, e.g. 100,100,50; both addresses list them.",
        ),
    ] = None,
    churn: Annotated[
        str | None,
        typer.Option(
            "--churn", metavar="10s", help="The last of them leaves the list for so long, and comes back."
        ),
    ] = None,
) -> None:
    """Run the practice service on its own: a slow public and a fast VPC address, on loopback."""
    from benchmark.cli.simulate import simulate

    status = simulate(
        port,
        latency,
        ttft,
        itl,
        errors,
        service,
        token,
        seed,
        workers=workers,
        queue=queue,
        rate_limit=rate_limit,
        instances=instances,
        churn=churn,
    )
    raise typer.Exit(status)


def _version(shown: bool) -> None:
    if shown:
        from benchmark.execution.environment import hot_path

        typer.echo(f"vpcbench {__version__}, hot path {hot_path()}")
        raise typer.Exit


@app.callback()
def _common(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    pass


def main(arguments: list[str] | None = None) -> None:
    """Run the command line; every mendable error is one message on standard error."""
    guard()
    try:
        app(_with_command(sys.argv[1:] if arguments is None else arguments))
    except SystemExit as ended:
        sys.exit(ended.code or status_of_output())
    except VpcbenchError as error:
        fail(error)
    except KeyboardInterrupt:
        print("vpcbench: interrupted", file=sys.stderr)
        sys.exit(ExitStatus.INTERRUPTED)
    except Exception:
        fail(Bug(traceback.format_exc()))


def _with_command(arguments: list[str]) -> list[str]:
    """A URL alone is a curl command line."""
    first = next(iter(arguments), "")
    known = first in {
        *(each.callback.__name__ for each in app.registered_commands if each.callback),
        "--help",
    }
    if known or not any(_URL.match(argument) for argument in arguments):
        return arguments
    return ["curl", *arguments]


def fail(error: VpcbenchError) -> NoReturn:
    """Tell an error in text that cannot steer the terminal: a server may have said part of it."""
    from benchmark.report.neutral import harmless

    complain(harmless(str(error)), as_it_is=isinstance(error, Bug))
    sys.exit(error.status)
