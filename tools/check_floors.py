# SPDX-License-Identifier: Apache-2.0
"""Holds the rooms to their floors: a file of tandem/<room>/ includes only its own room and rooms on lower floors.

Also: only comm/ includes c10d, Gloo or NCCL; layout/ and schedule/ touch no tensors and no files; launch/ and the light
rooms include no libtorch header.  usage: check_floors.py [ROOT]   Prints each breach as file:line and exits 1.
"""
import pathlib
import re
import sys

FLOORS = {
    "base": 0,
    "observe": 1,
    "layout": 2, "schedule": 2,
    "comm": 3, "launch": 3,
    "model": 4, "parallel": 4, "data": 4, "checkpoint": 4,
    "train": 5, "infer": 5,
    "interop": 6, "tasks": 6,
    "adapt": 7,
    "cli": 8,
}
TORCH = re.compile(r"^(ATen|torch|c10)/")
COLLECTIVES = re.compile(r"^(torch/csrc/distributed/|gloo/|nccl)")
FILES = re.compile(r"^(fstream|filesystem|fcntl\.h|sys/stat\.h|cstdio)$")
WITHOUT_TORCH = {"base", "observe", "layout", "schedule", "launch", "data", "checkpoint", "interop", "tasks"}
INCLUDE = re.compile(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]')


def breaches(root: pathlib.Path):
    for path in sorted((root / "tandem").rglob("*")):
        if path.suffix not in {".h", ".cpp", ".cu"}:
            continue
        room = path.relative_to(root / "tandem").parts[0]
        if room not in FLOORS:
            yield f"{path.relative_to(root)}:1: room '{room}' has no floor; give it one in tools/check_floors.py"
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            match = INCLUDE.match(line)
            if not match:
                continue
            target, place = match.group(1), f"{path.relative_to(root)}:{number}"
            if target.startswith("tandem/"):
                other = target.split("/")[1]
                if other != room and FLOORS.get(other, 99) >= FLOORS[room]:
                    yield f"{place}: {room}/ (floor {FLOORS[room]}) includes {other}/ (floor {FLOORS.get(other, '?')})"
            elif COLLECTIVES.match(target) and room != "comm":
                yield f"{place}: only comm/ includes {target}"
            elif TORCH.match(target) and room in WITHOUT_TORCH:
                yield f"{place}: {room}/ knows no libtorch, but includes {target}"
            elif FILES.match(target) and room in {"layout", "schedule"}:
                yield f"{place}: {room}/ is pure, but includes {target}"


def main() -> int:
    root = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else pathlib.Path(__file__).resolve().parent.parent
    found = list(breaches(root))
    print(*found, sep="\n", end="\n" if found else "")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
