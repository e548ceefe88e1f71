# SPDX-License-Identifier: Apache-2.0
"""Reads a step's folder with nothing but Python's own library, straight from docs/formats.md.

usage: read_checkpoint.py STEP_FOLDER   Prints {tensor: {role: all its bytes in hex}}; exits 1 where a file breaks the
safetensors rules or the manifest's word.
"""
import hashlib
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
    assert metadata["step"] == str(manifest["step"])
    entries, end = {}, 0
    for name, entry in sorted(header.items(), key=lambda item: item[1]["data_offsets"]):
        begin, stop = entry["data_offsets"]
        assert begin == end and stop - begin == product(entry["shape"]) * ELEMENT_BYTES[entry["dtype"]], name
        start = 8 + length + begin
        entries[start] = (name, entry["dtype"], entry["shape"], content[start : start + stop - begin])
        end = stop
    assert 8 + length + end == len(content), f"{path}: bytes left over"
    return entries


def crc32c(data):
    """Returns the CRC32C of bytes, bit by bit."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def sums_of(content, chunk_bytes):
    """Returns what a manifest says of a file's bytes."""
    chunks = [content[begin : begin + chunk_bytes] for begin in range(0, len(content), chunk_bytes)]
    sums = "".join(f"{crc32c(chunk):08x}" for chunk in chunks)
    return {"chunk_crc32c": sums, "crc32c": f"{crc32c(content):08x}"}


def check_sums(path, file, chunk_bytes):
    for key, value in sums_of(path.read_bytes(), chunk_bytes).items():
        assert file[key] == value, f"{path}: {key}"


def reseal(folder):
    """Makes a step's manifest agree with what the files hold now, as if they had been saved so."""
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text(encoding="utf-8"))
    del manifest["sha256"]
    for file in manifest["files"]:
        file.update(sums_of((folder / file["name"]).read_bytes(), manifest["chunk_bytes"]))
    body = json.dumps(manifest)[:-1].encode() + b",\n "
    path.write_bytes(body + b'"sha256":"' + hashlib.sha256(body).hexdigest().encode() + b'"}\n')


def place(target, shape, piece, size, data):
    """Copies a range of a box's elements, row-major, to where they lie in the whole tensor."""
    begin, count, box = piece[0], piece[1], piece[2:]
    ranges = [range(offset, offset + extent) for offset, extent in zip(box[: len(shape)], box[len(shape) :])]
    elements = itertools.islice(itertools.product(*ranges), begin, begin + count)
    for number, index in enumerate(elements):
        flat = 0
        for coordinate, extent in zip(index, shape):
            flat = flat * extent + coordinate
        assert target[flat * size : (flat + 1) * size] == bytes(size), "an element is stored twice"
        target[flat * size : (flat + 1) * size] = data[number * size : (number + 1) * size]


def read_manifest(path):
    text = path.read_bytes()
    body, seal = text[:-77], text[-77:]
    assert seal == b'"sha256":"' + hashlib.sha256(body).hexdigest().encode() + b'"}\n', "manifest: seal"
    return json.loads(text)


def main():
    folder = pathlib.Path(sys.argv[1])
    manifest = read_manifest(folder / "manifest.json")
    tensors = {
        tensor["name"]: {
            role["role"]: bytearray(product(tensor["shape"]) * ELEMENT_BYTES[role["dtype"]]) for role in manifest["roles"]
        }
        for tensor in manifest["tensors"]
    }
    for file in manifest["files"]:
        check_sums(folder / file["name"], file, manifest["chunk_bytes"])
        entries = read_shard(folder / file["name"], file["bytes"], manifest)
        position = file["data_begin"]
        for role in manifest["roles"]:
            size = ELEMENT_BYTES[role["dtype"]]
            for number, *piece in file["ranges"]:
                tensor = manifest["tensors"][number]
                name, dtype, shape, data = entries[position]
                assert name.startswith(f"{role['role']}/{tensor['name']}/") and dtype == role["dtype"], name
                assert product(shape) == piece[1], name
                place(tensors[tensor["name"]][role["role"]], tensor["shape"], piece, size, data)
                position += len(data)
    hexadecimal = {name: {role: values.hex() for role, values in roles.items()} for name, roles in tensors.items()}
    json.dump(hexadecimal, sys.stdout)


if __name__ == "__main__":
    main()
