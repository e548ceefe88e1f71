#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Steps saved on the nodes' own disks first, then copied: which of the two copies a run comes back from, and what a bad one does to it."""
import json
import os
import re
import shutil
import signal
import subprocess

import training
from training import HERE, TANDEM, TrainingTest, full_until_told, losses, manifest, ranks_of, step_folder, tensors

STEPS = 60
LAYOUT = ("parallel.data=2", "parallel.pipeline=2", f"train.steps={STEPS}", "checkpoint.every_steps=10", "checkpoint.keep=3")
NODES = (
    'exec "$0" launch --ranks 2 --nodes 2 --node-rank $NODE_RANK --rendezvous $NODE0_ADDRESS:29500 --interface $INTERFACE -- "$@" '
    "--set=checkpoint.local_directory=$LOCAL$NODE_RANK"
)


def steps_in(folder):
    return sorted(int(path.name[5:]) for path in folder.glob("step_*"))


class Tiers(TrainingTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.straight = cls.train_undisturbed(LAYOUT, ranks=4)

    def folders(self, name):
        run, local = self.folder / name, self.folder / f"{name}_local"
        return run, local, (*LAYOUT, f"checkpoint.local_directory={local}")

    def stopped(self, name, after, *sets):
        """Trains until a step is saved on the local disk, then ends all ranks at once, wherever the copy is."""
        run, local, keys = self.folders(name)
        process = self.launch(run, 4, [*keys, *sets])
        training.await_true(lambda: process.poll() is not None or (local / f"step_{after:08}").exists(), f"step {after}")
        for pid in ranks_of(run):
            os.kill(pid, signal.SIGKILL)
        process.communicate()
        return run, local, keys

    def assert_as_straight(self, run):
        self.assertEqual(losses(run), losses(self.straight))
        self.assertEqual(tensors(run, STEPS), tensors(self.straight, STEPS))

    def go_on(self, run, keys, ranks=4):
        error = self.finish(self.launch(run, ranks, keys), 0)
        self.assert_as_straight(run)
        return error

    def test_both_have_the_same_bytes_and_the_newest_stay_near(self):
        run, local, keys = self.folders("undisturbed")
        error = self.finish(self.launch(run, 4, keys), 0)
        self.assert_as_straight(run)
        self.assertIn(f"saved step {STEPS} to {local}/step_{STEPS:08}", error)
        self.assertIn(f"copied step {STEPS} to {step_folder(run, STEPS)}", error)
        self.assertEqual(len(training.files_below(local / f"step_{STEPS:08}")), 5)
        self.assertEqual(
            sorted(training.files_below(local / f"step_{STEPS:08}").values()),
            sorted(training.files_below(step_folder(run, STEPS)).values()),
        )
        self.assertIn(STEPS, steps_in(local))
        self.assertLessEqual(len(steps_in(local)), 3)
        # Local or not is no fact of a step.
        self.assertEqual(manifest(run, STEPS)["config_hash"], manifest(self.straight, STEPS)["config_hash"])
        for folder in (local, run):
            subprocess.run([TANDEM, "checkpoint", "verify", folder], check=True, capture_output=True)

    def test_killed_ranks_come_back_by_themselves(self):
        run, local, keys = self.folders("killed")
        process = self.launch(run, 4, keys, ["--max-restarts=5"])
        for after in (12, 31, 47):
            self.await_step(process, run, after)
            os.kill(next(pid for pid, rank in ranks_of(run).items() if rank == after % 4), signal.SIGKILL)
        error = self.finish(process, 0)
        self.assertRegex(error, rf"resumed at step \d+ from {local}")
        self.assert_as_straight(run)
        temporary = [path for path in (*run.rglob("*"), *local.rglob("*")) if re.search(r"^\.unfinished_|^\.removed_|\.tmp$", path.name)]
        self.assertEqual(temporary, [])

    def test_a_step_that_is_only_local_is_resumed_and_its_copy_made(self):
        run, local, keys = self.stopped("only_local", 20)
        shutil.rmtree(run / "checkpoints")
        newest = steps_in(local)[-1]
        error = self.go_on(run, [*keys, "checkpoint.keep=0"])
        self.assertIn(f"resumed at step {newest} from {local}/step_{newest:08}\n", error.replace("[rank 0] ", ""))
        self.assertIn(f"copied step {newest} to ", error)
        self.assertIn(newest, steps_in(run / "checkpoints"))

    def test_a_step_that_is_only_local_is_read_by_another_layout(self):
        run, local, keys = self.stopped("other_layout", 20)
        shutil.rmtree(run / "checkpoints")
        newest = steps_in(local)[-1]
        keys = [*keys, "parallel.data=1", "parallel.pipeline=2"]
        error = self.finish(self.launch(run, 2, keys), 0)
        self.assertIn(f"resumed at step {newest} from {local}/", error)
        self.assertEqual(len(losses(run)), STEPS)
        self.assert_close(losses(run), losses(self.straight), 1e-3)

    def test_a_finished_run_waits_for_the_copy_of_its_last_step(self):
        run, local, keys = self.folders("last")
        self.finish(self.launch(run, 4, keys), 0)
        # However the folder is written.
        for folder in (local, f"{local}/", f"{local.parent}/./{local.name}//"):
            shutil.rmtree(step_folder(run, STEPS))
            error = self.finish(self.launch(run, 4, [*keys, f"checkpoint.local_directory={folder}"]), 0)
            self.assertIn("nothing to do", error)
            self.assertIn(f"copied step {STEPS} to ", error)
            self.assert_as_straight(run)

    def test_the_best_step_is_copied_though_a_start_came_between(self):
        run, local, keys = self.folders("best")
        keys = [*keys, "checkpoint.keep=1", "checkpoint.keep_best=1", "optimizer.decay=none"]
        # The only one that is evaluated.
        self.finish(self.launch(run, 4, [*keys, "train.steps=10", f"data.validation={self.data}"]), 0)
        best, kept = local / "step_00000010", local.with_name("best_kept")
        shutil.copytree(best, kept)
        self.finish(self.launch(run, 4, [*keys, "train.steps=30"]), 0)
        # As if no copy had been made and the local steps had waited.
        shutil.rmtree(run / "checkpoints")
        kept.rename(best)
        error = self.finish(self.launch(run, 4, [*keys, "train.steps=30"]), 0)
        self.assertIn("copied step 30 to ", error)
        self.assertIn("copied step 10 to ", error)
        self.assertEqual(steps_in(run / "checkpoints"), [10, 30])

    def test_of_two_steps_of_one_number_the_shared_one_stays(self):
        run, local, keys = self.folders("one_number")
        keys = [*keys, "train.steps=20", "optimizer.decay=none"]
        self.finish(self.launch(run, 4, keys), 0)
        first = local / "step_00000020"
        kept = local.with_name("one_number_kept")
        first.rename(kept)
        shutil.rmtree(step_folder(run, 20))
        self.finish(self.launch(run, 4, keys), 0)  # saved once more, by another start
        shutil.rmtree(first)
        kept.rename(first)
        error = self.finish(self.launch(run, 4, keys), 0)
        self.assertIn(f"resumed at step 20 from {step_folder(run, 20)}\n", error)
        self.assertIn(f"{local}/void_step_00000020_0: put aside", error)
        self.assertNotIn("is not copied", error)

    def test_a_step_that_a_later_start_left_behind_is_passed_over(self):
        run, local, _ = self.folders("left_behind")
        alone = ["checkpoint.every_steps=2", "checkpoint.keep=0", "optimizer.decay=none"]
        near = [*alone, f"checkpoint.local_directory={local}"]
        self.train(run, [*near, "train.steps=4"])
        away = local.rename(local.with_name("left_behind_away"))
        shutil.rmtree(step_folder(run, 4))
        self.train(run, [*alone, "train.steps=3"])
        away.rename(local)
        error = self.train(run, [*near, "train.steps=6"])
        self.assertRegex(error, r"step_00000004 is passed over: a later start of this run went on")
        self.assertIn("resumed at step 3 ", error)
        self.assertEqual(len(losses(run)), 6)
        self.assertTrue((local / "void_step_00000004_0").exists())

    def test_a_node_that_dies_while_the_last_step_is_copied_ends_the_run(self):
        run, local, _ = self.folders("dies")
        command = self.command(run, ["parallel.data=2", "train.steps=2", f"checkpoint.local_directory={local}", "observe.log_every=1"])
        hidden = run / "checkpoints/.unfinished_g00000000_step_00000002"
        slow = self.slow_fsync(hidden / "g00000000_w00000_p000.safetensors", seconds=5)
        port = str(training.free_port())
        ranks = [
            self.start([*prefix, *command], RANK=str(rank), LOCAL_RANK=str(rank), WORLD_SIZE="2", LOCAL_WORLD_SIZE="2",
                       MASTER_ADDR="127.0.0.1", MASTER_PORT=port)
            for rank, prefix in enumerate((slow, []))
        ]
        training.await_true(lambda: ranks[0].poll() is not None or hidden.exists(), "the copy")
        ranks[1].kill()
        error = self.finish(ranks[0], 3, 30)
        self.assertIn("a peer ended or the network broke", error)

    def test_a_wiped_local_disk_is_no_error(self):
        run, local, keys = self.stopped("wiped", 30)
        shutil.rmtree(local)
        newest = steps_in(run / "checkpoints")[-1]
        error = self.go_on(run, keys)
        self.assertIn(f"resumed at step {newest} from {step_folder(run, newest)}", error)

    def test_each_file_is_read_from_its_good_copy(self):
        run, local, keys = self.folders("flipped")
        self.finish(self.launch(run, 4, [*keys, "train.steps=40", "optimizer.decay=none"]), 0)
        names = sorted(path.name for path in step_folder(run, 40).glob("*.safetensors"))
        flip(local / "step_00000040" / names[1])
        flip(step_folder(run, 40) / names[2])
        keys = [*keys, "train.steps=45", "optimizer.decay=none"]
        error = self.finish(self.launch(run, 4, keys), 0)
        self.assertIn("resumed at step 40 from ", error)
        self.assertRegex(error, rf"rank \d: {local}/step_00000040/{names[1]}: bytes \d+ to \d+ are damaged [^\n]* is read instead")
        self.assertNotIn("passed over", error)

    def test_a_step_damaged_in_both_is_passed_over(self):
        run, local, keys = self.folders("both")
        short = [*keys, "train.steps=40"]
        self.finish(self.launch(run, 4, short), 0)
        name = sorted(path.name for path in step_folder(run, 40).glob("*.safetensors"))[0]
        flip(local / "step_00000040" / name)
        flip(step_folder(run, 40) / name)
        error = self.finish(self.launch(run, 4, short), 0)
        self.assertRegex(error, r"step_00000040 is passed over: rank \d: [^\n]*its other copy is no better")
        self.assertRegex(error, r"resumed at step 30 from ")
        for folder in (local, run / "checkpoints"):
            self.assertIn(40, steps_in(folder))
            self.assertTrue((folder / "void_step_00000040_0").exists())

    def test_a_full_disk_of_the_tier_that_stays_is_told_and_counted(self):
        run, local, keys = self.folders("full")
        disk = self.folder / "full_disk"
        disk.mkdir()
        command = [TANDEM, "launch", "--ranks", "4", "--", *self.command(run, [*keys, f"checkpoint.directory={disk}", "checkpoint.max_failures=100"])]
        script = full_until_told(disk, run, size="6m", ballast=5900000)
        error = self.run_with_mounts(script, command, 0)
        self.assertRegex(error, r"step \d+ is not copied to [^\n]*No space left on device; 1 in a row")
        self.assertRegex(error, rf"left: run.lock [^\n]*step_{STEPS:08}")
        self.assertNotRegex(error, r"left: [^\n]*\.unfinished")
        self.assertEqual(losses(run), losses(self.straight))
        # For ever: the run stops, as with saves.
        run, local, keys = self.folders("full_for_ever")
        command = [TANDEM, "launch", "--ranks", "4", "--", *self.command(run, [*keys, f"checkpoint.directory={disk}", "train.steps=5000", "checkpoint.max_failures=2"])]
        script = f'mount -t tmpfs -o size=100k tmpfs {disk} && exec "$@"'
        error = self.run_with_mounts(script, command, 3)
        self.assertIn("2 copies in a row failed, the last: ", error)
        self.assertTrue(steps_in(local))

    def test_a_copy_that_hangs_stalls_no_step(self):
        run, local, keys = self.folders("slow")
        keys = [*keys, "parallel.data=1", "parallel.pipeline=1"]
        hidden = run / "checkpoints/.unfinished_g00000000_step_00000010"
        # Only the copy's own fsync is held up, for longer than all other steps take.
        slow = self.slow_fsync(hidden / "g00000000_w00000_p000.safetensors", seconds=8)
        process = self.start([*slow, *self.command(run, keys)])
        training.await_true(lambda: process.poll() is not None or hidden.exists(), "the copy")
        self.await_step(process, run, STEPS)
        self.assertTrue(hidden.exists(), "all steps were done while the first copy hung")
        self.assertFalse(step_folder(run, 10).exists())
        error = self.finish(process, 0)
        self.assertRegex(error, r"step 20 is not copied to [^\n]*: a newer one came before its turn")
        self.assertTrue(step_folder(run, STEPS).exists())
        self.assertLessEqual(len(steps_in(local)), 3)

    def test_what_cannot_be_is_refused(self):
        run, local, keys = self.folders("refused")
        for path in (f"{run}/checkpoints", f"{run}/../{run.name}/checkpoints/", str(run)):
            error = self.finish(self.start(self.command(run, [f"checkpoint.local_directory={path}"])), 2)
            self.assertRegex(error, r"checkpoint.local_directory \S+ is (checkpoint.directory|run_directory) too")
        self.assertFalse(run.exists())
        one = ["train.steps=2", f"checkpoint.local_directory={local}"]
        self.train(run, one)
        before = training.files_below(local)
        other = self.folder / "refused_other"
        error = self.finish(self.start(self.command(other, one)), 2)
        self.assertRegex(error, rf"\Aerror: {local}: holds steps of another run, that of {run}/checkpoints; ")
        self.assertEqual(training.files_below(local), before)
        self.assertFalse(other.exists())
        fork = shutil.copytree(run, self.folder / "refused_fork")
        error = self.finish(self.start(self.command(fork, ["train.steps=4", *one[1:]])), 2)
        self.assertRegex(error, rf"\Aerror: {local}: holds steps of another run, that of {run}/checkpoints; ")
        self.assertEqual(training.files_below(local), before)

    def two_nodes(self, run, local, sets, code, seconds=100):
        command = [str(HERE / "two_nodes"), "sh", "-c", NODES, TANDEM, *self.command(run, sets)]
        process = self.start(command, LOCAL=str(local))
        error = self.finish(process, code, seconds)
        return error

    def test_two_nodes_with_disks_of_their_own(self):
        run, local = self.folder / "nodes", self.folder / "nodes_local"
        nodes = [self.folder / f"nodes_local{node}" for node in (0, 1)]
        process = self.start([str(HERE / "two_nodes"), "sh", "-c", NODES, TANDEM, *self.command(run, LAYOUT)], LOCAL=str(local))
        there = lambda: process.poll() is not None or all((node / "step_00000020").exists() for node in nodes)
        training.await_true(there, "step 20 on both nodes", 150)
        if process.returncode == 77:
            self.skipTest(process.stderr.read().strip())
        for pid in ranks_of(run):
            os.kill(pid, signal.SIGKILL)
        process.communicate()
        # The copies are gone: what is left is what each node has.
        shutil.rmtree(run / "checkpoints")
        newest = max(set(steps_in(nodes[0])) & set(steps_in(nodes[1])))
        for node in nodes:
            self.assertEqual(len(list((node / f"step_{newest:08}").glob("*.safetensors"))), 2)
        told = subprocess.run([TANDEM, "checkpoint", "inspect", nodes[1]], capture_output=True, text=True)
        self.assertEqual(told.returncode, 2, told.stderr)
        self.assertIn("holds 2 of the step's 4 files, those of one node", told.stderr)
        kept = {node: node.with_name(f"{node.name}_kept") for node in nodes}
        for node, copy in kept.items():
            shutil.copytree(node, copy)

        error = self.two_nodes(run, local, LAYOUT, 0)
        self.assertIn(f"resumed at step {newest} from ", error)
        self.assert_as_straight(run)

        # Each node has what the other one reads: disks that changed places, and another layout.
        for case, sources, sets in (("swapped", nodes[::-1], LAYOUT), ("layout", nodes, (*LAYOUT, "parallel.data=4", "parallel.pipeline=1"))):
            with self.subTest(case):
                shutil.rmtree(run / "checkpoints")
                for node, source in zip(nodes, sources):
                    shutil.rmtree(node)
                    shutil.copytree(kept[source], node)
                error = self.two_nodes(run, local, sets, 0)
                self.assertIn(f"resumed at step {newest} from ", error)
                self.assertNotIn("passed over", error)
                self.assert_close(losses(run), losses(self.straight), 1e-4)

        # Files that no node has are lost.
        shutil.rmtree(run / "checkpoints")
        for node, copy in kept.items():
            shutil.rmtree(node)
            shutil.copytree(copy, node)
        shutil.rmtree(nodes[0])
        error = self.two_nodes(run, local, LAYOUT, 3)
        self.assertRegex(error, r"none of its steps is whole; the newest: rank \d: [^\n]*within reach")


def flip(path):
    path.chmod(0o600)
    data = bytearray(path.read_bytes())
    data[-5] ^= 4
    path.write_bytes(data)


if __name__ == "__main__":
    training.main()
