#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Memory does not grow over 200 saves in a row."""
import pathlib
import re

import training
from training import TrainingTest, await_true, metrics, ranks_of

FIRST, SAVES = 20, 200


def resident_bytes(process):
    status = pathlib.Path(f"/proc/{process}/status").read_text()
    return int(re.search(r"VmRSS:\s*(\d+) kB", status).group(1)) * 1024


class ManySaves(TrainingTest):
    def test_memory_stays_as_it_is(self):
        run = self.folder / "saves"
        last = FIRST + SAVES
        keys = ["parallel.data=2", "checkpoint.every_steps=1", "train.evaluate_every=0", "train.steps=100000"]
        process = self.launch(run, 2, keys)
        self.await_step(process, run, FIRST)
        before = {pid: resident_bytes(pid) for pid in ranks_of(run)}
        self.assertEqual(len(before), 2)
        await_true(lambda: process.poll() is not None or len(metrics(run)) >= last, f"step {last}", 90)
        after = {pid: resident_bytes(pid) for pid in before}
        drift = {pid: after[pid] / before[pid] - 1 for pid in before}
        print("resident:", ", ".join(f"{before[pid] / 1e6:.1f} MB, {drift[pid]:+.2%}" for pid in before), flush=True)
        process.terminate()
        self.finish(process, 3)
        saved = sorted((run / "checkpoints").glob("step_*"))
        self.assertGreaterEqual(int(saved[-1].name[-8:]), last)
        self.assertTrue(all(value < 0.01 for value in drift.values()), drift)


if __name__ == "__main__":
    training.main()
