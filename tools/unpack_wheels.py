# SPDX-License-Identifier: Apache-2.0
"""Unpacks from the pinned wheels only what a C++ program needs: libraries, headers, notices.

usage: unpack_wheels.py WHEELS_FOLDER TARGET_FOLDER
"""
import pathlib
import re
import sys
import zipfile

# Parts of the torch wheel that a C++ program links, loads or includes; the rest is Python. Its copy of fmt is left out: it
# would hide Debian's, which is what spdlog and tandem link.
WANTED = re.compile(
    r"torch/lib/(libtorch_cpu|libc10|libtorch_cuda|libc10_cuda|libgomp).*"
    r"|torch/include/(?!fmt/).*"
    r"|torch/version\.py"
    r"|nvidia/cu13/(lib|include)/.*"
    r"|[^/]*\.dist-info/(licenses/.*|LICENSE.*|NOTICE.*|METADATA)"
)


def main(wheels: str, target: str) -> None:
    for wheel in sorted(pathlib.Path(wheels).glob("*.whl")):
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(target, [name for name in archive.namelist() if WANTED.fullmatch(name)])


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
