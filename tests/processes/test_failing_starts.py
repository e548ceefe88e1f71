#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A start on which a disk or a rank fails: it stops, and no step that may be whole is taken for damaged."""
import errno
import os
import re
import signal

import training
from training import TrainingTest, files_below, free_port, step_folder

KEYS = ["parallel.data=2", "checkpoint.every_steps=2", "checkpoint.keep=0", "optimizer.decay=none"]
SHARD = "step_00000004/g"


def fault(code, call, part):
    return training.failing_calls(f"{code} {call} {part}")


class FailingStarts(TrainingTest):
    def start_ranks(self, run, sets, faults=({}, {}), locals_=()):
        """Starts two ranks, each with its own fault and, where given, as a node with its own disk."""
        port = str(free_port())
        own = [[f"checkpoint.local_directory={local}"] for local in locals_] or [[], []]
        return [
            self.start(self.command(run, [*KEYS, *sets, *own[rank]]), RANK=str(rank), LOCAL_RANK="0", WORLD_SIZE="2",
                       LOCAL_WORLD_SIZE="1", MASTER_ADDR="127.0.0.1", MASTER_PORT=port, **faults[rank])
            for rank in (0, 1)
        ]

    def on_ranks(self, code, *arguments, **named):
        """Runs them to their end; returns standard error of rank 0."""
        return [self.finish(rank, code) for rank in self.start_ranks(*arguments, **named)][0]

    def trained(self, name, **named):
        run = self.folder / name
        self.on_ranks(0, run, ["train.steps=4"], **named)
        return run

    def steps_below(self, *folders):
        return {path: content for folder in folders for path, content in files_below(folder).items() if "step_0" in path}

    def test_a_shared_disk_that_takes_no_copy_costs_no_local_step(self):
        local = [self.folder / f"node{node}" for node in (0, 1)]
        run = self.trained("no_copy", locals_=local)
        shared = step_folder(run, 4)
        kept = shared.rename(run / "kept")
        # Each byte lies on the disk of the other node, so that the step must be copied to be read.
        swapped = local[::-1]
        before = self.steps_below(run, *local)
        hidden = f"{shared.parent}/.unfinished_"
        for code, call, part in (
            (errno.ENOSPC, "mkdir", hidden),
            (errno.EROFS, "open", hidden),
            (errno.ENOSPC, "write", f"{hidden}g00000000_step_00000004/g"),
            (errno.EIO, "fsync", f"{hidden}g00000000_step_00000004/g"),
            (errno.EDQUOT, "write", f"{hidden}g00000000_step_00000004/manifest"),
        ):
            with self.subTest(call=call, part=part):
                broken = fault(code, call, part)
                error = self.on_ranks(3, run, ["train.steps=6"], faults=(broken, broken), locals_=swapped)
                self.assertRegex(error, rf"(?m)^error: [^\n]*{re.escape(part)}[^\n]*: {os.strerror(code)}$")
                self.assertNotIn("passed over", error)
                self.assertEqual(self.steps_below(run, *local), before)
        error = self.on_ranks(0, run, ["train.steps=6"], locals_=swapped)
        self.assertIn("resumed at step 4 from ", error)
        self.assertEqual({path.name: path.read_bytes() for path in kept.iterdir()},
                         {path.name: path.read_bytes() for path in shared.iterdir()})

    def test_a_local_step_whose_bytes_are_damaged_is_passed_over_still(self):
        local = [self.folder / f"damaged{node}" for node in (0, 1)]
        run = self.trained("damaged", locals_=local)
        step_folder(run, 4).rename(run / "kept")
        (shard,) = (local[1] / "step_00000004").glob("*.safetensors")
        os.truncate(shard, 100)
        error = self.on_ranks(0, run, ["train.steps=4"], locals_=local)
        self.assertRegex(error, r"step_00000004 is passed over: rank 1: [^\n]*; nor can it be copied: [^\n]*")
        self.assertIn("resumed at step 2 from ", error)

    def test_a_rank_that_is_lost_while_steps_are_read_is_no_damage(self):
        run = self.trained("lost")
        source = self.trained("source")
        before = self.steps_below(run)
        for sets, folder in (([], run), ([f"checkpoint.start_from={source}"], self.folder / "begun")):
            # One that is gone, and one whose disk takes longer than the others wait for it.
            for signal_number in (signal.SIGKILL, signal.SIGSTOP):
                with self.subTest(sets=sets, signal=signal_number):
                    keys = [*sets, "train.steps=6", "parallel.collective_seconds=2"]
                    first, second = self.start_ranks(folder, keys, ({}, fault(-signal_number, "open", SHARD)))
                    error = self.finish(first, 3)
                    self.assertRegex(error, r"(?m)^error: group world\[0,1\], rank 0 of 2, [^\n]*; a peer ended or the network broke")
                    self.assertNotIn("passed over", error)
                    second.kill()
                    second.communicate()
                    self.assertEqual(self.steps_below(run), before)
        self.assertIn("resumed at step 4 from ", self.on_ranks(0, run, ["train.steps=6"]))

    def test_a_step_to_start_from_that_cannot_be_looked_at_is_not_passed_over(self):
        source = self.trained("unreadable")
        denied = fault(errno.EACCES, "open", SHARD)
        sets = ["train.steps=1", f"checkpoint.start_from={source}"]
        error = self.on_ranks(3, self.folder / "denied", sets, faults=(denied, denied))
        self.assertRegex(error, rf"(?m)^error: [^\n]*{SHARD}[^\n]*: {os.strerror(errno.EACCES)}$")
        self.assertNotIn("passed over", error)
        self.assertIn("step_00000004; moments", self.on_ranks(0, self.folder / "allowed", sets))


if __name__ == "__main__":
    training.main()
