#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`tandem task train`, `evaluate` and `predict` from a tiny pretrained model, on invented lines of the published forms."""
import json
import pathlib
import random
import subprocess

from training import ENVIRONMENT, TANDEM, TrainingTest, main, manifest, metrics

LABELS = {"Positive": ["心情很好", "看完一本书", "在公园里散步"], "Negative": ["修理旧机器", "一共3次", "准备晚饭"]}


def sentences(count, seed, with_labels=True):
    choice = random.Random(seed).choice
    for number in range(count):
        label = choice(list(LABELS))
        text = choice(["今天", "昨天", "明年"]) + choice(["老师", "朋友"]) + choice(LABELS[label]) + choice("。！")
        row = {"id": number, "sentence": f"{text}{number}"}
        yield {**row, "label": label} if with_labels else row


class TaskTuning(TrainingTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.base = cls.folder / "base"
        test = cls("train")
        test.train(cls.base, ["train.steps=4", "train.precision=fp64"])
        test.doCleanups()
        cls.task = cls.folder / "eprstmt"
        cls.task.mkdir()
        for name, count, seed in ("train_0", 32, 1), ("dev_0", 16, 2), ("test_public", 24, 3):
            cls.write(name, sentences(count, seed))
        cls.write("test", sentences(20, 4, with_labels=False))
        cls.write("unlabeled", sentences(12, 5, with_labels=False))

    @classmethod
    def write(cls, name, rows, folder=None):
        text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        ((folder or cls.task) / f"{name}.json").write_text(text, encoding="utf-8")

    def task_command(self, verb, *more, checkpoint=None, data=None):
        return [TANDEM, "task", verb, "--task", "eprstmt", "--data", data or self.task, "--checkpoint", checkpoint or self.base, *map(str, more)]

    def call(self, *arguments, code=0, ranks=1, **options):
        command = self.task_command(*arguments, **options)
        if ranks > 1:
            command = [TANDEM, "launch", "--ranks", str(ranks), "--", *command]
        done = subprocess.run(command, capture_output=True, text=True, env=ENVIRONMENT, timeout=200)
        self.assertEqual(done.returncode, code, done.stderr)
        return done

    def tune(self, run, *more, **options):
        return self.call("train", "--split", "0", "--output", run, "--set=train.precision=fp64",
                         "--set=observe.tensorboard=false", *more, **options)

    def evaluate(self, checkpoint, *more):
        return json.loads(self.call("evaluate", "--json", *more, checkpoint=checkpoint).stdout)

    def refusal(self, *arguments, **options):
        error = self.call(*arguments, code=2, **options).stderr
        self.assertRegex(error, r"\Aerror: [^\n]*\n\Z")
        return error

    def test_tuning_keeps_the_best_step_and_learns(self):
        run = self.folder / "tuned"
        self.tune(run, "--epochs", "80", "--set=optimizer.learning_rate=0.01")
        tuned = json.loads((run / "task.json").read_text())
        self.assertEqual(tuned["tasks"], [{"task": "eprstmt", "split": "0", "patterns": ["satisfied"]}])
        self.assertGreaterEqual(len(tuned["results"]), 8)
        best = max(tuned["results"], key=lambda result: (result["accuracy"], -result["loss"]))
        self.assertEqual(best["step"], tuned["chosen"])
        self.assertEqual([path.name for path in (run / "checkpoints").glob("step_*")], [f"step_{tuned['chosen']:08}"])
        result = self.evaluate(run, "--file", "dev_0")
        self.assertAlmostEqual(result["accuracy"], best["accuracy"], 12)
        self.assertGreater(best["accuracy"], result["majority"])
        # The same command finds the tuning done.
        before = (run / "metrics.jsonl").read_bytes()
        self.tune(run, "--epochs", "80", "--set=optimizer.learning_rate=0.01")
        self.assertEqual((run / "metrics.jsonl").read_bytes(), before)

    def test_layouts_give_the_same_predictions(self):
        meshes = {"one": [], "tensor": ["tensor=2"], "pipeline": ["pipeline=2"], "data": ["data=2"]}
        answers = {}
        for name, axes in meshes.items():
            run = self.folder / f"mesh_{name}"
            self.tune(run, "--epochs", "4", "--set=optimizer.epsilon=1e-3", "--set=optimizer.learning_rate=0.01",
                      *(f"--set=parallel.{axis}" for axis in axes), ranks=2 if axes else 1)
            output = self.folder / f"{name}.json"
            self.call("predict", "--output", output, checkpoint=run)
            answers[name] = output.read_text()
            result = self.evaluate(run)
            answers[name] += json.dumps(result["confusion"]) + str(manifest(run, json.loads((run / "task.json").read_text())["chosen"])["step"])
        self.assertEqual(len(set(answers.values())), 1, answers)

    def test_evaluate_tells_what_a_result_is_worth(self):
        result = self.evaluate(self.base)
        self.assertEqual(result["samples"], 24)
        self.assertEqual(sum(map(sum, result["confusion"])), 24)
        self.assertAlmostEqual(result["accuracy"], sum(result["confusion"][i][i] for i in range(2)) / 24, 12)
        self.assertEqual([floor["split"] for floor in result["floor"]], ["0"])
        self.assertGreater(result["floor"][0]["accuracy"], 0.9)
        self.assertIn("PET, RoBERTa-wwm-ext", [other["method"] for other in result["published"]])
        self.assertEqual(result["by_scoring"][result["scoring"]], result["accuracy"])
        table = self.call("evaluate").stdout
        self.assertIn("published: human", table)
        self.assertIn("label \\ answer", table)
        for pattern in "satisfied", "plain":
            self.assertEqual(self.evaluate(self.base, "--pattern", pattern)["pattern"], pattern)

    def ask(self, sample, *more):
        return subprocess.run([TANDEM, "task", "ask", "--task", "eprstmt", "--checkpoint", self.base, "--sample", sample, *more],
                              capture_output=True, text=True, env=ENVIRONMENT, timeout=200)

    def test_ask_ranks_the_answers_to_one_sample(self):
        rows = list(sentences(20, 4, with_labels=False))
        output = self.folder / "asked_predict.json"
        self.call("predict", "--output", output)
        for row, line in list(zip(rows, output.read_text().splitlines()))[:3]:
            result = json.loads(self.ask(json.dumps(row), "--json").stdout)
            self.assertEqual(result["answers"][0]["answer"], json.loads(line)["label"])
            self.assertEqual(result["sentence"], f"_满意。{row['sentence']}")
            self.assertEqual({answer["words"] for answer in result["answers"]}, {"很", "不"})
            shares = [answer["probability"] for answer in result["answers"]]
            self.assertAlmostEqual(sum(shares), 1, 12)
            self.assertEqual(shares, sorted(shares, reverse=True))
        self.assertIn("_满意。今天", self.ask('{"sentence": "今天下雨"}').stdout)
        for sample, problem in ("{", "--sample"), ("{}", "'sentence' is missing"), ('{"sentence": ""}', "is empty"):
            refused = self.ask(sample)
            self.assertEqual(refused.returncode, 2)
            self.assertRegex(refused.stderr, r"\Aerror: [^\n]*\n\Z")
            self.assertIn(problem, refused.stderr)

    def test_predict_writes_what_the_benchmark_takes(self):
        output = self.folder / "eprstmt_predict.json"
        self.call("predict", "--output", output)
        lines = output.read_text().splitlines()
        self.assertEqual([json.loads(line)["id"] for line in lines], list(range(20)))
        self.assertLessEqual({json.loads(line)["label"] for line in lines}, set(LABELS))

    def test_a_recipe_tunes_on_all_at_once_and_tells_each_task_apart(self):
        recipe = self.folder / "recipe.json"
        text = {"path": str(self.data), "weight": 1}
        recipe.write_text(json.dumps({"tasks": [{"task": "eprstmt", "data": str(self.task), "split": "0"}], "text": [text],
                                      "unlabeled": True}))
        run = self.folder / "multitask"
        subprocess.run([TANDEM, "task", "train", "--recipe", recipe, "--checkpoint", self.base, "--output", run, "--epochs", "1",
                        "--set=train.precision=fp64"], check=True, capture_output=True, env=ENVIRONMENT)
        config = json.loads((run / "config.json").read_text())
        names = {source["name"]: source["weight"] for source in config["data"]["train"]}
        self.assertEqual(names, {"eprstmt": 2, "eprstmt texts": 1, "text": 1})
        self.assertEqual(config["objective"]["kind"], "span")
        last = metrics(run)[-1]
        self.assertEqual(set(last["sources"]), {"eprstmt", "eprstmt texts", "text"})
        self.assertIn("validation_loss", last["sources"]["eprstmt"])
        record = json.loads((run / "task.json").read_text())
        self.assertEqual(record["tasks"][0]["patterns"][0], "satisfied")
        self.assertEqual(len(record["tasks"][0]["patterns"]), 4)
        self.assertAlmostEqual(self.evaluate(run, "--file", "dev_0")["accuracy"],
                               max(result["by_task"]["eprstmt"] for result in record["results"]), 12)

    def test_a_plan_of_jobs_is_run_resumed_and_summed_up(self):
        plan = self.folder / "plan.json"
        plan.write_text(json.dumps({
            "checkpoint": str(self.base), "output": "jobs", "tasks": [{"task": "eprstmt", "data": str(self.task)}],
            "splits": ["0"], "methods": ["plain", "pattern", "ipet"], "pet_rows": 6, "generations": 1,
            "settings": ["--epochs", "1", "--set=observe.tensorboard=false"]}))
        run = [TANDEM, "task", "run", "--plan", str(plan), "--json"]
        listed = json.loads(subprocess.run([*run, "--list"], check=True, capture_output=True).stdout)
        self.assertEqual([job["job"] for job in listed], ["plain/eprstmt/0/1", "pattern/eprstmt/0/1", "ipet/eprstmt/0/1"])
        part = subprocess.run([*run, "--job", "1", "--jobs", "3"], capture_output=True, text=True, env=ENVIRONMENT, timeout=250)
        self.assertEqual(part.returncode, 0, part.stderr)
        self.assertEqual(json.loads(part.stdout)["done"], 1)
        before = (self.folder / "jobs/pattern/eprstmt/0/1/result.json").stat().st_mtime_ns
        whole = subprocess.run(run, capture_output=True, text=True, env=ENVIRONMENT, timeout=250)
        self.assertEqual(whole.returncode, 0, whole.stderr)
        summary = json.loads(whole.stdout)
        self.assertEqual((summary["done"], summary["jobs"]), (3, 3))
        self.assertEqual(set(summary["results"]), {"plain", "pattern", "ipet", "majority", "characters"})
        self.assertEqual((self.folder / "jobs/pattern/eprstmt/0/1/result.json").stat().st_mtime_ns, before)
        soft = (self.folder / "jobs/ipet/eprstmt/0/1/soft.jsonl").read_text().splitlines()
        self.assertEqual(len(soft), 6)
        for line in soft:
            self.assertAlmostEqual(sum(target["weight"] for target in json.loads(line)["targets"]), 1, 3)

    def test_what_is_wrong_is_told_in_a_line(self):
        self.assertIn("has no labels", self.refusal("evaluate", "--file", "test"))
        self.assertIn("the nearest is 'test'", self.refusal("evaluate", "--file", "tset"))
        self.assertIn("no pattern 'satisfed'; the nearest is 'satisfied'", self.refusal("evaluate", "--pattern", "satisfed"))
        self.assertIn("no split '9'; it has: 0, 1", self.refusal("train", "--split", "9", "--output", self.folder / "x"))
        self.assertIn("train_1.json", self.refusal("train", "--split", "1", "--output", self.folder / "x"))
        self.assertIn("decide model", self.refusal("train", "--split", "0", "--output", self.folder / "x", "--set=model.hidden=8"))
        self.assertIn("is no tuning", self.refusal("train", "--split", "0", "--output", self.base))
        self.assertFalse((self.folder / "x").exists())
        # A tokenizer that is not the model's.
        other = self.folder / "other.model"
        subprocess.run([TANDEM, "data", "tokenizer", "--input", self.folder / "text.txt", "--vocabulary", "500", "--output", other],
                       check=True, capture_output=True)
        self.assertIn("is not the tokenizer", self.refusal("evaluate", "--tokenizer", other))
        self.assertIn("is not the tokenizer", self.refusal("train", "--split", "0", "--output", self.folder / "x", "--tokenizer", other))

    def test_a_test_file_is_not_trained_on(self):
        data = self.folder / "leak"
        data.mkdir()
        self.write("train_0", sentences(24, 3), data)
        self.write("dev_0", sentences(16, 2), data)
        self.write("test_public", sentences(24, 3), data)
        error = self.refusal("train", "--split", "0", "--output", self.folder / "y", data=data)
        self.assertIn("are in the test file test_public.json", error)

    def test_a_run_that_was_stopped_goes_on(self):
        run = self.folder / "stopped"
        process = self.start(self.task_command("train", "--split", "0", "--output", run, "--epochs", "200", "--set=observe.tensorboard=false"))
        self.await_step(process, run, 5)
        process.terminate()
        self.assertIn("preempted at step", self.finish(process, 3))
        self.assertNotIn("chosen", json.loads((run / "task.json").read_text()))
        other = self.refusal("train", "--split", "0", "--output", run, "--pattern", "plain")
        self.assertIn("holds another tuning", other)


if __name__ == "__main__":
    main()
