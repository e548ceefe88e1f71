#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A run goes on on another layout from its own checkpoint as if it had never changed."""
import struct

import training
from training import TrainingTest, losses, manifest, metrics, tensors

LAYOUTS = [
    {"tensor": 2},
    {"pipeline": 2},
    {"data": 2, "tensor": 2},
    {"data": 2, "pipeline": 2},
    {"tensor": 2, "pipeline": 2},
    {},
]
STEPS_EACH = 5


def values(hex_text):
    return [value for (value,) in struct.iter_unpack("<d", bytes.fromhex(hex_text))]


class LayoutChanges(TrainingTest):
    def test_each_layout_goes_on_where_another_stopped(self):
        straight, moving = self.folder / "straight", self.folder / "moving"
        steps = len(LAYOUTS) * STEPS_EACH
        precise = ("train.precision=fp64", "optimizer.epsilon=1e-4")
        self.train(straight, (*precise, f"train.steps={steps}"))
        for number, layout in enumerate(LAYOUTS, 1):
            sizes = [f"parallel.{axis}={size}" for axis, size in layout.items()]
            ranks = 1
            for size in layout.values():
                ranks *= size
            self.train(moving, (*precise, *sizes, f"train.steps={number * STEPS_EACH}"), ranks)
            self.assertEqual(len(losses(moving)), number * STEPS_EACH)
        worst = self.assert_close(losses(moving), losses(straight), 1e-12)
        print(f"largest relative difference of a loss: {worst:.1e}", flush=True)

        ours, theirs = tensors(moving, steps), tensors(straight, steps)
        self.assertEqual(ours.keys(), theirs.keys())
        for name, roles in ours.items():
            for role in roles:
                left, right = values(ours[name][role]), values(theirs[name][role])
                scale = max(map(abs, right))
                self.assertLessEqual(max(abs(a - b) for a, b in zip(left, right, strict=True)), 1e-11 * scale, name)

    def test_any_number_of_data_ranks_goes_on_with_the_same_samples(self):
        straight, moving = self.folder / "straight_data", self.folder / "moving_data"
        sizes = [4, 2, 3, 8]
        precise = ("train.precision=fp64", "optimizer.epsilon=1e-4", "train.global_batch=24", "train.micro_batch=1")
        steps = len(sizes) * STEPS_EACH
        self.train(straight, (*precise, "parallel.data=4", f"train.steps={steps}"), 4)
        for number, ranks in enumerate(sizes, 1):
            last = number * STEPS_EACH
            self.train(moving, (*precise, f"parallel.data={ranks}", f"train.steps={last}"), ranks)
            self.assertEqual(manifest(moving, last)["data"]["next_sample"], 24 * last)
        # Each sample has a length and masks of its own: another order would show in every figure.
        counts = lambda run: [(line["step"], line["tokens"]) for line in metrics(run)]
        self.assertEqual(counts(moving), counts(straight))
        worst = self.assert_close(losses(moving), losses(straight), 1e-12)
        print(f"data ranks {sizes}: largest relative difference of a loss: {worst:.1e}", flush=True)


if __name__ == "__main__":
    training.main()
