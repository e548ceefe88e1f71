# SPDX-License-Identifier: Apache-2.0
"""Makes the folders of tests/golden/hf: tiny random T5 models in every form, saved by Hugging Face Transformers.

usage: golden_hf.py [--check] [FOLDER]     (in an environment of tools/golden_requirements.txt)

What is in them stands in tests/golden/README.md. --check makes everything again and compares the bytes instead.
"""
import argparse
import filecmp
import json
import pathlib
import sys
import tempfile

import numpy
import torch
import transformers
from transformers import AutoModelForSeq2SeqLM, MT5Config, MT5ForConditionalGeneration, T5Config
from transformers import T5ForConditionalGeneration

PINNED = {"torch": "2.11.0", "transformers": "5.23.0"}
SMALL = {"vocab_size": 24, "d_model": 8, "d_kv": 4, "num_heads": 3, "d_ff": 12, "num_layers": 1,
         "relative_attention_num_buckets": 8, "relative_attention_max_distance": 20, "feed_forward_proj": "gated-gelu",
         "dropout_rate": 0.0, "pad_token_id": 0, "eos_token_id": 1, "decoder_start_token_id": 0}
DEEP = {"num_decoder_layers": 2}
UNSCALED = {"tie_word_embeddings": False}
T5, MT5 = T5ForConditionalGeneration, MT5ForConditionalGeneration
# Configuration, class, whether the head is a table of its own, element type, largest file.
CASES = {
    "t5_tied_scaled": (SMALL, T5, False, torch.float32, "1GB"),
    "t5_tied_unscaled": ({**SMALL, **DEEP, **UNSCALED}, T5, False, torch.float32, "1GB"),
    "flan_t5_untied": ({**SMALL, **DEEP, **UNSCALED}, T5, True, torch.float32, "1GB"),
    "mt5": ({**SMALL, "relative_attention_num_buckets": 6, "relative_attention_max_distance": 9}, MT5, False,
            torch.float32, "1GB"),
    "mt5_untied": ({**SMALL, "d_model": 12, "num_layers": 2, "layer_norm_epsilon": 1e-5}, MT5, True, torch.float32,
                   "1GB"),
    "t5_shards": ({**SMALL, **DEEP}, T5, False, torch.float32, "4KB"),
    "t5_bfloat16_shards": ({**SMALL, **UNSCALED}, T5, True, torch.bfloat16, "2KB"),
    "t5_float16": (SMALL, T5, False, torch.float16, "1GB"),
}


def seed_of(name):
    return 300 + list(CASES).index(name)


def make_model(name):
    keys, model_class, untied, dtype, _ = CASES[name]
    config = (MT5Config if model_class is MT5 else T5Config)(**keys)
    model = model_class(config).eval()
    if untied:
        model.lm_head.weight = torch.nn.Parameter(torch.empty(config.vocab_size, config.d_model))
    generator = numpy.random.Generator(numpy.random.PCG64(seed_of(name)))
    with torch.no_grad():
        for key, parameter in sorted(model.named_parameters()):
            shape = tuple(parameter.shape)
            mean, scale = (1.0, 0.1) if len(shape) == 1 else (0.0, shape[1] ** -0.5)
            if "relative_attention_bias" in key:
                scale = 0.5
            elif key.endswith(".q.weight"):
                scale *= config.d_kv ** -0.5  # soft attention: rounding stays small
            parameter.copy_(torch.from_numpy(generator.normal(mean, scale, shape)))
    return model.to(dtype)


def make_batch(name):
    """Returns inputs, and the target ids that the decoder's inputs lead to."""
    generator = numpy.random.Generator(numpy.random.PCG64(seed_of(name) + 1000))
    source = generator.integers(2, SMALL["vocab_size"], (1, 17))
    target = generator.integers(2, SMALL["vocab_size"], (1, 9))
    source[0, -1] = target[0, -1] = 1
    decoder = numpy.concatenate([numpy.zeros((1, 1), numpy.int64), target[:, :-1]], axis=1)
    return {"input_ids": torch.from_numpy(source), "decoder_input_ids": torch.from_numpy(decoder)}, target[0]


def logits_of(model, batch):
    with torch.no_grad():
        return model.float()(**batch).logits


def load(folder):
    return AutoModelForSeq2SeqLM.from_pretrained(folder, dtype="auto")


def target_log_probabilities(logits, target):
    return logits[0].log_softmax(-1)[torch.arange(len(target)), torch.from_numpy(target)]


def save_case(folder, name):
    """Saves the model, and what it gives for one pair of texts."""
    make_model(name).save_pretrained(folder, max_shard_size=CASES[name][4])
    batch, target = make_batch(name)
    # What Transformers makes of its own files says what is right, not the model that was saved.
    scores = target_log_probabilities(logits_of(load(folder), batch), target)
    (folder / "expected.json").write_text(json.dumps({
        "source_ids": batch["input_ids"][0].tolist(), "target_ids": target.tolist(),
        "log_probabilities": [round(score, 6) for score in scores.tolist()]}) + "\n")


def quiet():
    torch.set_num_threads(1)
    transformers.utils.logging.disable_progress_bar()
    transformers.utils.logging.set_verbosity_error()


def main():
    here = pathlib.Path(__file__).resolve().parent.parent
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", nargs="?", type=pathlib.Path, default=here / "tests" / "golden" / "hf")
    parser.add_argument("--check", action="store_true", help="compare with the files instead of writing them")
    arguments = parser.parse_args()
    assert torch.__version__.split("+")[0] == PINNED["torch"] and transformers.__version__ == PINNED["transformers"]
    quiet()
    for name in CASES:
        if not arguments.check:
            save_case(arguments.folder / name, name)
            continue
        with tempfile.TemporaryDirectory() as made:
            save_case(pathlib.Path(made), name)
            names = sorted(path.name for path in pathlib.Path(made).iterdir())
            assert names == sorted(path.name for path in (arguments.folder / name).iterdir()), name
            equal, *different = filecmp.cmpfiles(made, arguments.folder / name, names, shallow=False)
            assert not any(different), (name, different)
        print(f"{name}: equal", file=sys.stderr)


if __name__ == "__main__":
    main()
