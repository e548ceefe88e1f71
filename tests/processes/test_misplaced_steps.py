#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What is put where it does not belong costs no step: steps of other runs, renamed ones, outputs inside of steps."""
import fcntl
import shutil
import subprocess
import sys

import training
from training import SOURCE, TANDEM, TrainingTest, files_below, losses, step_folder

sys.path.insert(0, str(SOURCE / "tests/checkpoint"))
import read_checkpoint  # noqa: E402

ONE_RANK = ["--data", "1", "--tensor", "1", "--pipeline", "1"]


class MisplacedSteps(TrainingTest):
    def trained(self, name, steps=6, sets=()):
        run = self.folder / name
        self.train(run, [f"train.steps={steps}", "checkpoint.every_steps=2", "checkpoint.keep=0", *sets])
        return run

    def refused(self, command, code, words):
        """Runs a command that must refuse and change no file of a step."""
        before = files_below(self.folder)
        done = subprocess.run([TANDEM, *map(str, command)], capture_output=True, text=True)
        self.assertEqual(done.returncode, code, done.stderr)
        self.assertIn(words, done.stderr.splitlines()[-1])
        after = files_below(self.folder)
        changed = {path for path in before.keys() | after.keys() if before.get(path) != after.get(path)}
        self.assertFalse([path for path in changed if not path.endswith(("run.lock", ".log", "run.json"))])

    def steps_of(self, run):
        return [int(path.name[5:]) for path in sorted((run / "checkpoints").glob("step_*"))]

    def test_reshard_keeps_out_of_what_others_hold(self):
        run, other = self.trained("held"), self.trained("other")
        steps = run / "checkpoints"
        unfinished = steps / ".unfinished_g00000000_step_00000008"
        unfinished.mkdir()
        with open(steps / "run.lock") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self.refused(["checkpoint", "reshard", other, "--output", steps, *ONE_RANK], 3, "is in use by ")
        self.assertTrue(unfinished.exists())
        unfinished.rmdir()
        self.refused(["checkpoint", "reshard", other, "--output", steps, *ONE_RANK], 2, "is a step of another run")
        self.refused(["checkpoint", "reshard", other, "--output", run, *ONE_RANK], 2, "is a run's folder")

    def test_reshard_keeps_out_of_what_it_cannot_read(self):
        run, output = self.trained("old"), self.folder / "of_a_newer_program"
        theirs = shutil.copytree(step_folder(run, 2), output / "step_00000002")
        manifest = theirs / "manifest.json"
        manifest.write_text(manifest.read_text().replace('"major":1', '"major":2', 1))
        read_checkpoint.reseal(theirs)
        self.refused(["checkpoint", "reshard", run, "--output", output, *ONE_RANK], 2, "step_00000002/manifest.json: is of format 2.")

    def test_nothing_is_made_inside_a_step(self):
        run = self.trained("whole")
        inside = step_folder(run, 6) / "deeper"
        self.refused(["checkpoint", "reshard", run, "--output", inside, *ONE_RANK], 2, "lies in the folder of a step")
        self.refused(["checkpoint", "reshard", run, "--output", step_folder(run, 6), *ONE_RANK], 2, "lies in the folder of a step")
        self.refused(["checkpoint", "export", "--to", "hf", run, "--output", inside], 2, "")
        for key in ("checkpoint.directory", "checkpoint.local_directory"):
            command = self.command(self.folder / "new", [f"{key}={inside}"])
            self.refused(command[1:], 2, "lies in the folder of a step")
        self.refused(self.command(inside)[1:], 2, "lies in the folder of a step")
        self.assertFalse(inside.exists())

    def test_what_a_link_leads_to_is_kept(self):
        run, archive = self.trained("linked"), self.folder / "archive"
        archive.mkdir()
        kept = step_folder(run, 2).rename(archive / "step_00000002")
        step_folder(run, 2).symlink_to(kept)
        (run / "checkpoints/.unfinished_g00000000_step_00000009").symlink_to(kept)
        before = files_below(archive)
        subprocess.run([TANDEM, "checkpoint", "prune", run, "--keep", "1"], check=True, capture_output=True)
        self.assertEqual(files_below(archive), before)
        self.assertEqual(sorted(path.name for path in (run / "checkpoints").glob("*step*")), ["step_00000006"])

    def test_a_run_may_keep_its_steps_in_its_own_folder(self):
        run = self.folder / "flat"
        self.train(run, [f"checkpoint.directory={run}", "train.steps=2"])
        self.assertTrue((run / "step_00000002/manifest.json").exists())

    def test_metrics_that_are_gone_are_told(self):
        run = self.trained("no_metrics")
        (run / "metrics.jsonl").unlink()
        error = self.train(run, ["train.steps=7"])
        self.assertIn("metrics.jsonl: has the metrics of 0 of the 6 steps so far", error)

    def test_a_step_of_another_run_makes_none_superfluous(self):
        run, other = self.trained("kept"), self.trained("foreign", 8)
        shutil.copytree(step_folder(other, 8), step_folder(run, 8))
        self.refused(["checkpoint", "prune", run, "--keep", "1"], 2, "holds steps of 2 runs, so none is removed")
        self.assertEqual(self.steps_of(run), [2, 4, 6, 8])

    def test_a_step_under_another_number_is_no_step(self):
        run = self.trained("renamed")
        shutil.copytree(step_folder(run, 2), step_folder(run, 99))
        self.refused(["checkpoint", "verify", step_folder(run, 99)], 3, "is of step 2, and its folder is named as another")
        command = self.command(run, ["train.steps=8", "checkpoint.every_steps=2", "checkpoint.keep=2"])
        error = self.finish(self.start(command), 0)
        self.assertIn("step_00000099 is passed over: ", error)
        self.assertIn("resumed at step 6 ", error)
        self.assertEqual(self.steps_of(run), [6, 8])
        self.assertEqual(len(losses(run)), 8)

    def test_a_run_whose_steps_are_gone_says_so(self):
        run = self.trained("gone")
        elsewhere = [f"checkpoint.directory={self.folder}/elsewhere"]
        self.refused(self.command(run, elsewhere)[1:], 2, f"this run's checkpoints lie in {run}/checkpoints")
        shutil.rmtree(run / "checkpoints")
        error = self.finish(self.start(self.command(run, ["train.steps=2"])), 0)
        self.assertIn("this run was started before and none of its steps is there; it starts at step 0", error)


if __name__ == "__main__":
    training.main()
