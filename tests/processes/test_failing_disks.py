#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A run whose disk, or store, fails while it saves: an I/O error, a quota, a folder that becomes read-only."""
import contextlib
import ctypes
import errno
import os
import pathlib
import re
import socket
import subprocess

import training
from training import TANDEM, TrainingTest, losses, step_folder

KEYS = ["checkpoint.every_steps=2", "checkpoint.keep=0", "parallel.data=2"]


def sockets_of(process):
    """Returns copies of a process's sockets."""
    call, copy_of = ctypes.CDLL(None, use_errno=True).syscall, 438  # pidfd_getfd
    handle = os.pidfd_open(process)
    try:
        for entry in pathlib.Path(f"/proc/{process}/fd").iterdir():
            with contextlib.suppress(FileNotFoundError):
                if os.readlink(entry).startswith("socket:"):
                    copy = call(copy_of, handle, int(entry.name), 0)
                    if copy < 0:
                        raise OSError(ctypes.get_errno(), "pidfd_getfd")
                    yield socket.socket(fileno=copy)
    finally:
        os.close(handle)


def cut_from(process, port):
    """Ends a process's connections to a port, as a firewall may that forgets them; returns how many."""
    ended = 0
    for connection in sockets_of(process):
        with connection, contextlib.suppress(OSError):
            if connection.getpeername()[1] == port:
                connection.shutdown(socket.SHUT_RDWR)
                ended += 1
    return ended


# Takes all room of a disk, and what a failed save gives back too. One process, so that it is gone once killed.
FILLER = """
import sys, time
with open(sys.argv[1], "ab", 0) as ballast:
    while True:
        try:
            ballast.write(bytes(4096))
        except OSError:
            time.sleep(0.01)
"""


class FailingDisks(TrainingTest):
    def train_with(self, run, steps, fault, code=0, sets=()):
        """Trains on two ranks under a fault (see failing_disk.cpp) and returns standard error."""
        variables = training.failing_calls(fault) if fault else {}
        command = self.command(run, [f"train.steps={steps}", *KEYS, *sets])
        return self.finish(self.start([TANDEM, "launch", "--ranks", "2", "--", *command], **variables), code)

    def steps_of(self, run):
        """Returns the steps of a run, all of which must be good, and nothing else left."""
        folders = sorted(path for path in (run / "checkpoints").iterdir() if path.name != "run.lock")
        steps = [int(path.name.removeprefix("step_")) for path in folders if path.name != "tokenizer.model"]
        for step in steps:
            done = subprocess.run([TANDEM, "checkpoint", "verify", step_folder(run, step)], capture_output=True, text=True)
            self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual([path for path in run.rglob("*") if re.search(r"^\.|\.tmp$", path.name)], [])
        return steps

    def test_one_save_that_fails_is_told_and_the_next_succeeds(self):
        faults = [
            (errno.EIO, "write", "unfinished_g00000000_step_00000004/g", "cannot write it"),
            (errno.EDQUOT, "write", "unfinished_g00000000_step_00000004/manifest", "cannot write it"),
            (errno.EIO, "fsync", "unfinished_g00000000_step_00000004/g00000000_w00001", "cannot bring it to the disk"),
            (errno.ENOSPC, "open", "unfinished_g00000000_step_00000004/g00000000_w00001", "cannot create it"),
        ]
        for number, (code, call, part, action) in enumerate(faults):
            for way in ("true", "false"):
                with self.subTest(call=call, part=part, background=way):
                    run = self.folder / f"fails_{number}_{way}"
                    error = self.train_with(run, 8, f"{code} {call} {part}", sets=[f"checkpoint.async={way}"])
                    self.assertRegex(error, rf"{re.escape(part)}[^\n]*: {action}: {os.strerror(code)}; 1 in a row")
                    self.assertEqual(error.count("in a row"), 1, error)
                    self.assertEqual(self.steps_of(run), [2, 6, 8])
                    self.assertEqual(len(losses(run)), 8)

    def test_too_many_failures_end_the_run_and_the_next_start_goes_on(self):
        run = self.folder / "ends"
        self.train_with(run, 4, "")
        error = self.train_with(run, 40, f"{errno.EDQUOT} write .unfinished_", code=3, sets=["checkpoint.max_failures=2"])
        self.assertRegex(error, rf"error: [^\n]*2 saves in a row failed, the last: step 8 [^\n]*{os.strerror(errno.EDQUOT)}")
        self.assertEqual(self.steps_of(run), [2, 4])
        self.train_with(run, 10, "")
        self.assertEqual(self.steps_of(run), [2, 4, 6, 8, 10])
        self.assertEqual(len(losses(run)), 10)

    def start_with_slow_save(self, run, seconds, keys):
        """Starts two ranks, each a process of its own; rank 0 takes so long to bring its part of step 2 to the disk."""
        hidden = run / "checkpoints/.unfinished_g00000000_step_00000002/g00000000_w00000_p000.safetensors"
        port = str(training.free_port())
        command = self.command(run, [*KEYS, *keys])
        ranks = [
            self.start([*prefix, *command], RANK=str(rank), LOCAL_RANK=str(rank), WORLD_SIZE="2", LOCAL_WORLD_SIZE="2",
                       MASTER_ADDR="127.0.0.1", MASTER_PORT=port)
            for rank, prefix in enumerate((self.slow_fsync(hidden, seconds), []))
        ]
        training.await_true(lambda: ranks[0].poll() is not None or hidden.exists(), "the save")
        return ranks

    def test_a_disk_may_be_slower_than_a_collective(self):
        for way in ("true", "false"):
            with self.subTest(background=way):
                run = self.folder / f"slow_{way}"
                keys = ["train.steps=6", "parallel.collective_seconds=3", f"checkpoint.async={way}"]
                ranks = self.start_with_slow_save(run, 8, keys)
                errors = [self.finish(rank, 0) for rank in ranks]
                self.assertNotIn("in a row", "".join(errors))
                self.assertEqual(self.steps_of(run), [2, 4, 6])

    def test_a_rank_that_dies_while_the_others_wait_for_a_disk_ends_the_run(self):
        for way in ("true", "false"):
            with self.subTest(background=way):
                run = self.folder / f"dies_{way}"
                ranks = self.start_with_slow_save(run, 20, ["train.steps=6", f"checkpoint.async={way}"])
                ranks[1].kill()
                log = run / "logs/rank_00000.log"
                # Before the disk is done; the process itself ends only once strace lets go of it.
                training.await_true(lambda: "a peer ended" in log.read_text(encoding="utf-8"), "the loss", 10)
                self.assertIn("a peer ended or the network broke", self.finish(ranks[0], 3, 60))

    def test_a_rank_that_loses_the_store_ends_the_run(self):
        run = self.folder / "no_store"
        process = self.launch(run, 2, [*KEYS, "train.steps=100000"])
        self.await_step(process, run, 4)
        rank = {rank: pid for pid, rank in training.ranks_of(run).items()}[1]
        port = int(training.variables_of(rank)["MASTER_PORT"])
        try:
            self.assertGreater(cut_from(rank, port), 0)
        except PermissionError:
            process.kill()
            self.skipTest("this system does not let us take another process's sockets")
        error = self.finish(process, 3, 60)
        self.assertRegex(error, r"the ranks lost each other while steps were saved|the job's store or a rank is lost")

    def test_a_folder_that_becomes_read_only(self):
        disk, view, run = self.folder / "disk", self.folder / "view", self.folder / "read_only"
        disk.mkdir()
        view.mkdir()
        command = self.command(run, ["train.steps=100", *KEYS, f"checkpoint.directory={disk}", "checkpoint.max_failures=99"])
        # A read-only view on top of the folder, while the run holds it; then it is taken away again.
        script = f"""
            log={run}/logs/rank_00000.log
            "$@" & run=$!
            await() {{ until grep -qs "$1" $log || ! kill -0 $run; do sleep 0.01; done; }}
            await 'saved step 2 '
            # Made read-only elsewhere: what the run has just opened here would keep the view from becoming that.
            mount --bind {disk} {view} && mount -o remount,bind,ro {view} && mount --bind {view} {disk} || echo no view >&2
            await 'Read-only file system'; umount -l {disk}
            wait $run; code=$?; echo; echo left: $(ls -A {disk}) >&2; exit $code"""
        launch = [TANDEM, "launch", "--ranks", "2", "--", *command]
        error = self.run_with_mounts(script, launch, 0)
        self.assertNotIn("no view", error)
        self.assertRegex(error, r"Read-only file system; 1 in a row")
        self.assertRegex(error, r"saved step 100 ")
        self.assertRegex(error, r"left: run\.lock step_00000002 (step_\d+ )+tokenizer\.model\n")
        self.assertEqual(len(losses(run)), 100)

    def run_on_a_disk_that_fills(self, name, sets, script, code):
        """Trains with the run's folder on a small disk while a script, as `fill` and `empty` do, makes it full and empty. Returns
        standard error and the folder, as the disk held it at the end."""
        disk, told, end = self.folder / f"{name}_disk", self.folder / f"{name}_error", self.folder / name
        disk.mkdir()
        command = self.command(disk / "run", [*KEYS, "checkpoint.keep=2", "observe.tensorboard=true", *sets])
        script = f"""
            mount -t tmpfs -o size=16m tmpfs {disk} || exit 9
            fill() {{ python3 -c '{FILLER}' {disk}/ballast & filler=$!; }}
            empty() {{ kill $filler; wait $filler; rm -f {disk}/ballast; }}
            await() {{ until grep -Eqs "$1" {told} || ! kill -0 $run; do sleep 0.01; done; }}
            "$@" 2>{told} & run=$!
            {script}
            wait $run; code=$?; cat {told} >&2; cp -a {disk}/run {end}; exit $code"""
        return self.run_with_mounts(script, [TANDEM, "launch", "--ranks", "2", "--", *command], code), end

    def test_a_disk_that_is_full_for_a_while_between_two_steps(self):
        sets = ["train.steps=300", "checkpoint.max_failures=999"]
        error, run = self.run_on_a_disk_that_fills(
            "recovers", sets, "await 'saved step 4 '; fill; await 'jsonl: No space'; await 'not saved: cannot append'; empty", 0)
        # The events may still have room in a page of theirs.
        for file, least in (("metrics.jsonl", 1), ("events.out", 0)):
            stopped = re.findall(rf"cannot append to \S*{file}\S*: No space left on device; what", error)
            self.assertEqual(len(stopped), len(re.findall(rf"{file}\S* can be appended to again", error)), error)
            self.assertGreaterEqual(len(stopped), least, error)
        self.assertRegex(error, r"step \d+ is not saved: cannot append to \S*metrics.jsonl: No space left on device[^\n]* in a row")
        straight = self.folder / "straight"
        self.train_with(straight, 300, "")
        self.assertEqual(losses(run), losses(straight))
        self.assertEqual(self.steps_of(run)[-1], 300)

    def test_a_disk_that_stays_full_between_two_steps(self):
        error, run = self.run_on_a_disk_that_fills("stays_full", ["train.steps=100000"], "await 'saved step 4 '; fill; wait $run; empty", 3)
        self.assertEqual(len(re.findall(r"(?m)^error: ", error)), 1, error)
        self.assertRegex(error, r"error: [^\n]*3 saves in a row failed, the last: step \d+ is not saved[^\n]*No space left on device")
        last = self.steps_of(run)[-1] + 10
        self.train_with(run, last, "")
        self.assertEqual(len(losses(run)), last)

    def test_metrics_that_do_not_reach_the_disk_are_failures_of_saves(self):
        for call, action in (("write", "append to"), ("fsync", "sync")):
            for steps, number, told in ((40, 2, "2 saves in a row failed, the last: step 4 is"), (1, 9, "step 1 is")):
                with self.subTest(call=call, steps=steps):
                    run = self.folder / f"metrics_{call}_{steps}"
                    fault = f"{errno.EIO} {call} metrics.jsonl"
                    error = self.train_with(run, steps, fault, code=3, sets=[f"checkpoint.max_failures={number}"])
                    self.assertRegex(error, rf"error: [^\n]*{told} not saved: cannot {action} {run}/metrics.jsonl: Input/output error")
                    self.assertEqual(self.steps_of(run), [])
                    self.assertLessEqual(len(losses(run)), steps)


if __name__ == "__main__":
    training.main()
