#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What the user can get wrong, and the surroundings: one line `error: …`, its exit code, and no file made or changed."""
import json
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import time
import unittest

import training
from training import TrainingTest, files_below, free_port, invented_text, losses, metrics, ranks_of

IDX_HEADER_BYTES = 34  # magic 9, version 8, element type 1, two counts of 8


class BadInput(TrainingTest):
    def refused(self, code, *wanted, sets=(), prefix=(), run=None, **variables):
        """Trains, and expects this end, these words in the one line, and no new file; returns that line."""
        before = files_below(self.folder)
        command = [*prefix, *self.command(run or self.folder / "run", sets)]
        error = self.finish(self.start(command, **variables), code)
        self.assertRegex(error, r"\Aerror: [^\n]*\n\Z")
        for words in wanted:
            self.assertIn(words, error)
        self.assertEqual(files_below(self.folder), before)
        self.assertFalse((self.folder / "run").exists())
        return error

    def copy_of_data(self, name):
        for suffix in (".bin", ".idx", ".json", ".tokenizer.model"):
            shutil.copy(f"{self.data}{suffix}", f"{self.folder / name}{suffix}")
        return self.folder / name

    def test_unknown_key(self):
        self.refused(2, "modle.hidden: unknown key", "nearest is model.hidden", sets=["modle.hidden=32"])

    def test_key_of_a_later_version(self):
        self.refused(2, "parallel.placement", "not available yet", sets=["parallel.placement=folded"])

    def test_wrong_type(self):
        self.refused(2, "model.hidden: expected an integer, got", sets=['model.hidden="wide"'])

    def test_several_problems_at_once(self):
        sets = ["train.stepz=3", "model.hidden=true", "parallel.tensor=3", "parallel.schedule=2f2b"]
        self.refused(2, "train.stepz", "model.hidden", "model.heads 4", "model.feed_forward 64", "2f2b", sets=sets)

    def test_ranks_other_than_data_x_tensor_x_pipeline(self):
        sets = ["parallel.data=2", "parallel.tensor=2"]
        self.refused(2, "1 rank(s)", "parallel.data 2 x parallel.tensor 2 x parallel.pipeline 1 = 4", sets=sets)

    def test_ranks_of_a_launch_other_than_the_layout(self):
        run = self.folder / "run"
        error = self.finish(self.launch(run, 2, ["parallel.data=4"]), 2)
        self.assertRegex(error, r"(?m)^\[rank [01]\] error: 2 rank\(s\), but parallel.data 4 ")
        self.assertFalse(run.exists())

    def test_heads_not_divisible_by_tensor(self):
        self.refused(2, "model.heads 4 is not divisible by parallel.tensor 8", sets=["parallel.tensor=8"])

    def test_feed_forward_not_divisible_by_tensor(self):
        sets = ["parallel.tensor=2", "model.feed_forward=63"]
        self.refused(2, "model.feed_forward 63 is not divisible by parallel.tensor 2", sets=sets)

    def test_more_stages_than_layers(self):
        self.refused(2, "parallel.pipeline 5 is more stages than layers", sets=["parallel.pipeline=5"])

    def test_global_batch_not_divisible(self):
        sets = ["parallel.data=2", "train.global_batch=10"]
        self.refused(2, "train.global_batch 10 is not divisible by parallel.data 2 x train.micro_batch 2", sets=sets)

    def test_missing_data(self):
        self.refused(2, "nowhere.bin does not exist", sets=[f"data.train={self.folder}/nowhere"])

    def test_missing_held_out_data(self):
        self.refused(2, "nowhere.bin does not exist", sets=[f"data.validation={self.folder}/nowhere"])

    def test_empty_files_of_data(self):
        data = self.copy_of_data("empty")
        data.with_suffix(".bin").write_bytes(b"")
        data.with_suffix(".idx").write_bytes(b"")
        self.refused(2, "empty.idx is empty", sets=[f"data.train={data}"])

    def test_data_without_documents(self):
        data = self.copy_of_data("hollow")
        header = data.with_suffix(".idx").read_bytes()[:18]
        data.with_suffix(".bin").write_bytes(b"")
        data.with_suffix(".idx").write_bytes(header + struct.pack("<QQq", 0, 1, 0))
        self.refused(2, "hollow", sets=[f"data.train={data}"])

    def test_truncated_tokens(self):
        data = self.copy_of_data("short")
        os.truncate(data.with_suffix(".bin"), 1000)
        self.refused(2, "short.bin has 1000 bytes", "truncated", sets=[f"data.train={data}"])

    def test_truncated_index(self):
        data = self.copy_of_data("short_index")
        for length in (5, IDX_HEADER_BYTES, 1000):
            os.truncate(data.with_suffix(".idx"), 0)
            data.with_suffix(".idx").write_bytes(self.data.with_suffix(".idx").read_bytes()[:length])
            self.refused(2, "short_index.idx", sets=[f"data.train={data}"])

    def test_foreign_data(self):
        data = self.copy_of_data("foreign")
        data.with_suffix(".idx").write_bytes(b"PK\x03\x04" + bytes(1000))
        self.refused(2, "foreign.idx is no Megatron index", sets=[f"data.train={data}"])

    def test_token_outside_the_vocabulary(self):
        data = self.copy_of_data("outside")
        with open(data.with_suffix(".bin"), "r+b") as file:
            file.seek(-4, os.SEEK_END)
            file.write(struct.pack("<H", 512))
        self.refused(2, "outside.bin: document 399 holds token id 512, outside", sets=[f"data.train={data}"])

    def test_vocabulary_smaller_than_the_tokenizer(self):
        self.refused(2, "model.vocabulary is 500, but the data's tokenizer has 512", sets=["model.vocabulary=500"])

    def test_run_folder_below_a_file(self):
        (self.folder / "file").touch()
        run = self.folder / "file/run"
        self.refused(2, f"{run}: cannot be the run's folder: Not a directory", run=run)

    @unittest.skipUnless(os.geteuid() == 0, "mounting needs root")
    def test_run_folder_on_a_read_only_disk(self):
        disk = self.folder / "disk"
        disk.mkdir()
        mount = ["unshare", "--mount", "sh", "-c", f'mount -t tmpfs -o ro none {disk} && exec "$@"', "sh"]
        if subprocess.run([*mount, "true"], capture_output=True).returncode != 0:
            self.skipTest("this system does not let us mount")
        self.refused(3, f"{disk}/run: cannot be the run's folder: Read-only file system", run=disk / "run", prefix=mount)

    def test_configuration_that_differs_from_the_checkpoints(self):
        run = self.folder / "trained"
        self.train(run, ["train.steps=1"])
        sets = ["train.steps=2", "model.dropout=0.2", "data.source_length=60", "train.seed=2"]
        wanted = ["model.dropout is 0.2 here and 0.1 there", "data.source_length is 60", "train.seed is 2 here"]
        self.refused(2, "trained", *wanted, sets=sets, run=run)
        start = [f"checkpoint.start_from={run}", "model.hidden=64"]
        self.refused(2, "trained", "weights of another model: model.hidden is 64 here and 32 there", sets=start)
        start = [f"checkpoint.start_from={run}", "model.heads=2", "model.head_dim=16", "model.dropout=0.2"]
        refused = self.refused(2, "model.head_dim is 16 here and 8 there; model.heads is 2 here and 4 there", sets=start)
        self.assertNotIn("dropout", refused)
        self.refused(2, "nowhere", sets=[f"checkpoint.start_from={self.folder}/nowhere"])
        self.train(run, ["train.steps=2"])
        self.assertEqual(len(losses(run)), 2)

    def test_a_second_run_in_a_folder_in_use(self):
        run = self.folder / "used"
        first = self.start(self.command(run, ["train.steps=100000"]))
        self.await_step(first, run, 1)
        os.kill(first.pid, signal.SIGSTOP)  # so that only the second could change the folder
        self.refused(3, f"used: is in use by process {first.pid} on", sets=["train.steps=100000"], run=run)
        os.kill(first.pid, signal.SIGCONT)
        first.send_signal(signal.SIGTERM)
        error = self.finish(first, 3)
        self.assertIn(f"error: preempted at step {len(metrics(run))}", error)

    def test_checkpoints_of_another_run(self):
        owner, steps = self.folder / "owner", [f"checkpoint.directory={self.folder}/shared_steps", "train.steps=1"]
        self.train(owner, steps)
        self.refused(2, "shared_steps/step_00000001: was saved by another run", "checkpoint.start_from", sets=steps)

    def test_a_run_whose_record_was_lost(self):
        run = self.folder / "lost"
        self.train(run, ["train.steps=1"])
        record = (run / "run.json").read_text()
        (run / "run.json").unlink()
        wanted = ["lost/run.json is missing", json.loads(record)["run_id"], "checkpoint.start_from"]
        error = self.refused(2, *wanted, sets=["train.steps=2"], run=run)
        (run / "run.json").write_text(re.search(r"{.*}", error)[0])
        self.train(run, ["train.steps=2"])
        self.assertEqual(len(losses(run)), 2)

    def test_checkpoints_that_another_run_is_saving_to(self):
        shared = [f"checkpoint.directory={self.folder}/busy_steps", "train.steps=100000", "checkpoint.every_steps=0"]
        first = self.start(self.command(self.folder / "busy", shared))
        self.await_step(first, self.folder / "busy", 1)
        error = self.finish(self.start(self.command(self.folder / "late", shared)), 3)
        self.assertIn(f"busy_steps: is in use by process {first.pid} on", error)
        self.assertIn("choose another checkpoint.directory", error)
        self.assertFalse((self.folder / "late").exists())
        first.send_signal(signal.SIGTERM)
        self.finish(first, 3)

    def other_tokenizer(self):
        """Returns the data encoded by a tokenizer of the same size that was trained on other text."""
        text, model, data = (self.folder / name for name in ("other.txt", "other.model", "other"))
        text.write_text(invented_text(400).translate(str.maketrans("老今在，", "你很好吗")), encoding="utf-8")
        for command in (
            ["tokenizer", "--input", text, "--vocabulary", "512", "--output", model],
            ["encode", "--tokenizer", model, "--input", text, "--output", data],
        ):
            subprocess.run([training.TANDEM, "data", *map(str, command)], check=True, capture_output=True)
        return data

    def test_data_of_another_tokenizer(self):
        data, run = self.other_tokenizer(), self.folder / "first_tokenizer"
        wanted = ["data.validation is encoded with another tokenizer than data.train", f"({data} and {self.data})"]
        self.refused(2, *wanted, sets=[f"data.validation={data}"])
        mixed = f'data.train=["{self.data}", "{data}"]'
        self.refused(2, f"{self.data} and {data} were encoded with different tokenizers", sets=[mixed])
        self.train(run, ["train.steps=1"])
        sets = [f"data.train={data}", "train.steps=2"]
        self.refused(2, "first_tokenizer", "the data are not those of the checkpoint", sets=sets, run=run)

    def test_data_that_have_grown(self):
        text, data, run = self.folder / "grown.txt", self.folder / "grown", self.folder / "before_it_grew"
        text.write_text(invented_text(500), encoding="utf-8")
        model = f"{self.data}.tokenizer.model"
        subprocess.run([training.TANDEM, "data", "encode", "--tokenizer", model, "--input", text, "--output", data], check=True)
        self.train(run, ["train.steps=1"])
        there = training.manifest(run, 1)["data"]["samples"]
        wanted = [f"samples here and {there[0]} there, so their order would be another", "checkpoint.start_from"]
        self.refused(2, "before_it_grew", *wanted, sets=[f"data.train={data}", "train.steps=2"], run=run)

    def test_pairs_that_are_documents(self):
        documents = self.folder / "documents.jsonl"
        documents.write_text('{"text": "今天"}\n', encoding="utf-8")
        sets = [f'data.train=["{self.data}", "{documents}"]']
        self.refused(2, "documents.jsonl:1 is a document, no pair; encode the file", sets=sets)

    def test_keys_without_effect_on_the_objective(self):
        sets = ["objective.kind=mlm", "objective.mean_span_length=5", "objective.mask_fraction=0.6"]
        wanted = ["mean_span_length has no effect with objective.kind mlm", "mask_fraction 0.6 is too much"]
        self.refused(2, *wanted, sets=sets)

    def test_ranks_with_different_configurations(self):
        port, run = str(free_port()), self.folder / "run"
        ranks = []
        for rank, rate in enumerate(["0.001", "0.002"]):
            variables = {"RANK": str(rank), "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
            sets = ["parallel.data=2", f"optimizer.learning_rate={rate}"]
            ranks.append(self.start(self.command(run, sets), **variables))
        for process in ranks:
            self.assertIn("error: rank 1: another configuration or other data", self.finish(process, 2))
        self.assertFalse(run.exists())

    def test_port_in_use(self):
        with socket.socket() as other:
            other.bind(("127.0.0.1", 0))
            other.listen()
            port = other.getsockname()[1]
            variables = {"RANK": "0", "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
            self.refused(3, f"port {port} of 127.0.0.1 is in use", sets=["parallel.data=2"], **variables)

    def test_a_rank_that_does_not_come_within_the_deadline(self):
        for rank in ("0", "1"):
            variables = {"RANK": rank, "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port())}
            begin = time.monotonic()
            sets = ["parallel.data=2", "parallel.join_seconds=2"]
            self.refused(3, f"rank {rank} of 2 could not join", "within 2 s", sets=sets, **variables)
            self.assertGreater(time.monotonic() - begin, 2)

    def test_something_else_listens_where_the_ranks_meet(self):
        with socket.socket() as other:
            other.bind(("127.0.0.1", 0))
            other.listen()
            port = str(other.getsockname()[1])
            variables = {"RANK": "1", "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
            begin = time.monotonic()
            self.refused(3, "could not join", sets=["parallel.data=2", "parallel.join_seconds=2"], **variables)
            self.assertLess(time.monotonic() - begin, 20)

    def test_data_that_is_cut_short_while_a_run_reads_it(self):
        data, run = self.copy_of_data("cut"), self.folder / "cut_run"
        process = self.start(self.command(run, [f"data.train={data}", "train.steps=100000"]))
        self.await_step(process, run, 1)
        os.truncate(data.with_suffix(".bin"), 0)
        self.assertRegex(self.finish(process, 3), r"error: \S+/cut.bin was cut short[^\n]*\n\Z")

    def test_special_ids_that_collide(self):
        self.refused(2, "data.pad and data.eos are both", sets=["data.pad=1", "data.eos=1"])
        sets = ["data.eos=31", "data.first_sentinel=31", "data.sentinel_count=8"]
        self.refused(2, "data.eos is 31, one of the sentinels", sets=sets)

    def test_pairs_that_cannot_be_learned(self):
        pairs, deep = self.folder / "pairs.jsonl", "[" * 100000 + "]" * 100000
        sets = [f"data.train={pairs}", "objective.kind=seq2seq"]
        for line, words in {'{"source": [5, 6], "target": []}': "no pair has a target token",
                            f'{{"source": {deep}, "target": [5]}}': "pairs.jsonl:1: nested deeper than 64",
                            '{"source": [5], "source": [6], "target": [5]}': "twice in one group"}.items():
            pairs.write_text(line + "\n", encoding="utf-8")
            before = files_below(self.folder)
            error = self.finish(self.start(self.command(self.folder / "run", sets)), 2)
            self.assertIn(words, error)
            self.assertEqual(files_below(self.folder), before)
        self.refused(2, "model.hidden: expected an integer", sets=[f"model.hidden={deep[:60000]}{deep[-60000:]}"])

    def test_a_rank_that_stops_answering(self):
        run = self.folder / "silent"
        sets = ["parallel.pipeline=2", "train.steps=100000", "parallel.collective_seconds=2"]
        process = self.launch(run, 2, sets)
        self.await_step(process, run, 3)
        (silent,) = [pid for pid, rank in ranks_of(run).items() if rank == 1]
        os.kill(silent, signal.SIGSTOP)
        begin = time.monotonic()
        error = self.finish(process, 3)
        self.assertLess(time.monotonic() - begin, 10)
        self.assertRegex(error, r"(?m)^\[rank 0\] error: .*Timed out waiting 2000ms")
        self.assertEqual(ranks_of(run), {})


if __name__ == "__main__":
    training.main()
