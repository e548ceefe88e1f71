#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Hugging Face Transformers' side of benchmarks/tasks/run; each command prints one JSON object.

usage: hf_tasks.py score MODEL ROWS.jsonl --way shared|pairs [--batch N] [--rows N] [--output SUMS.json]
       hf_tasks.py train MODEL PAIRS.jsonl --steps N

ROWS.jsonl holds {"source": ids, "targets": [{"target": ids}, …]} a line, PAIRS.jsonl {"source": ids, "target": ids}.
"""
import argparse
import json
import pathlib
import random
import time

import torch
import transformers
from torch.nn.functional import cross_entropy

BATCH_OF_TRAINING = 16
BATCHES_TO_TRY = (4, 8, 16, 32, 64)
IGNORED = -100


def read_lines(path: pathlib.Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def evenly(rows: list, count: int) -> list:
    """Returns so many rows, spread over all; all for 0."""
    return [rows[i * len(rows) // count] for i in range(count)] if 0 < count < len(rows) else rows


def padded(lists: list[list[int]], value: int) -> torch.Tensor:
    longest = max(map(len, lists))
    return torch.tensor([ids + [value] * (longest - len(ids)) for ids in lists])


def padded_sources(model, sources: list[list[int]]) -> dict[str, torch.Tensor]:
    ids = padded(sources, model.config.pad_token_id)
    lengths = torch.tensor([[len(source)] for source in sources])
    return {"input_ids": ids, "attention_mask": (torch.arange(ids.shape[1]) < lengths).long()}


def log_probabilities(model, labels: torch.Tensor, **inputs) -> torch.Tensor:
    """Returns the sum over each row's labels."""
    decoder_ids = model.prepare_decoder_input_ids_from_labels(labels)
    logits = model(**inputs, decoder_input_ids=decoder_ids, use_cache=False).logits
    losses = cross_entropy(logits.flatten(0, 1), labels.flatten(), ignore_index=IGNORED, reduction="none")
    return -losses.view(labels.shape).sum(1)


def score_shared(model, rows: list[dict], batch: int) -> list[list[float]]:
    """Sources of like length together; each encoded once, all candidates of a batch decoded in one call."""
    sums = [None] * len(rows)
    order = sorted(range(len(rows)), key=lambda row: len(rows[row]["source"]))
    for first in range(0, len(order), batch):
        some = order[first:first + batch]
        sources = padded_sources(model, [rows[row]["source"] for row in some])
        counts = torch.tensor([len(rows[row]["targets"]) for row in some])
        labels = padded([target["target"] for row in some for target in rows[row]["targets"]], IGNORED)
        memory = model.get_encoder()(**sources).last_hidden_state
        scores = log_probabilities(
            model, labels, attention_mask=sources["attention_mask"].repeat_interleave(counts, 0),
            encoder_outputs=transformers.modeling_outputs.BaseModelOutput(memory.repeat_interleave(counts, 0)))
        for row, of_row in zip(some, scores.split(counts.tolist())):
            sums[row] = of_row.tolist()
    return sums


def score_pairs(model, rows: list[dict], batch: int) -> list[list[float]]:
    """A whole forward for each source and candidate."""
    return [[log_probabilities(model, padded([target["target"]], IGNORED),
                               **padded_sources(model, [row["source"]])).item() for target in row["targets"]]
            for row in rows]


def timed(score, model, rows: list[dict], batch: int) -> tuple[list[list[float]], float]:
    start = time.perf_counter()
    sums = score(model, rows, batch)
    return sums, time.perf_counter() - start


def fastest_batch(model, rows: list[dict]) -> int:
    """Of those to try the one that is fastest on some rows."""
    some = evenly(rows, max(2 * BATCHES_TO_TRY[-1], len(rows) // 8))
    return min(BATCHES_TO_TRY, key=lambda batch: min(timed(score_shared, model, some, batch)[1] for _ in range(2)))


@torch.inference_mode()
def score(arguments, model) -> dict:
    model.eval()
    rows = evenly(read_lines(arguments.data), arguments.rows)
    way = score_shared if arguments.way == "shared" else score_pairs
    way(model, evenly(rows, 32), 8)  # what a process does once does not count
    batch = arguments.batch or (fastest_batch(model, rows) if arguments.way == "shared" else 1)
    sums, seconds = timed(way, model, rows, batch)
    if arguments.output:
        arguments.output.write_text(json.dumps(sums))
    return {"seconds": seconds, "samples": len(rows), "batch": batch}


def train(arguments, model) -> dict:
    """One linear decay over so many batches of shuffled pairs, each padded to its longest."""
    model.train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, weight_decay=0.01, fused=True)
    schedule = transformers.get_linear_schedule_with_warmup(optimizer, arguments.steps // 10, arguments.steps)
    pairs, order = read_lines(arguments.data), []
    shuffle = random.Random(1)
    while len(order) < arguments.steps * BATCH_OF_TRAINING:
        order += shuffle.sample(pairs, len(pairs))
    seconds, losses, norms = [], [], []
    for step in range(arguments.steps):
        start = time.perf_counter()
        some = order[step * BATCH_OF_TRAINING:(step + 1) * BATCH_OF_TRAINING]
        loss = model(**padded_sources(model, [pair["source"] for pair in some]),
                     labels=padded([pair["target"] for pair in some], IGNORED)).loss
        loss.backward()
        norms.append(torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0).item())
        optimizer.step()
        schedule.step()
        optimizer.zero_grad(set_to_none=True)
        losses.append(loss.item())
        seconds.append(time.perf_counter() - start)
    return {"seconds": seconds, "loss": losses, "gradient_norm": norms, "rows_of_step": BATCH_OF_TRAINING}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("command", choices=["score", "train"])
    parser.add_argument("model", type=pathlib.Path, help="as `tandem checkpoint export` writes it")
    parser.add_argument("data", type=pathlib.Path)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--way", choices=["shared", "pairs"], default="shared")
    parser.add_argument("--batch", type=int, default=0, help="sources; 0: the fastest of some")
    parser.add_argument("--rows", type=int, default=0, help="only so many, spread over all; 0: all")
    parser.add_argument("--output", type=pathlib.Path, help="where to write the log-probabilities")
    parser.add_argument("--steps", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    model = transformers.T5ForConditionalGeneration.from_pretrained(arguments.model, dtype=torch.float32)
    report = (score if arguments.command == "score" else train)(arguments, model)
    print(json.dumps(report | {"torch": torch.__version__, "transformers": transformers.__version__,
                               "attention": model.config._attn_implementation}))


if __name__ == "__main__":
    main()
