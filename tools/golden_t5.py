# SPDX-License-Identifier: Apache-2.0
"""Makes the golden files of tests/golden from Hugging Face Transformers on tiny random T5 models.

usage: golden_t5.py [--check] [FOLDER]     (in an environment of tools/golden_requirements.txt)

What the files hold, and how the weights are drawn, stands in tests/golden/README.md. --check makes everything again
and compares it with the files instead of writing them.
"""
import argparse
import json
import pathlib
import sys
import tempfile

import numpy
import torch
import transformers
from safetensors.numpy import load_file
from transformers import T5Config, T5ForConditionalGeneration
from transformers.models.t5 import modeling_t5

PINNED = {"torch": "2.11.0", "transformers": "5.23.0"}
DTYPE_NAMES = {"float32": "F32", "float64": "F64", "int64": "I64"}
IGNORED = -100

SIZES = {"vocab_size": 96, "relative_attention_num_buckets": 8, "relative_attention_max_distance": 20, "d_kv": 8,
         "num_heads": 4}
SMALL = {**SIZES, "d_model": 16, "d_ff": 24}
CASES = {
    # The v1.1 form with a tied table, whose output is scaled by d_model^-0.5.
    "t5_tied": {**SIZES, "d_model": 32, "d_ff": 48, "num_layers": 2, "num_decoder_layers": 2},
    # Heads that together are wider than the model, and a decoder deeper than the encoder.
    "t5_wide_heads": {**SMALL, "num_layers": 2, "num_decoder_layers": 3},
    # The form of flan-T5: an output head of its own, no scaling.
    "t5_untied": {**SMALL, "num_layers": 2, "num_decoder_layers": 2, "tie_word_embeddings": False},
}
SEEDS = {"t5_tied": 103, "t5_wide_heads": 101, "t5_untied": 100}  # of a few, those with the least rounding
GREEDY_CASE = {**SMALL, "num_layers": 2, "num_decoder_layers": 3}
GREEDY_INPUTS, GREEDY_TOKENS, GREEDY_MARGIN = 64, 16, 2e-2


class DoubleNorm(modeling_t5.T5LayerNorm):
    """T5LayerNorm without its cast to float32, which would leave 1e-8 of noise in a float64 run."""

    def forward(self, hidden_states):
        variance = hidden_states.pow(2).mean(-1, keepdim=True)
        return self.weight * (hidden_states * torch.rsqrt(variance + self.variance_epsilon))


def make_config(keys):
    return T5Config(**keys, feed_forward_proj="gated-gelu", dropout_rate=0.0, pad_token_id=0, eos_token_id=1,
                    decoder_start_token_id=0)


def draw_weight(generator, name, shape, form):
    """Draws a parameter. "training": attention that is soft, so that float32 leaves 1e-5 of room. "generation":
    large matrices, without which a random tied T5 repeats its start token and a dead cross-attention would pass."""
    if name == "shared.weight":
        return generator.normal(0, 0.3, shape)
    if "relative_attention_bias" in name:
        return generator.normal(0, 0.5, shape)
    if len(shape) == 1:
        return (4 if name == "decoder.final_layer_norm.weight" else 1) * generator.normal(1, 0.1, shape)
    gain = 2.5 if form == "generation" else SIZES["d_kv"] ** -0.5 if name.endswith(".q.weight") else 1.0
    return generator.normal(0, gain / shape[1] ** 0.5, shape)


def make_model(keys, seed, form):
    """Returns a float32 model whose parameters are drawn in the order of their names."""
    config = make_config(keys)
    model = T5ForConditionalGeneration._from_config(config, attn_implementation="eager").eval()
    if keys.get("tie_word_embeddings") is False:
        model.lm_head.weight = torch.nn.Parameter(torch.empty(config.vocab_size, config.d_model))
        assert not config.scale_decoder_outputs
    else:
        assert config.scale_decoder_outputs and model.lm_head.weight is model.shared.weight
    generator = numpy.random.Generator(numpy.random.PCG64(seed))
    with torch.no_grad():
        for name, parameter in sorted(model.named_parameters()):
            drawn = draw_weight(generator, name, tuple(parameter.shape), form).astype(numpy.float32)
            parameter.copy_(torch.from_numpy(drawn))
    return model


def make_double(keys, model):
    double = make_model(keys, 0, "training").double()
    for module in double.modules():
        if type(module) is modeling_t5.T5LayerNorm:
            module.__class__ = DoubleNorm
    double.load_state_dict(model.state_dict())
    return double


def make_batch(generator):
    """Returns ids with padding: sources of 29, 17 and 4 tokens; targets of 24, 1 and 13 tokens, each with eos."""
    source_lengths, target_lengths, vocabulary = (29, 17, 4), (24, 1, 13), SIZES["vocab_size"]
    source = numpy.zeros((3, max(source_lengths)), numpy.int64)
    mask = numpy.zeros_like(source)
    labels = numpy.full((3, max(target_lengths)), IGNORED, numpy.int64)
    for row, (source_length, target_length) in enumerate(zip(source_lengths, target_lengths)):
        source[row, :source_length] = generator.integers(2, vocabulary, source_length)
        mask[row, :source_length] = 1
        labels[row, :target_length] = generator.integers(2, vocabulary, target_length)
        source[row, source_length - 1] = labels[row, target_length - 1] = 1
    return {"input_ids": source, "attention_mask": mask, "labels": labels}


def run(model, batch):
    """Returns logits, loss and the gradients of all parameters."""
    output = model(**{name: torch.from_numpy(value) for name, value in batch.items()})
    labels = torch.from_numpy(batch["labels"]).flatten()
    targets = (labels != IGNORED).sum()
    loss = torch.nn.functional.cross_entropy(output.logits.flatten(0, 1), labels, ignore_index=IGNORED,
                                             reduction="sum") / targets
    torch.testing.assert_close(loss, output.loss)
    loss.backward()
    gradients = {name: parameter.grad.numpy() for name, parameter in model.named_parameters()}
    assert all(numpy.abs(gradient).max() > 0 for gradient in gradients.values())
    return output.logits.detach().numpy(), loss.detach().numpy(), gradients


def largest_difference(a, b):
    return float(numpy.abs(a - b).max() / numpy.abs(b).max())


def assert_survives_saving(model, batch, logits):
    """Checks that what Transformers loads from its own files is the same model."""
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(folder)
        loaded = T5ForConditionalGeneration.from_pretrained(folder, attn_implementation="eager")
    assert largest_difference(run(loaded, batch)[0], logits) < 1e-6


def weights_of(model):
    return {f"weight/{name}": parameter.detach().numpy() for name, parameter in model.named_parameters()}


def make_case(name, seed):
    keys = CASES[name]
    model = make_model(keys, seed, "training")
    batch = make_batch(numpy.random.Generator(numpy.random.PCG64(seed + 1)))
    logits, loss, gradients = run(model, batch)
    logits64, loss64, gradients64 = run(make_double(keys, model), batch)
    worst = max(largest_difference(gradients[key], gradients64[key]) for key in gradients)
    print(f"{name}: loss {loss64:.4f}; float32 against float64: logits {largest_difference(logits, logits64):.1e}, "
          f"gradients {worst:.1e}", file=sys.stderr)
    assert largest_difference(logits, logits64) < 1e-6 and worst < 3e-6
    assert_survives_saving(model, batch, logits)
    decoder_ids = model.prepare_decoder_input_ids_from_labels(torch.from_numpy(batch["labels"]))
    tensors = {**weights_of(model), **{f"batch/{key}": value for key, value in batch.items()},
               "batch/decoder_input_ids": decoder_ids.numpy(), "logits": logits, "loss": loss,
               "logits64": logits64, "loss64": loss64}
    tensors |= {f"gradient/{key}": value for key, value in gradients.items()}
    if name != "t5_tied":  # the largest; its float64 logits and loss are enough
        tensors |= {f"gradient64/{key}": value for key, value in gradients64.items()}
    return tensors, describe(keys)


def decode_greedily(model, source):
    """Returns ids (eos included), their log-probabilities and the smallest distance of the two best logits."""
    ids, log_probabilities, margin = [0], [], float("inf")
    while len(ids) <= GREEDY_TOKENS and ids[-1] != 1:
        logits = model(input_ids=source[None], decoder_input_ids=torch.tensor([ids]), use_cache=False).logits[0, -1]
        best = logits.topk(2)
        margin = min(margin, float(best.values[0] - best.values[1]))
        ids.append(int(best.indices[0]))
        log_probabilities.append(float(logits.log_softmax(-1)[ids[-1]]))
    return ids[1:], log_probabilities, margin


def assert_varied(outputs):
    distinct = len({tuple(output) for output in outputs}) / len(outputs)
    ids = numpy.mean([len(set(output)) for output in outputs])
    ended = numpy.mean([output[-1] == 1 for output in outputs])
    print(f"t5_greedy: {distinct:.0%} of the outputs distinct, {ids:.1f} distinct ids an output, "
          f"{ended:.0%} end with eos", file=sys.stderr)
    assert distinct >= 0.9 and ids >= 5 and 0.2 <= ended <= 0.8


def assert_equals_generate(model, sources, outputs):
    """Checks the loop above against Transformers' own generate, in one padded batch."""
    longest = max(map(len, sources))
    padded = torch.stack([torch.nn.functional.pad(source, (0, longest - len(source))) for source in sources])
    mask = torch.stack([(torch.arange(longest) < len(source)).long() for source in sources])
    generated = model.generate(input_ids=padded, attention_mask=mask, max_new_tokens=GREEDY_TOKENS, do_sample=False,
                               num_beams=1, use_cache=False)  # its cache fails where the decoder is deeper
    for row, output in zip(generated[:, 1:].tolist(), outputs):
        assert row[:len(output)] == output and not any(row[len(output):])


def make_greedy(seed, eos_factor):
    model = make_model(GREEDY_CASE, seed, "generation")
    with torch.no_grad():
        model.shared.weight[1] *= eos_factor
    double = make_double(GREEDY_CASE, model)
    generator = numpy.random.Generator(numpy.random.PCG64(seed + 1))
    sources, outputs, scores = [], [], []
    with torch.no_grad():
        while len(sources) < GREEDY_INPUTS:
            length = int(generator.integers(4, 25))
            source = torch.from_numpy(numpy.append(generator.integers(2, SIZES["vocab_size"], length - 1), 1))
            ids, log_probabilities, margin = decode_greedily(double, source)
            if margin < GREEDY_MARGIN:
                continue  # Rounding must not decide.
            sources.append(source), outputs.append(ids), scores.append(log_probabilities)
        assert_varied(outputs)
        assert_equals_generate(model, sources, outputs)

    def padded(rows, fill, dtype):
        table = numpy.full((len(rows), max(map(len, rows))), fill, dtype)
        for row, values in enumerate(rows):
            table[row, :len(values)] = values
        return table

    tensors = {**weights_of(model), "input_ids": padded(sources, 0, numpy.int64),
               "input_lengths": numpy.array([len(source) for source in sources]),
               "output_ids": padded(outputs, 0, numpy.int64),
               "output_lengths": numpy.array([len(output) for output in outputs]),
               "log_probabilities64": padded(scores, 0, numpy.float64)}
    return tensors, describe(GREEDY_CASE) | {"max_new_tokens": str(GREEDY_TOKENS)}


def describe(keys):
    return {"config": json.dumps(make_config(keys).to_diff_dict(), sort_keys=True), **PINNED}


def save(path, tensors, metadata):
    """Writes safetensors with a sorted header, so that the same content is the same file."""
    header, data = {"__metadata__": metadata}, b""
    for name in sorted(tensors, key=lambda name: (-tensors[name].itemsize, name)):  # aligned, the widest first
        tensor = numpy.ascontiguousarray(tensors[name])
        header[name] = {"dtype": DTYPE_NAMES[tensor.dtype.name], "shape": list(numpy.shape(tensors[name])),
                        "data_offsets": [len(data), len(data) + tensor.nbytes]}
        data += tensor.tobytes()
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(len(text).to_bytes(8, "little") + text + data)
    print(f"{path}: {path.stat().st_size // 1024} KiB", file=sys.stderr)


def compare(path, tensors, metadata):
    stored = load_file(path)
    assert stored.keys() == tensors.keys(), path
    for name, tensor in tensors.items():
        if stored[name].dtype.kind == "i" or name.startswith("weight/"):
            assert numpy.array_equal(stored[name], tensor), (path, name)
        else:
            bound = 1e-12 if stored[name].dtype == numpy.float64 else 1e-5
            assert largest_difference(stored[name], numpy.asarray(tensor)) < bound, (path, name)
    print(f"{path}: equal", file=sys.stderr)


def main():
    here = pathlib.Path(__file__).resolve().parent.parent
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", nargs="?", type=pathlib.Path, default=here / "tests" / "golden")
    parser.add_argument("--check", action="store_true", help="compare with the files instead of writing them")
    arguments = parser.parse_args()
    assert torch.__version__.split("+")[0] == PINNED["torch"] and transformers.__version__ == PINNED["transformers"]
    torch.set_num_threads(1)
    transformers.utils.logging.disable_progress_bar()
    transformers.utils.logging.set_verbosity_error()
    finish = compare if arguments.check else save
    for name, seed in SEEDS.items():
        finish(arguments.folder / f"{name}.safetensors", *make_case(name, seed))
    finish(arguments.folder / "t5_greedy.safetensors", *make_greedy(seed=1002, eos_factor=1.1))


if __name__ == "__main__":
    main()
