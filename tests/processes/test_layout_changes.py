#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A run goes on on another layout from its own checkpoint as if it had never changed."""
import struct

import training
from training import TrainingTest, losses, tensors

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


if __name__ == "__main__":
    training.main()
