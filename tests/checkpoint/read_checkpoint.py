# SPDX-License-Identifier: Apache-2.0
"""Reads a step's folder with nothing but Python's own library, straight from docs/formats.md.

usage: read_checkpoint.py STEP_FOLDER   Prints {tensor: {role: all its bytes in hex}}; exits 1 where a file breaks the
safetensors rules or the manifest's word.
"""
import itertools
import json
import pathlib
import struct
import sys

ELEMENT_BYTES = {"F32": 4, "F64": 8, "BF16": 2, "I64": 8}


def product(sizes):
    result = 1
    for size in sizes:
        result *= size
    return result


def read_shard(path, expected_bytes, manifest):
    """Returns {position in the file: (name, dtype, shape, bytes)}."""
    content = path.read_bytes()
    assert len(content) == expected_bytes, f"{path}: size"
    (length,) = struct.unpack("<Q", content[:8])
    assert length % 8 == 0 and content[8:9] == b"{", f"{path}: header"
    header = json.loads(content[8 : 8 + length].decode("utf-8"))
    metadata = header.pop("__metadata__")
    assert all(isinstance(value, str) for value in metadata.values())
    assert metadata["run"] == manifest["run"]["id"] and metadata["step"] == str(manifest["step"])
    entries, end = {}, 0
    for name, entry in sorted(header.items(), key=lambda item: item[1]["data_offsets"]):
        begin, stop = entry["data_offsets"]
        assert begin == end and stop - begin == product(entry["shape"]) * ELEMENT_BYTES[entry["dtype"]], name
        start = 8 + length + begin
        entries[start] = (name, entry["dtype"], entry["shape"], content[start : start + stop - begin])
        end = stop
    assert 8 + length + end == len(content), f"{path}: bytes left over"
    return entries


def place(target, shape, box, size, data):
    """Copies a box's elements, row-major, to where they lie in the whole tensor."""
    ranges = [range(offset, offset + extent) for offset, extent in zip(box["offset"], box["extent"])]
    for number, index in enumerate(itertools.product(*ranges)):
        flat = 0
        for coordinate, extent in zip(index, shape):
            flat = flat * extent + coordinate
        assert target[flat * size : (flat + 1) * size] == bytes(size), "an element is stored twice"
        target[flat * size : (flat + 1) * size] = data[number * size : (number + 1) * size]


def main():
    folder = pathlib.Path(sys.argv[1])
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    shards = [read_shard(folder / file["name"], file["bytes"], manifest) for file in manifest["files"]]
    tensors = {}
    for tensor in manifest["tensors"]:
        tensors[tensor["name"]] = {}
        for role, stored in tensor["roles"].items():
            size = ELEMENT_BYTES[stored["dtype"]]
            values = bytearray(product(tensor["shape"]) * size)
            for piece in stored["slices"]:
                name, dtype, shape, data = shards[piece["file"]][piece["position"]]
                assert name.startswith(f"{role}/{tensor['name']}/") and dtype == stored["dtype"], name
                assert shape == piece["extent"], name
                place(values, tensor["shape"], piece, size, data)
            tensors[tensor["name"]][role] = values.hex()
    json.dump(tensors, sys.stdout)


if __name__ == "__main__":
    main()
