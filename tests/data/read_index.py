# SPDX-License-Identifier: Apache-2.0
"""Reads PREFIX.bin and PREFIX.idx as Megatron-LM does, with nothing but struct, and prints one JSON document.

A second implementation for the tests: usage: read_index.py PREFIX
"""
import json
import struct
import sys

FORMATS = {1: "B", 2: "b", 3: "h", 4: "i", 5: "q", 8: "H"}


def main(prefix: str) -> None:
    with open(prefix + ".idx", "rb") as file:
        assert file.read(9) == b"MMIDIDX\x00\x00"
        version, code, sequences, entries = struct.unpack("<QBQQ", file.read(25))
        assert version == 1
        lengths = struct.unpack(f"<{sequences}i", file.read(4 * sequences))
        offsets = struct.unpack(f"<{sequences}q", file.read(8 * sequences))
        first = struct.unpack(f"<{entries}q", file.read(8 * entries))
        assert file.read() == b""
    with open(prefix + ".bin", "rb") as file:
        tokens = file.read()
    read = [list(struct.unpack_from(f"<{n}{FORMATS[code]}", tokens, at)) for n, at in zip(lengths, offsets)]
    documents = [read[a:b] for a, b in zip(first, first[1:])]
    print(json.dumps({"code": code, "documents": documents}))


if __name__ == "__main__":
    main(sys.argv[1])
