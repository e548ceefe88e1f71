#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`tandem checkpoint` on the steps of a real run, and how a run meets damaged steps and full disks."""
import json
import re
import shutil
import subprocess

import training
from training import TANDEM, TrainingTest, full_until_told, losses, step_folder, tensors

LAYOUT = ["parallel.data=2", "parallel.pipeline=2"]


class CheckpointCommands(TrainingTest):
    def checkpoint(self, *arguments, code=0):
        done = subprocess.run([TANDEM, "checkpoint", *map(str, arguments)], capture_output=True, text=True)
        self.assertEqual(done.returncode, code, done.stderr)
        return done

    def answer(self, *arguments, code=0):
        return json.loads(self.checkpoint(*arguments, "--json", code=code).stdout)

    def trained(self, name, steps=4, sets=(), ranks=4):
        run = self.folder / name
        layout = LAYOUT if ranks == 4 else []
        self.train(run, [f"train.steps={steps}", "checkpoint.every_steps=2", *layout, *sets], ranks)
        return run

    def spoil(self, run, step, where=-5):
        """Flips a bit of a shard's payload; returns the file."""
        shard = sorted(step_folder(run, step).glob("*.safetensors"))[-1]
        content = bytearray(shard.read_bytes())
        content[where] ^= 4
        shard.write_bytes(content)
        return shard

    def test_inspect_shows_tensors_and_files(self):
        run = self.trained("inspected")
        shown = self.answer("inspect", run)
        self.assertEqual((shown["step"], shown["mesh"]), (4, {"data": 2, "tensor": 1, "pipeline": 2}))
        self.assertEqual(shown["roles"], {"parameter": "F32", "moment1": "F32", "moment2": "F32"})
        self.assertEqual(len(shown["files"]), 4)
        built = subprocess.run([TANDEM, "--version"], capture_output=True, text=True, check=True).stdout.split()[1]
        self.assertRegex(shown["code_version"], rf"\A{re.escape(built)} torch-\d+\.\d+")
        ranks = self.answer("inspect", run, "--ranks")["ranks"]
        places = [(rank["rank"], rank["data"], rank["tensor"], rank["pipeline"]) for rank in ranks]
        self.assertEqual(places, [(0, 0, 0, 0), (1, 1, 0, 0), (2, 0, 0, 1), (3, 1, 0, 1)])
        held = sum(file["elements"] for file in shown["files"])
        self.assertEqual(held, shown["parameters"])
        self.assertEqual(held, sum(tensor["elements"] for tensor in shown["tensors"]))
        text = self.checkpoint("inspect", step_folder(run, 2)).stdout
        self.assertIn("encoder.layer.0.attention.query_key_value", text)
        self.assertIn("g00000000_w00003_p000.safetensors", text)

    def test_verify_finds_a_flipped_bit_and_names_it(self):
        run = self.trained("verified")
        good = self.answer("verify", run)
        self.assertEqual((good["good"], good["step"], good["files"], good["damages"]), (True, 4, 4, []))
        shard = self.spoil(run, 4)
        bad = self.checkpoint("verify", run, "--json", code=3)
        damages = json.loads(bad.stdout)["damages"]
        self.assertEqual(len(damages), 1)
        self.assertRegex(damages[0], rf"{shard}: bytes \d+ to \d+ are damaged .*moment2 of ")
        self.assertRegex(bad.stderr, r"(?m)^error: .*: is damaged in 1 place: ")
        self.assertTrue(self.answer("verify", step_folder(run, 2))["good"])

    def test_diff_tells_equal_from_different(self):
        one, four = self.trained("one", ranks=1), self.trained("four")
        self.assertTrue(self.answer("diff", four, step_folder(four, 4))["equal"])
        steps = self.answer("diff", step_folder(four, 2), step_folder(four, 4))
        self.assertFalse(steps["equal"])
        by_name = {tensor["name"]: tensor["max_abs_difference"] for tensor in steps["tensors"]}
        self.assertGreater(by_name["embedding"], 0)
        layouts = self.answer("diff", one, four)
        self.assertLess(max(tensor["max_abs_difference"] for tensor in layouts["tensors"]), 1e-3)
        self.assertIn("different", self.checkpoint("diff", step_folder(four, 2), four).stdout)

    def test_reshard_keeps_every_value_and_can_be_resumed(self):
        run, made = self.trained("resharded"), self.folder / "made"
        plan = self.answer("reshard", run, "--data", 1, "--tensor", 2, "--pipeline", 1, "--plan")
        self.assertEqual(plan["ranks"], 2)
        self.assertGreaterEqual(plan["read_over_stored"], 0.9)
        answer = self.answer(
            "reshard", run, "--output", made, "--data", 2, "--tensor", 2, "--pipeline", 2, "--placement", "folded"
        )
        self.assertTrue(self.answer("diff", run, made)["equal"])
        self.assertTrue(self.answer("verify", answer["step"])["good"])
        self.assertTrue((made / "tokenizer.model").exists())
        straight = self.folder / "straight"
        shutil.copytree(run, straight)
        shutil.rmtree(step_folder(run, 4))
        shutil.copytree(answer["step"], step_folder(run, 4))
        for folder in (run, straight):
            self.trained(folder.name, steps=6)
        self.assertEqual(losses(run), losses(straight))
        refused = self.checkpoint("reshard", run, "--data", 1, "--tensor", 1, "--pipeline", 99, "--plan", code=2)
        self.assertRegex(refused.stderr, r"^error: .*layer")

    def test_files_of_2048_ranks_become_those_of_128_and_of_one(self):
        deep = {"encoder_layers": 16, "decoder_layers": 16, "hidden": 16, "heads": 8, "head_dim": 2, "feed_forward": 16}
        run = self.folder / "deep"
        self.train(run, ["train.steps=1", "train.global_batch=4", *(f"model.{key}={size}" for key, size in deep.items())])
        source, layouts = run, {2048: (16, 8, 16), 1024: (8, 8, 16), 128: (1, 8, 16), 1: (1, 1, 1)}
        for ranks, (data, tensor, pipeline) in layouts.items():
            made = self.folder / f"ranks_{ranks}"
            sizes = ["--data", data, "--tensor", tensor, "--pipeline", pipeline]
            self.assertEqual(self.answer("reshard", source, "--output", made, *sizes)["ranks"], ranks)
            self.assertTrue(self.answer("verify", made)["good"])
            source = made
        # Through all of them, the files of one rank are what they were, byte for byte.
        (before,), (after,) = (sorted(folder.rglob("g*.safetensors")) for folder in (run, source))
        self.assertEqual(before.read_bytes(), after.read_bytes())

    def test_the_plan_for_2048_ranks_is_made_on_paper(self):
        config = ["--config", training.SOURCE / "configs/pangu_beta_100b.json", "--plan"]
        for before, sizes in ((16, (1, 8, 16)), (8, (16, 8, 16))):
            data, tensor, pipeline = sizes
            plan = self.answer(
                "reshard", *config, "--set", f"parallel.data={before}",
                "--data", data, "--tensor", tensor, "--pipeline", pipeline,
            )
            self.assertEqual(plan["ranks"], data * tensor * pipeline)
            self.assertAlmostEqual(plan["stored_bytes"] / 12, 99_583_148_032, delta=1e7)
            self.assertLess(plan["read_over_stored"], 1.2)

    def test_prune_keeps_what_the_rules_keep(self):
        run = self.trained("pruned", steps=8, sets=["checkpoint.keep=0"])
        done = self.answer("prune", run, "--keep", 1, "--every", 4)
        self.assertEqual(len(done["removed"]), 2)
        left = sorted(path.name for path in (run / "checkpoints").glob("step_*"))
        self.assertEqual(left, ["step_00000004", "step_00000008"])
        hidden = [run / "checkpoints" / name for name in (".unfinished_g00000000_step_00000010", ".removed_step_00000002")]
        for folder in hidden:
            shutil.copytree(step_folder(run, 4), folder)
        self.answer("prune", run, "--keep", 2)
        self.assertFalse([folder for folder in hidden if folder.exists()])
        torn = shutil.copytree(step_folder(run, 8), step_folder(run, 8).with_name("step_00000009"))
        (torn / "manifest.json").write_text("{}")
        self.assertIn("step_00000009", self.checkpoint("prune", run, "--keep", 2).stderr)
        shutil.rmtree(torn)
        self.spoil(run, 8)
        refused = self.checkpoint("prune", run, "--keep", 1, code=3)
        self.assertIn("nothing is removed", refused.stderr)
        self.assertTrue(step_folder(run, 4).exists())

    def test_a_damaged_newest_step_is_passed_over_or_stops_the_run(self):
        run = self.trained("damaged", steps=4)
        expected = self.folder / "undamaged"
        self.train(expected, ["train.steps=6", "checkpoint.every_steps=2", *LAYOUT], 4)
        shard = self.spoil(run, 4)
        stopped = self.finish(self.launch(run, 4, ["train.steps=6", "checkpoint.on_corrupt=stop", *LAYOUT]), 3)
        self.assertIn(shard.name, stopped)
        error = self.finish(self.launch(run, 4, ["train.steps=6", "checkpoint.every_steps=2", *LAYOUT]), 0)
        self.assertRegex(error, r"step_00000004 is passed over: rank \d: .* are damaged")
        self.assertEqual(tensors(run, 6), tensors(expected, 6))
        self.assertEqual(losses(run), losses(expected))
        generated = subprocess.run(
            [TANDEM, "generate", "--checkpoint", run, "--source-ids", "5,6,1", "--max-tokens", "2", "--json"],
            capture_output=True, text=True, check=True,
        )
        self.assertTrue(json.loads(generated.stdout)["ids"])

    def test_a_start_from_a_run_passes_over_damage_and_one_from_a_step_stops(self):
        source = self.trained("source", ranks=1)
        self.damage_weights(source, 4)
        keys = ["train.steps=1", f"checkpoint.start_from={source}"]
        error = self.train(self.folder / "started", keys)
        self.assertRegex(error, r"step_00000004 is passed over: .*are damaged")
        self.assertRegex(error, r"started from the weights of .*step_00000002")
        for run, stop in (("named", f"checkpoint.start_from={step_folder(source, 4)}"), ("strict", "checkpoint.on_corrupt=stop")):
            stopped = self.finish(self.start(self.command(self.folder / run, [*keys, stop])), 3)
            self.assertRegex(stopped, r"(?m)^error: .*step_00000004.*are damaged")
        self.damage_weights(source, 2)
        none = self.finish(self.start(self.command(self.folder / "none", keys)), 3)
        self.assertRegex(none, r"(?m)^error: .*source: none of its steps is whole; the newest: ")

    def damage_weights(self, run, step):
        """Flips a bit of the first weight, which every load reads."""
        shard = sorted(step_folder(run, step).glob("*.safetensors"))[0]
        content = bytearray(shard.read_bytes())
        content[8 + int.from_bytes(content[:8], "little") + 64] ^= 4
        shard.write_bytes(content)

    def test_a_full_disk_is_told_and_training_goes_on(self):
        disk, run = self.folder / "disk", self.folder / "full"
        disk.mkdir()
        keys = ["train.steps=8", "checkpoint.every_steps=2", f"checkpoint.directory={disk}", "checkpoint.async=false"]
        command = [TANDEM, "launch", "--ranks", "4", "--", *self.command(run, [*keys, *LAYOUT])]
        # The first save finds the disk full; then there is room.
        script = full_until_told(disk, run, size="4m", ballast=3800000)
        error = self.run_with_mounts(script, command, 0)
        self.assertRegex(error, r"step 2 is not saved, rank \d: .*No space left on device; 1 in a row")
        self.assertRegex(error, r"saved step 8 ")
        self.assertRegex(error, r"left: run.lock step_00000006 step_00000008 tokenizer.model")
        self.assertEqual(len(losses(run)), 8)

    def test_saves_that_fail_again_and_again_end_the_run(self):
        disk, run = self.folder / "small", self.folder / "ended"
        disk.mkdir()
        keys = ["train.steps=50", "checkpoint.every_steps=2", f"checkpoint.directory={disk}", "checkpoint.max_failures=2"]
        command = [TANDEM, "launch", "--ranks", "4", "--", *self.command(run, [*keys, *LAYOUT])]
        script = f'mount -t tmpfs -o size=200k tmpfs {disk} && exec "$@"'
        error = self.run_with_mounts(script, command, 3)
        self.assertIn("2 saves in a row failed, the last: step", error)
        self.assertLess(len(losses(run)), 50)


if __name__ == "__main__":
    training.main()
