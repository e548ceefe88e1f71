#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a run may be told besides its layout: objectives, held-out data, where its steps lie, whose weights it starts from."""
import json
import signal
import subprocess
import time

import training
from training import TANDEM, TrainingTest, losses, metrics, ranks_of, tensors

LAYOUT = ["parallel.data=2", "parallel.pipeline=2"]


class Options(TrainingTest):
    def answer(self, *arguments):
        done = subprocess.run([TANDEM, *map(str, arguments), "--json"], check=True, capture_output=True, text=True)
        return json.loads(done.stdout)

    def held_out_losses(self, run):
        return [line["validation_loss"] for line in metrics(run) if line.get("validation_loss") is not None]

    def test_held_out_loss_is_that_of_one_rank(self):
        # 400 rows in micro-batches of 2: two rounds of data 2, four of one rank, the last of them not full.
        sets = ["train.precision=fp64", "train.steps=4", "train.evaluate_every=2", f"data.validation={self.data}"]
        sets.append("optimizer.epsilon=1e-4")
        self.train(self.folder / "one", sets)
        self.train(self.folder / "four", [*sets, *LAYOUT], ranks=4)
        one, four = (self.held_out_losses(self.folder / name) for name in ("one", "four"))
        self.assertEqual(len(one), 2)
        self.assert_close(one, four, 1e-12)
        self.assertLess(one[1], one[0])

    def test_a_signal_ends_a_long_evaluation(self):
        # The same data many times over: an evaluation of minutes.
        run, many = self.folder / "interrupted", json.dumps([str(self.data)] * 500)
        process = self.start(self.command(run, ["train.steps=2", "train.evaluate_every=1", f"data.validation={many}"]))
        training.await_true(lambda: (run / "logs/rank_00000.log").exists() and ranks_of(run), "start")
        time.sleep(1)  # somewhere in the evaluation after step 1, which takes far longer
        process.send_signal(signal.SIGTERM)
        error = self.finish(process, 3, seconds=30)
        self.assertRegex(error, r"error: preempted at step [01];")
        self.assertEqual(self.held_out_losses(run), [])

    def test_libraries_keep_little_and_wait_quietly_unless_told(self):
        run = self.folder / "defaults"
        process = self.start(self.command(run, ["train.steps=100000"]), LRU_CACHE_CAPACITY="99")
        training.await_true(lambda: ranks_of(run), "start")
        found = training.variables_of(next(iter(ranks_of(run))))
        names = ("GOMP_SPINCOUNT", "ONEDNN_PRIMITIVE_CACHE_CAPACITY", "LRU_CACHE_CAPACITY")
        self.assertEqual([found.get(name) for name in names], ["2000", "128", "99"])

    def test_masked_single_tokens_train(self):
        run = self.folder / "mlm"
        self.train(run, ["objective.kind=mlm", "train.steps=30", *LAYOUT], ranks=4)
        self.assertLess(sum(losses(run)[-5:]) / 5, losses(run)[0] - 0.5)

    def test_pairs_of_ids_train_resume_and_answer_without_a_tokenizer(self):
        # The target is the source; ids from 4 on, 1 ends a sequence.
        pairs, run = self.folder / "pairs.jsonl", self.folder / "pairs"
        rows = [[4 + (3 * n + k) % 9 for k in range(5)] + [1] for n in range(40)]
        pairs.write_text("".join(json.dumps({"source": row, "target": row}) + "\n" for row in rows), encoding="utf-8")
        sets = [f"data.train={pairs}", "objective.kind=seq2seq", "data.pad=0", "data.eos=1", "checkpoint.every_steps=5"]
        self.train(run, [*sets, "train.steps=10"], ranks=1)
        self.train(run, [*sets, "train.steps=20", *LAYOUT], ranks=4)
        self.assertEqual(len(losses(run)), 20)
        self.assertLess(losses(run)[-1], losses(run)[0])
        answer = self.answer("generate", "--checkpoint", run, "--source-ids", "4,5,6,1", "--max-tokens", "4")
        self.assertTrue(1 <= len(answer["ids"]) <= 4)
        score = self.answer("score", "--checkpoint", run, "--source-ids", "4,5,6,1", "--target-ids", "4,5,1")
        self.assertEqual(len(score["log_probabilities"]), 3)

    def test_text_and_pairs_train_together_and_are_told_apart(self):
        text, pairs, held_out, run = (self.folder / name for name in ("more", "task.jsonl", "held_out.jsonl", "tasks"))
        labelled = {"source": "今天老师<mask>。", "target": "<mask>散步"}
        soft = {"source": "昨天医生<mask>。", "targets": [{"target": f"<mask>{word}", "weight": n} for n, word in enumerate("写看读", 1)]}
        pairs.write_text("".join(json.dumps(line) + "\n" for line in (labelled, soft)), encoding="utf-8")
        held_out.write_text(json.dumps(soft) + "\n", encoding="utf-8")
        train = [{"path": str(self.data), "weight": 3, "name": "text"}, {"path": str(pairs), "name": "task"}]
        validation = [{"path": str(held_out), "name": "task"}, {"path": str(self.data), "name": "text"}]
        sets = [f"data.train={json.dumps(train)}", f"data.validation={json.dumps(validation)}", "train.precision=fp64",
                "train.evaluate_every=4", "checkpoint.every_steps=4", "optimizer.epsilon=1e-4", "observe.tensorboard=true"]
        self.train(run, [*sets, "train.steps=4", *LAYOUT], ranks=4)
        self.train(run, [*sets, "train.steps=8"])
        self.train(text, [*sets, "train.steps=8"])
        told, straight = ([line["sources"] for line in metrics(folder) if "sources" in line] for folder in (run, text))
        self.assertEqual([{name: figures["rows"] for name, figures in each.items()} for each in told],
                         [{"text": 24, "task": 8}, {"text": 48, "task": 16}])
        for name in ("text", "task"):
            self.assert_close(*([each[name]["validation_loss"] for each in lines] for lines in (told, straight)), 1e-12)
        self.assertEqual(training.manifest(run, 8)["data"]["samples"][1], 2)
        (events, *_) = (run / "events").iterdir()
        for tag in (b"validation/loss/text", b"validation/loss/task"):
            self.assertIn(tag, events.read_bytes())

    def test_steps_in_a_folder_of_their_own_are_found_by_the_run(self):
        run, steps = self.folder / "elsewhere", self.folder / "steps_elsewhere"
        sets = [f"checkpoint.directory={steps}", "checkpoint.every_steps=2"]
        self.train(run, [*sets, "train.steps=2"])
        self.train(run, [*sets, "train.steps=4"])
        self.assertEqual(len(losses(run)), 4)
        self.assertFalse((run / "checkpoints").exists())
        answers = [self.answer("generate", "--checkpoint", folder, "--text", "今天老师<mask>。") for folder in (run, steps)]
        self.assertEqual(*answers)

    def test_a_run_starts_from_the_weights_of_another(self):
        first, second, cold = (self.folder / name for name in ("first", "second", "cold"))
        self.train(first, ["train.steps=20"])
        still = ["optimizer.learning_rate=1e-30", "train.steps=1", "optimizer.weight_decay=0"]
        self.train(second, [*still, f"checkpoint.start_from={first}", *LAYOUT], ranks=4)
        self.train(cold, still)
        theirs, ours = tensors(first, 20), tensors(second, 1)
        self.assertEqual({name: roles["parameter"] for name, roles in theirs.items()},
                         {name: roles["parameter"] for name, roles in ours.items()})
        self.assertLess(losses(second)[0], losses(cold)[0] - 0.2)
        self.assertEqual(metrics(second)[0]["step"], 1)

    def test_a_trace_of_every_rank(self):
        run = self.folder / "traced"
        self.train(run, ["observe.trace=true", "train.steps=2", *LAYOUT], ranks=4)
        for rank in range(4):
            events = json.loads((run / f"trace/rank_{rank:05}.json").read_text(encoding="utf-8"))["traceEvents"]
            self.assertTrue({"forward", "backward"} <= {event["name"].split()[0] for event in events}, events[:3])


if __name__ == "__main__":
    training.main()
