# SPDX-License-Identifier: Apache-2.0
"""Sends the models of tools/golden_hf.py through `tandem checkpoint import` and `export`, and asks Transformers.

usage: check_hf_interop.py [--tandem build/release/tandem] [--also PYTHON [PYTHONPATH]]
       (in an environment of tools/golden_requirements.txt)

Each is saved by Transformers, imported, exported, and loaded by Transformers again: the same bits in every parameter,
the same logits. Where tandem-tensor is built, `tandem score` of the imported checkpoint must give the
log-probabilities of Transformers. --also loads the exported folders in another Python, say with Transformers 4.
"""
import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile

import torch
import transformers

import golden_hf


def run(tandem, *arguments):
    finished = subprocess.run([str(tandem), *map(str, arguments), "--json"], capture_output=True, text=True)
    assert finished.returncode == 0, (arguments, finished.stderr)
    return json.loads(finished.stdout)


def same_bits(a, b):
    return a.dtype == b.dtype and torch.equal(a.contiguous().view(torch.uint8), b.contiguous().view(torch.uint8))


def difference_of_scores(tandem, step, batch, target, logits):
    scores = run(tandem, "score", "--checkpoint", step,
                 "--source-ids", ",".join(map(str, batch["input_ids"][0].tolist())),
                 "--target-ids", ",".join(map(str, target.tolist())))["log_probabilities"]
    return float((torch.tensor(scores) - golden_hf.target_log_probabilities(logits, target)).abs().max())


def check_case(tandem, folder, name, has_tensor_program):
    model = golden_hf.make_model(name)
    batch, target = golden_hf.make_batch(name)
    original, imported, exported = folder / f"{name}_hf", folder / f"{name}_tandem", folder / f"{name}_again"
    golden_hf.save_case(original, name)
    told = run(tandem, "checkpoint", "import", "--from", "hf", original, "--output", imported)
    run(tandem, "checkpoint", "export", "--to", "hf", imported, "--output", exported)
    loaded = golden_hf.load(exported)
    before, after = model.state_dict(), loaded.state_dict()
    assert before.keys() == after.keys()
    for key, value in before.items():
        kept = value.float() if value.dtype == torch.float16 else value  # which tandem does not store
        assert same_bits(kept, after[key]), (name, key)
    right = golden_hf.logits_of(golden_hf.load(original), batch)
    assert torch.equal(right, golden_hf.logits_of(loaded, batch)), name
    line = f"{name}: {told['head']}; {told['parameters']} parameters bit-identical, logits equal"
    if has_tensor_program:
        difference = difference_of_scores(tandem, imported, batch, target, right)
        assert difference < 1e-5, (name, difference)
        line += f"; score within {difference:.1e}"
    torch.save({"batch": batch, "logits": right}, folder / f"{name}.pt")
    print(line, flush=True)


def load_elsewhere(folder):
    """Loads the exported folders; runs in the Python given with --also."""
    for name in golden_hf.CASES:
        kept = torch.load(folder / f"{name}.pt", weights_only=True)
        loaded = transformers.AutoModelForSeq2SeqLM.from_pretrained(folder / f"{name}_again", torch_dtype="auto")
        difference = float((golden_hf.logits_of(loaded, kept["batch"]) - kept["logits"]).abs().max())
        assert difference < 1e-5, (name, difference)
        print(f"{name}: Transformers {transformers.__version__} gives the same logits (within {difference:.1e})")


def main():
    here = pathlib.Path(__file__).resolve()
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--tandem", type=pathlib.Path, default=here.parent.parent / "build" / "release" / "tandem")
    parser.add_argument("--also", nargs="+", metavar="PYTHON", help="another Python, and its PYTHONPATH")
    parser.add_argument("--load", type=pathlib.Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    golden_hf.quiet()
    if arguments.load:
        return load_elsewhere(arguments.load)
    has_tensor_program = (arguments.tandem.parent / "tandem-tensor").exists()
    with tempfile.TemporaryDirectory() as folder:
        for name in golden_hf.CASES:
            check_case(arguments.tandem, pathlib.Path(folder), name, has_tensor_program)
        if arguments.also:
            environment = {**os.environ, **({"PYTHONPATH": arguments.also[1]} if len(arguments.also) > 1 else {})}
            subprocess.run([arguments.also[0], str(here), "--load", folder], env=environment, check=True)
    if not has_tensor_program:
        print("tandem-tensor is not built: scores were not compared")


if __name__ == "__main__":
    sys.exit(main())
