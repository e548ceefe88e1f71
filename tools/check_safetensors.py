#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Opens what tandem writes with the safetensors package, and compares it with tests/checkpoint/read_checkpoint.py.

usage: check_safetensors.py [--tandem build/release/tandem] [STEP_FOLDER…]
       (in an environment of tools/golden_requirements.txt)

The models of tests/golden/hf are imported (a saved step), brought to two other layouts and exported; STEP_FOLDERs are
steps of other runs. Of every file, all entries must have the same names, types, shapes and bytes in both readers, the
texts of the header as well. An export must hold every value of the step that it came from.
"""
import argparse
import collections
import json
import pathlib
import subprocess
import sys
import tempfile

import safetensors
import torch

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "checkpoint"))
import read_checkpoint  # noqa: E402

TYPES = {"F32": torch.float32, "F64": torch.float64, "BF16": torch.bfloat16, "I64": torch.int64}
LAYOUTS = ({"data": 2, "tensor": 1, "pipeline": 2}, {"data": 1, "tensor": 3, "pipeline": 1})


def run(tandem, *arguments):
    finished = subprocess.run([str(tandem), "checkpoint", *map(str, arguments)], capture_output=True, text=True)
    assert finished.returncode == 0, (arguments, finished.stderr)


def bytes_of(tensor):
    return tensor.contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()


def entries_of(path):
    """Returns {name: (dtype, shape, bytes)} and the texts of the header, as the package reads them."""
    with safetensors.safe_open(path, framework="pt") as file:
        entries = {}
        for name in file.keys():
            tensor = file.get_tensor(name)
            entries[name] = (tensor.dtype, list(tensor.shape), bytes_of(tensor))
        return entries, file.metadata()


def check_step(step):
    """Compares each file of a step; returns how many there are, and their entries."""
    manifest = read_checkpoint.read_manifest(step / "manifest.json")
    # Exits 1 where a file breaks the rules or the manifest's word.
    read = subprocess.run([sys.executable, read_checkpoint.__file__, step], check=True, capture_output=True)
    assert len(json.loads(read.stdout)) == len(manifest["tensors"])
    entries = 0
    for file in manifest["files"]:
        path = step / file["name"]
        ours = {name: (TYPES[dtype], shape, data)
                for name, dtype, shape, data in read_checkpoint.read_shard(path, file["bytes"], manifest).values()}
        theirs, metadata = entries_of(path)
        assert ours == theirs, path
        assert metadata["step"] == str(manifest["step"]), path
        entries += len(ours)
    return len(manifest["files"]), entries


def values_of(step):
    """Counts each element of a step's parameters, by its bytes."""
    manifest = read_checkpoint.read_manifest(step / "manifest.json")
    (size,) = {read_checkpoint.ELEMENT_BYTES[role["dtype"]] for role in manifest["roles"]}
    read = subprocess.run([sys.executable, read_checkpoint.__file__, step], check=True, capture_output=True)
    counts = collections.Counter()
    for roles in json.loads(read.stdout).values():
        data = bytes.fromhex(roles["parameter"])
        counts.update(data[begin : begin + size] for begin in range(0, len(data), size))
    return counts


def check_export(folder, step):
    counts, files = collections.Counter(), sorted(folder.glob("*.safetensors"))
    for path in files:
        entries, _ = entries_of(path)
        for dtype, _, data in entries.values():
            size = dtype.itemsize
            counts.update(data[begin : begin + size] for begin in range(0, len(data), size))
    assert counts == values_of(step), folder
    return len(files)


def check_golden(tandem, golden, folder):
    imported, exported = folder / "imported", folder / "exported"
    run(tandem, "import", "--from", "hf", golden, "--output", imported)
    steps = [imported / "step_00000000"]
    for number, layout in enumerate(LAYOUTS):
        sizes = [word for axis, size in layout.items() for word in (f"--{axis}", size)]
        run(tandem, "reshard", imported, "--output", folder / f"layout_{number}", *sizes)
        steps.append(folder / f"layout_{number}" / "step_00000000")
    figures = [check_step(step) for step in steps]
    run(tandem, "export", "--to", "hf", imported, "--output", exported)
    files = check_export(exported, steps[0])
    for step in steps[1:]:
        assert values_of(step) == values_of(steps[0]), step
    print(f"{golden.name}: {sum(f for f, _ in figures)} files of {len(steps)} steps, {sum(e for _, e in figures)} entries "
          f"equal; export of {files} files holds the same values", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--tandem", type=pathlib.Path, default=ROOT / "build" / "release" / "tandem")
    parser.add_argument("steps", nargs="*", type=pathlib.Path, metavar="STEP_FOLDER")
    arguments = parser.parse_args()
    for golden in sorted((ROOT / "tests" / "golden" / "hf").iterdir()):
        with tempfile.TemporaryDirectory() as folder:
            check_golden(arguments.tandem, golden, pathlib.Path(folder))
    for step in arguments.steps:
        files, entries = check_step(step)
        print(f"{step}: {files} files, {entries} entries equal", flush=True)
    print(f"safetensors {safetensors.__version__}, torch {torch.__version__}: all equal")


if __name__ == "__main__":
    main()
