#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Steps without a finite loss and gradient are skipped by all ranks, and eight in a row end the run."""
import math
import struct
import sys

import training
from training import SOURCE, TrainingTest, manifest, metrics, step_folder, tensors

sys.path.insert(0, str(SOURCE / "tests/checkpoint"))
import read_checkpoint  # noqa: E402

FEED_FORWARD = "decoder.layer.1.feed_forward"


class NonFinite(TrainingTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.start_run = cls.folder / "start"
        cls("train_start").train_start()

    def train_start(self):
        self.train(self.start_run, ["train.steps=1"])
        self.doCleanups()

    def poison(self, tensor, change):
        """Replaces each value v number i of a stored parameter by change(i, v), as if it had been saved so."""
        folder, stored = step_folder(self.start_run, 1), manifest(self.start_run, 1)
        number = [entry["name"] for entry in stored["tensors"]].index(tensor)
        (file,) = stored["files"]
        first = 0
        for holder, _begin, count, *_box in file["ranges"]:
            if holder == number:
                break
            first += count
        shard = folder / file["name"]
        whole, sealed = shard.read_bytes(), (folder / "manifest.json").read_bytes()
        self.addCleanup(shard.write_bytes, whole)
        self.addCleanup((folder / "manifest.json").write_bytes, sealed)
        spoiled, position = bytearray(whole), file["data_begin"] + 4 * first
        values = struct.unpack_from(f"<{count}f", whole, position)
        struct.pack_into(f"<{count}f", spoiled, position, *(change(i, value) for i, value in enumerate(values)))
        shard.write_bytes(spoiled)
        read_checkpoint.reseal(folder)

    def assert_ended_by_skips(self, run, ranks, sets):
        error = self.finish(self.launch(run, ranks, sets), 2)
        last = metrics(run)[-1]["step"]
        for rank in range(ranks):
            self.assertRegex(error, rf"(?m)^\[rank {rank}\] error: 8 steps in a row .* step {last}: ")
        self.assertEqual(list((run / "checkpoints").glob("*step_*")), [])
        self.assertEqual([line["step"] for line in metrics(run) if "skipped" in line], list(range(last - 7, last + 1)))
        return metrics(run)

    def test_eight_steps_without_a_finite_loss_end_the_run(self):
        run = self.folder / "diverged"
        # A decay of ten times the weight turns each weight into -9 times itself, step by step.
        optimizer = ["optimizer.learning_rate=1", "optimizer.weight_decay=10", "optimizer.warmup_steps=0", "optimizer.decay=none"]
        sets = ["parallel.data=2", "parallel.pipeline=2", "train.steps=100", *optimizer, "checkpoint.every_steps=0"]
        lines = self.assert_ended_by_skips(run, 4, sets)
        self.assertTrue(math.isfinite(lines[0]["loss"]))
        for line in lines[-8:]:
            self.assertRegex(line["skipped"], r"^(loss|gradient) is not finite \(rank \d: \S.*\)$")

    def test_a_poisoned_weight_is_found_at_the_first_step(self):
        self.poison(f"{FEED_FORWARD}.down", lambda i, value: math.nan if i == 7 else value)
        sets = ["parallel.tensor=2", "parallel.pipeline=2", f"checkpoint.start_from={self.start_run}"]
        lines = self.assert_ended_by_skips(self.folder / "poisoned", 4, sets)
        self.assertEqual([line["loss"] for line in lines], [None] * 8)
        for rank in range(4):
            self.assertIn(f"rank {rank}: ", lines[0]["skipped"])
        self.assertIn("decoder.norm", lines[0]["skipped"])

    def test_one_rank_with_an_infinite_gradient_stops_the_update_on_all(self):
        # Nothing but the gradient of `down` overflows: its input is huge, its own weights are zero, and the
        # final norm makes what comes back large.
        self.poison(f"{FEED_FORWARD}.gate_up", lambda i, value: value * 1e37 if i >= 64 * 32 else value)
        self.poison(f"{FEED_FORWARD}.down", lambda i, value: 0.0)
        self.poison("decoder.norm", lambda i, value: value * 1e8)
        before = tensors(self.start_run, 1)
        run = self.folder / "one_rank"
        sets = ["parallel.pipeline=2", f"checkpoint.start_from={self.start_run}"]
        self.train(run, [*sets, "train.steps=3"], ranks=2)
        for line in metrics(run):
            self.assertTrue(math.isfinite(line["loss"]))
            self.assertEqual(line["skipped"], f"gradient is not finite (rank 1: {FEED_FORWARD}.down)")
        self.assertEqual(manifest(run, 3)["optimizer"], {"updates": 0, "skipped_in_a_row": 3})
        for name, roles in tensors(run, 3).items():
            self.assertEqual(roles["parameter"], before[name]["parameter"], name)
            self.assertEqual(set(roles["moment1"] + roles["moment2"]), {"0"}, name)
        # The count goes on over a resume.
        self.finish(self.launch(run, 2, sets), 2)
        self.assertEqual(len(metrics(run)), 8)


if __name__ == "__main__":
    training.main()
