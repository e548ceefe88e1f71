#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A run under `launch --max-restarts` comes back by itself, whichever rank is killed, and ends as if nothing had happened."""
import contextlib
import json
import os
import pathlib
import random
import re
import signal
import time

import training
from training import TANDEM, TrainingTest, losses, manifest, metrics, ranks_of, tensors, variables_of

STEPS = 120
RANKS = 4
BACK_WITHIN = 15  # seconds from a kill to the next optimizer step
LAYOUT = ("parallel.data=2", "parallel.pipeline=2", f"train.steps={STEPS}", "checkpoint.every_steps=10")


def processes_of(run):
    """Returns the processes that have this run's folder on their command line, launchers included."""
    found = []
    for process in pathlib.Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if f"run_directory={run}" in (process / "cmdline").read_bytes().decode():
                found.append(int(process.name))
    return found


def is_listening(port):
    lines = pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]
    return any(line.split()[1].endswith(f":{port:04X}") and line.split()[3] == "0A" for line in lines)


class Restarts(TrainingTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.straight = cls.train_undisturbed(LAYOUT, ranks=RANKS)

    def launch_with_restarts(self, run, restarts, sets=LAYOUT):
        return self.launch(run, RANKS, sets, [f"--max-restarts={restarts}", f"--log-dir={run}_launch"])

    def kill(self, run, victim):
        """Kills a rank and returns what of the metrics the killed ranks leave."""
        before = ranks_of(run)
        self.assertEqual(sorted(before.values()), list(range(RANKS)))
        os.kill(next(pid for pid, rank in before.items() if rank == victim), signal.SIGKILL)
        # The back-off, a second at least, is the time to look.
        training.await_true(lambda: not before.keys() & ranks_of(run).keys(), "the end of all ranks", 5)
        return metrics(run)

    def await_new_step(self, process, run, left, killed):
        """Waits for a step of the next start, which a line with other times tells from those that were there."""
        timeout = BACK_WITHIN - (time.monotonic() - killed)
        is_back = lambda: process.poll() is not None or any(line not in left for line in metrics(run))
        training.await_true(is_back, "the next step after a kill", timeout)
        self.assertIsNone(process.poll(), "ended instead of coming back")
        return time.monotonic() - killed

    def assert_as_if_undisturbed(self, run, restarts):
        self.assertEqual(losses(run), losses(self.straight))
        self.assertEqual(len(metrics(run)), STEPS)
        self.assertEqual(tensors(run, STEPS), tensors(self.straight, STEPS))
        self.assertEqual(manifest(run, STEPS)["run"]["generation"], restarts)

    def assert_nothing_left(self, run, port):
        self.assertEqual(processes_of(run), [])
        self.assertFalse(is_listening(port))
        temporary = [path for path in run.rglob("*") if re.search(r"^\.unfinished_|^\.removed_|\.tmp$", path.name)]
        self.assertEqual(temporary, [])

    def events(self, run, event):
        lines = pathlib.Path(f"{run}_launch/supervisor_0.jsonl").read_text(encoding="utf-8").splitlines()
        return [line for line in map(json.loads, lines) if line["event"] == event]

    def test_each_rank_killed_in_turn(self):
        run, chance, seconds = self.folder / "killed", random.Random(4), []
        victims = chance.sample(range(RANKS), RANKS)
        process = self.launch_with_restarts(run, 10)
        for turn, victim in enumerate(victims):
            # Further on than the last kill by more than the ten steps of a save.
            self.await_step(process, run, 12 + 24 * turn + chance.randrange(10))
            port = int(variables_of(next(iter(ranks_of(run))))["MASTER_PORT"])
            time.sleep(chance.uniform(0, 0.03))  # anywhere in a step, or in a save
            killed = time.monotonic()
            left = self.kill(run, victim)
            seconds.append(self.await_new_step(process, run, left, killed))
        error = self.finish(process, 0)
        print(f"ranks {victims}: kill to next step", ", ".join(f"{value:.2f} s" for value in seconds), flush=True)
        for turn, victim in enumerate(victims):
            line = rf"(?m)^launch: rank {victim} failed with signal 9 \(SIGKILL\)[^\n]*; restart {turn + 1} of 10 in 1\.[0-3] s$"
            self.assertRegex(error, line)
        self.assert_as_if_undisturbed(run, len(victims))
        self.assert_nothing_left(run, port)
        failures = [json.loads(pathlib.Path(f"{run}_launch/failure_g{attempt}.json").read_text()) for attempt in range(RANKS)]
        self.assertEqual([failure["cause"]["rank"] for failure in failures], victims)
        self.assertEqual([line["step"] for line in self.events(run, "committed")][-1], STEPS)

    def test_a_rank_killed_while_all_come_back(self):
        run = self.folder / "killed_twice"
        process = self.launch_with_restarts(run, 10)
        self.await_step(process, run, 25)
        port = int(variables_of(next(iter(ranks_of(run))))["MASTER_PORT"])
        killed = time.monotonic()
        left = self.kill(run, 0)
        back = training.await_true(lambda: {rank: pid for pid, rank in ranks_of(run).items() if rank == 3}, "rank 3", 10)
        os.kill(back[3], signal.SIGKILL)
        self.await_new_step(process, run, left, killed)
        error = self.finish(process, 0)
        self.assertRegex(error, r"(?m)^launch: rank 3 failed with signal 9 \(SIGKILL\)[^\n]*; restart 2 of 10 in 2\.\d s$")
        self.assertEqual(losses(run), losses(self.straight))
        self.assertEqual(tensors(run, STEPS), tensors(self.straight, STEPS))
        self.assert_nothing_left(run, port)

    def test_a_step_that_was_committed_just_before_a_death_is_progress(self):
        run, deaths = self.folder / "committed", 5
        # Each start dies as it reads back its first step, of which the launcher has not heard.
        environment = f"LD_PRELOAD={os.environ['TANDEM_BINARY_DIR']}/tests/libfailing_disk.so"
        fault = "-9 open checkpoints/step_0000000$((TORCHELASTIC_RESTART_COUNT + 1))/g"
        script = f'[ $TORCHELASTIC_RESTART_COUNT = {deaths} ] || export {environment} FAILING_DISK="{fault}"; exec "$@"'
        command = self.command(run, [f"train.steps={deaths + 1}", "checkpoint.every_steps=1", "checkpoint.async=false"])
        flags = ["--ranks", "1", f"--max-restarts={deaths}", f"--log-dir={run}_launch"]
        self.finish(self.start([TANDEM, "launch", *flags, "--", "sh", "-c", script, "-", *command]), 0)
        self.assertEqual(len(losses(run)), deaths + 1)
        self.assertEqual([(line["attempt"], line["step"]) for line in self.events(run, "committed")],
                         [*((step, step) for step in range(1, deaths + 1)), (deaths, deaths + 1)])

    def test_a_signal_is_not_followed_by_a_restart(self):
        run = self.folder / "stopped"
        process = self.launch_with_restarts(run, 10)
        self.await_step(process, run, 15)
        port = int(variables_of(next(iter(ranks_of(run))))["MASTER_PORT"])
        process.send_signal(signal.SIGTERM)
        error = self.finish(process, 3)
        self.assertRegex(error, r"\nerror: stopped by SIGTERM; rank 0 ended with exit code 3: preempted at step \d+[^\n]*\n\Z")
        self.assertNotIn("; restart ", error)
        self.assert_nothing_left(run, port)

    def test_a_mistake_is_not_retried(self):
        run = self.folder / "mistake"
        error = self.finish(self.launch_with_restarts(run, 10, [*LAYOUT, "train.stepz=1"]), 2)
        self.assertRegex(error, r"\nerror: rank \d failed with exit code 2: [^\n]*; exit code 2 is not retried; 0 of 10 restarts used\n\Z")
        self.assertNotIn("; restart ", error)


if __name__ == "__main__":
    training.main()
