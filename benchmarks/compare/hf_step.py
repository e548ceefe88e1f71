#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Times a training step of Hugging Face Transformers' T5 (v1.1 form) at the sizes of configs/bench_54m_*.json.

usage: hf_step.py --mode fp32|bf16|compiled_bf16 --threads N [--steps N] [--warmup N] [--attention eager|sdpa]
Dropout 0, no padding, gradient norm clipped at 1, fused AdamW; bf16 is autocast over fp32 weights, as HF's trainer does it.
Prints one JSON object; its flops are those of the matrix products as `tandem train` counts them.
"""
import argparse
import json
import time

import torch
import transformers

BATCH, SOURCE, TARGET = 8, 512, 114
SIZES = {"vocab_size": 32128, "d_model": 512, "d_kv": 64, "d_ff": 1024, "num_layers": 6, "num_decoder_layers": 6,
         "num_heads": 8}


def make_model(attention: str | None) -> torch.nn.Module:
    config = transformers.T5Config(**SIZES, feed_forward_proj="gated-gelu", dropout_rate=0.0, tie_word_embeddings=True,
                                   decoder_start_token_id=0, use_cache=False)
    if attention:
        config._attn_implementation = attention
    torch.manual_seed(1)
    return transformers.T5ForConditionalGeneration(config).train()


def step_flops() -> float:
    source, target, hidden = BATCH * SOURCE, BATCH * TARGET, SIZES["d_model"]
    inner = SIZES["num_heads"] * SIZES["d_kv"]
    projection, feed_forward = hidden * inner, 3 * hidden * SIZES["d_ff"]
    encoder = source * (4 * projection + feed_forward) + 2 * inner * source * SOURCE
    decoder = target * (6 * projection + feed_forward) + source * 2 * projection + 2 * inner * target * (TARGET + SOURCE)
    head = target * hidden * SIZES["vocab_size"]
    return 6 * (SIZES["num_layers"] * encoder + SIZES["num_decoder_layers"] * decoder + head)


def step_maker(mode: str, attention: str | None):
    model = make_model(attention)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, fused=True)
    forward = torch.compile(model) if mode == "compiled_bf16" else model
    ids = torch.randint(3, SIZES["vocab_size"], (BATCH, SOURCE))
    labels = torch.randint(3, SIZES["vocab_size"], (BATCH, TARGET))

    def step() -> float:
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast("cpu", torch.bfloat16, enabled=mode != "fp32"):
            loss = forward(input_ids=ids, labels=labels).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        return loss.item()

    return model, step


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mode", choices=["fp32", "bf16", "compiled_bf16"], required=True)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--steps", type=int, default=8)
    parser.add_argument("--warmup", type=int, default=2)
    parser.add_argument("--attention", choices=["eager", "sdpa"], help="HF's implementation; without it, HF's choice")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    model, step = step_maker(arguments.mode, arguments.attention)
    for _ in range(arguments.warmup):
        step()
    seconds, processor_seconds = [], []
    for _ in range(arguments.steps):
        start, processor_start = time.perf_counter(), time.process_time()
        loss = step()
        seconds.append(time.perf_counter() - start)
        processor_seconds.append(time.process_time() - processor_start)
    ordered = sorted(seconds)
    print(json.dumps({
        "side": "hf", "mode": arguments.mode, "threads": arguments.threads,
        "attention": model.config._attn_implementation,
        "torch": torch.__version__, "transformers": transformers.__version__,
        "parameters": sum(p.numel() for p in model.parameters()), "loss": loss,
        "seconds": seconds, "best": ordered[0], "median": ordered[len(ordered) // 2],
        "spread": (ordered[-1] - ordered[0]) / ordered[0], "processor_seconds": min(processor_seconds),
        "gflops": step_flops() / ordered[0] / 1e9,
    }))


if __name__ == "__main__":
    main()
