# SPDX-License-Identifier: Apache-2.0
"""Where and when a measurement was made, and the dated file that keeps it."""
import datetime
import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent


def hardware() -> str:
    text = pathlib.Path("/proc/cpuinfo").read_text()
    model = re.search(r"model name\s*:\s*(.*)", text).group(1)
    return re.sub(r"[^a-z0-9]+", "_", f"{model} {os.cpu_count()} cores".lower()).strip("_")


def origin() -> str:
    """Returns day, hardware and revision."""
    revision = subprocess.run(["git", "-C", ROOT, "rev-parse", "--short", "HEAD"], stdout=subprocess.PIPE, text=True)
    return f"{datetime.date.today()}, {hardware().replace('_', ' ')}, tandem {revision.stdout.strip()}"


def command(names: dict) -> str:
    """Returns the command line that is running, with names for this machine's paths: {path: name}."""
    program = pathlib.Path(sys.argv[0]).resolve().relative_to(ROOT)
    given = {str(path): name for path, name in names.items()}
    return " ".join([str(program), *(given.get(argument, argument) for argument in sys.argv[1:])])


def keep(name: str, text: str) -> None:
    place = ROOT / f"benchmarks/results/{name}_{hardware()}_{datetime.date.today()}.md"
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(text)
    print(f"wrote {place.relative_to(ROOT)}", file=sys.stderr)
