#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes encoded data of random tokens: documents of one length, for timing only.

usage: random_index.py PREFIX [--documents N] [--tokens N] [--vocabulary N] [--seed N]
The files are those of `tandem data encode`: PREFIX.bin, PREFIX.idx (Megatron's) and PREFIX.json.
"""
import argparse
import array
import json
import pathlib
import random
import struct
import sys

EOS, SENTINELS = 1, 100


def write(prefix: pathlib.Path, documents: int, tokens: int, vocabulary: int, seed: int) -> None:
    generator = random.Random(seed)
    largest = vocabulary - SENTINELS - 1
    ids = array.array("H")
    for _ in range(documents):
        ids.extend(generator.choices(range(3, largest + 1), k=tokens - 1))
        ids.append(EOS)
    if sys.byteorder == "big":
        ids.byteswap()
    prefix.parent.mkdir(parents=True, exist_ok=True)
    prefix.with_suffix(".bin").write_bytes(ids.tobytes())
    with prefix.with_suffix(".idx").open("wb") as idx:
        idx.write(b"MMIDIDX\0\0" + struct.pack("<QBQQ", 1, 8, documents, documents + 1))
        idx.write(struct.pack(f"<{documents}i", *[tokens] * documents))
        idx.write(struct.pack(f"<{documents}q", *(2 * tokens * i for i in range(documents))))
        idx.write(struct.pack(f"<{documents + 1}q", *range(documents + 1)))
    described = {
        "format": 1, "documents": documents, "tokens": documents * tokens, "largest_id": largest,
        "ends_with_eos": True, "vocabulary": vocabulary, "pad": 0, "eos": EOS, "unk": 2,
        "first_sentinel": vocabulary - 1, "sentinel_count": SENTINELS, "tokenizer_hash": "random",
    }
    prefix.with_suffix(".json").write_text(json.dumps(described, indent=2) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("prefix", type=pathlib.Path)
    parser.add_argument("--documents", type=int, default=512)
    parser.add_argument("--tokens", type=int, default=600)
    parser.add_argument("--vocabulary", type=int, default=32128)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    write(arguments.prefix, arguments.documents, arguments.tokens, arguments.vocabulary, arguments.seed)


if __name__ == "__main__":
    main()
