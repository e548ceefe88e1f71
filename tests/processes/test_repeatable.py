#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A run of one layout is the same run each time, also where it was stopped, killed and resumed."""
import os
import pathlib
import shutil
import signal
import time

import training
from training import TrainingTest, losses, manifest, metrics, ranks_of, tensors

STEPS = 100
LAYOUT = ("parallel.data=2", "parallel.pipeline=2", f"train.steps={STEPS}", "checkpoint.every_steps=20")


class Repeatable(TrainingTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.straight = cls.folder / "straight"
        begin = time.monotonic()
        test = cls("measure_first_step")
        process = test.launch(cls.straight, 4, LAYOUT)
        test.await_step(process, cls.straight, 1)
        print(f"launch of four ranks to the first step: {time.monotonic() - begin:.2f} s", flush=True)
        test.finish(process, 0)
        test.doCleanups()

    def measure_first_step(self):
        pass

    def assert_same_end(self, run):
        self.assertEqual(losses(run), losses(self.straight))
        self.assertEqual(tensors(run, STEPS), tensors(self.straight, STEPS))

    def test_two_runs_are_equal_byte_for_byte(self):
        run = self.folder / "again"
        self.train(run, LAYOUT, ranks=4)
        self.assert_same_end(run)
        texts = []
        for folder in (run, self.straight):
            value = manifest(folder, STEPS)
            self.assertEqual(len(value["run"].pop("id")), 32)
            self.assertEqual(list(value.pop("times")), ["saved"])
            self.assertEqual(len(value.pop("sha256")), 64)  # of all the rest
            texts.append(value)
        self.assertEqual(*texts)
        timeless = [[{**line, "seconds": 0, "tokens_per_second": 0} for line in metrics(r)] for r in (run, self.straight)]
        self.assertEqual(*timeless)

    def test_a_run_stopped_by_a_signal_resumes_as_if_never_stopped(self):
        run = self.folder / "stopped"
        process = self.launch(run, 4, LAYOUT)
        self.await_step(process, run, 50)
        process.send_signal(signal.SIGTERM)
        error = self.finish(process, 3)
        stopped = len(metrics(run))
        self.assertTrue(50 <= stopped < STEPS, stopped)
        for rank in range(4):
            self.assertIn(f"[rank {rank}] error: preempted at step {stopped}", error)
        self.assertEqual(manifest(run, stopped)["step"], stopped)
        self.assertEqual(len(manifest(run, stopped)["files"]), 4)
        self.train(run, LAYOUT, ranks=4)
        self.assert_same_end(run)

    def test_a_signal_before_the_first_step_ends_the_run(self):
        run = self.folder / "early"
        process = self.start(self.command(run))
        training.await_true((run / "run.lock").exists, "the run's folder")
        process.send_signal(signal.SIGTERM)
        error = self.finish(process, 3)
        self.assertRegex(error, r"error: (stopped by a signal before the first step|preempted at step 1;)[^\n]*\n\Z")
        self.assertEqual(training.step_folder(run, 1).exists(), "step 1;" in error)

    def test_a_signal_while_ranks_join_ends_them_at_once(self):
        waiting = {"RANK": "0", "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(training.free_port())}
        process = self.start(self.command(self.folder / "joining", ["parallel.data=2"]), **waiting)
        address = f":{int(waiting['MASTER_PORT']):04X} "
        training.await_true(lambda: address in pathlib.Path("/proc/net/tcp").read_text(), "the store")
        begin = time.monotonic()
        process.send_signal(signal.SIGINT)
        self.assertIn("error: stopped by a signal before the first step", self.finish(process, 3))
        self.assertLess(time.monotonic() - begin, 2)

    def test_a_run_whose_folder_was_removed_saves_nothing_into_what_took_its_place(self):
        run = self.folder / "removed"
        process = self.start(self.command(run, ["train.steps=100000", "checkpoint.every_steps=0"]))
        self.await_step(process, run, 1)
        shutil.rmtree(run)
        process.send_signal(signal.SIGTERM)
        self.assertIn("error: ", error := self.finish(process, 3))
        self.assertIn(f"{run}: somebody removed or replaced the folder", error)
        self.assertFalse(run.exists())

    def test_a_killed_rank_ends_the_run_which_resumes_from_its_checkpoint(self):
        run = self.folder / "killed"
        process = self.launch(run, 4, LAYOUT)
        self.await_step(process, run, 45)
        victim = next(pid for pid, rank in ranks_of(run).items() if rank == 2)
        killed = time.monotonic()
        os.kill(victim, signal.SIGKILL)
        error = self.finish(process, 3)
        self.assertLess(time.monotonic() - killed, 2)
        self.assertEqual(ranks_of(run), {})
        self.assertRegex(error, r"(?m)^error: .*rank 2\b.*signal 9")
        self.assertLess(len(metrics(run)), STEPS)
        self.train(run, LAYOUT, ranks=4)
        self.assert_same_end(run)


if __name__ == "__main__":
    training.main()
