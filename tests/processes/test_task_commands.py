#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`tandem task list` and `task inspect`, on invented lines of the published forms."""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest
import zipfile

BUILD = pathlib.Path(os.environ["TANDEM_BINARY_DIR"])
TANDEM = BUILD / "tandem"
SOURCE = pathlib.Path(__file__).resolve().parent.parent.parent


def lines(*objects):
    return "".join(json.dumps(each, ensure_ascii=False) + "\n" for each in objects)


def headline(number, text, label):
    return {"label": label, "label_desc": "-", "sentence": text, "keywords": "", "id": number}


class TaskCommands(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.data = self.folder / "tnews"
        self.data.mkdir()
        self.write("train_0", lines(headline(0, "村队赢了县队", 103), headline(1, "新车下线", 107), headline(1, "新车下线", 107)))
        self.write("dev_0", "\ufeff" + lines(headline(0, "老屋翻新", 106)).replace("\n", "\r\n"))
        self.write("test_public", lines(headline(3, "大桥通车", 104)))
        self.write("test", lines({"id": "0", "sentence": "球赛延期"}, {"id": "1", "sentence": "稻子熟了"}))
        self.write("unlabeled", lines({"sentence": "球赛延期"}, {"sentence": "新\u2028戏\u200b开演"}, {"sentence": "大桥通车 "}))

    def write(self, name, text):
        (self.data / f"{name}.json").write_bytes(text.encode())

    def task(self, *arguments, code=0, program=TANDEM):
        done = subprocess.run([program, "task", *map(str, arguments)], capture_output=True, text=True)
        self.assertEqual(done.returncode, code, done.stderr)
        return done

    def inspect(self, *more, task="tnews", code=0):
        return self.task("inspect", "--task", task, "--data", self.data, *more, code=code)

    def refusal(self, **options):
        error = self.inspect(code=2, **options).stderr
        self.assertRegex(error, r"\Aerror: [^\n]*\n\Z")
        return error

    def test_texts_are_documents_without_those_of_test_files(self):
        output = self.folder / "texts.jsonl"
        told = json.loads(self.task("texts", "--task", "tnews", "--data", self.data, "--output", output, "--json").stdout)
        self.assertEqual((told["texts"], told["dropped"]), (1, 2))
        self.assertEqual([json.loads(line) for line in output.read_text().split("\n")[:-1]], [{"text": "新\u2028戏开演"}])
        (self.data / "unlabeled.json").unlink()
        self.assertIn("there is nothing to write", self.task("texts", "--task", "tnews", "--data", self.data, "--output", output, code=2).stderr)

    def test_list_shows_labels_patterns_and_metric(self):
        listed = json.loads(self.task("list", "--json").stdout)
        shown = {task["name"]: task for task in listed["tasks"]}
        self.assertEqual(len(shown), 15)
        tnews = shown["tnews"]
        self.assertEqual((tnews["metric"], tnews["classes"], tnews["labels"][0]), ("accuracy", 15, "100"))
        by_name = {pattern["name"]: pattern for pattern in tnews["patterns"]}
        self.assertEqual(by_name["headline"]["text"], "以下是一则_相关新闻标题：{sentence}")
        self.assertEqual(by_name["headline"]["words"]["103"], ["体育"])
        self.assertEqual((shown["chid"]["labels"], shown["chid"]["classes"]), (None, 7))
        text = self.task("list").stdout
        self.assertIn("headline: 以下是一则_相关新闻标题：{sentence}", text)
        self.assertIn("103 体育", text)

    def test_inspect_shows_what_a_folder_holds(self):
        found = json.loads(self.inspect("--json").stdout)
        files = {file["name"]: file for file in found["files"]}
        self.assertEqual({name: file["rows"] for name, file in files.items()},
                         {"train_0": 3, "dev_0": 1, "test_public": 1, "test": 2, "unlabeled": 3})
        self.assertIn("train_few_all", found["missing"])
        train = files["train_0"]
        self.assertEqual((train["texts"], train["repeated_ids"], train["labels"]["107"]), (2, 1, 2))
        self.assertAlmostEqual(train["majority"], 2 / 3)
        self.assertEqual(train["characters"], {"median": 4.0, "percentile_99": 6, "longest": 6})
        self.assertEqual(files["unlabeled"]["deleted_characters"], 1)
        self.assertEqual(found["unlabeled"], {
            "kept": 1, "dropped": 2,
            "in_tests": [{"test": "test_public", "texts": 1, "lines": 1}, {"test": "test", "texts": 1, "lines": 1}]})
        self.assertEqual([overlap["files"] for overlap in found["overlaps"]],
                         [["test_public", "unlabeled"], ["test", "unlabeled"]])
        example = {each["pattern"]: each for each in found["examples"]}["headline"]
        self.assertEqual((example["text"], example["words"]), ("以下是一则_相关新闻标题：村队赢了县队", ["体育"]))
        text = self.inspect().stdout
        self.assertRegex(text, r"(?m)^train_0 +3 +2 +1 ")
        self.assertIn("unlabeled texts: 1 kept, 2 dropped", text)
        self.assertIn("以下是一则_相关新闻标题：村队赢了县队\n  answer: 体育", text)

    def test_a_task_of_ones_own_is_a_file(self):
        own = json.loads((SOURCE / "configs/tasks/tnews.json").read_text())
        own["name"], own["patterns"] = "own", [{"name": "one", "text": "{sentence}：_"}]
        path = self.folder / "own.json"
        path.write_text(json.dumps(own))
        found = json.loads(self.inspect("--json", task=path).stdout)
        self.assertEqual((found["task"], [each["text"] for each in found["examples"]]), ("own", ["村队赢了县队：_"]))
        own["metrics"] = "accuracy"
        path.write_text(json.dumps(own))
        self.assertIn(f"{path}: 'metrics' is not known here; the nearest is 'metric'", self.refusal(task=path))

    def test_bad_input_names_file_and_line(self):
        self.assertIn("there is no task 'tnew'; the nearest is 'tnews'", self.refusal(task="tnew"))
        good = lines(headline(0, "村队赢了县队", 103))
        self.write("train_0", good + lines(headline(1, "下雨", 105)))
        self.assertIn("train_0.json:2: the label '105' is none of the 15 of tnews", self.refusal())
        self.write("train_0", good + lines({"label": 103, "id": 4}))
        self.assertIn("train_0.json:2: 'sentence' is missing", self.refusal())
        self.write("train_0", "")
        self.assertIn("train_0.json holds no line", self.refusal())
        shutil.copy(self.data / "test_public.json", self.data / "train_0.json")
        self.assertIn("train_0.json: 1 of its 1 lines are in the test file test_public.json", self.refusal())
        self.data = self.folder
        self.assertIn("holds no file of tnews", self.refusal())
        self.data = self.folder / "none"
        self.assertIn("none is no folder", self.refusal())
        self.assertIn("unknown command 'lits' of tandem task; the nearest is list", self.task("lits", code=2).stderr)

    def test_pack_checks_the_answers_and_makes_the_zip(self):
        answers = self.folder / "tnewsf_predict.json"
        split = self.folder / "tnewsf_predict_0.json"
        good = lines({"id": "0", "label": "103"}, {"id": "1", "label": "104"})
        answers.write_text(good)
        split.write_text(good)
        archive = self.folder / "fewclue.zip"
        pack = ["pack", "--data", self.folder, "--output", archive]
        told = json.loads(self.task(*pack, "--json", answers, split).stdout)
        self.assertEqual([(file["name"], file["task"], file["answers"]) for file in told["files"]],
                         [("tnewsf_predict.json", "tnews", 2), ("tnewsf_predict_0.json", "tnews", 2)])
        with zipfile.ZipFile(archive) as packed:
            self.assertIsNone(packed.testzip())
            self.assertEqual({name: packed.read(name).decode() for name in packed.namelist()},
                             {"tnewsf_predict.json": good, "tnewsf_predict_0.json": good})
        first = archive.read_bytes()
        self.assertRegex(self.task(*pack, split, answers).stdout, r"tnewsf_predict_0\.json +tnews +2")
        self.assertEqual(archive.read_bytes(), first)
        checker = [sys.executable, SOURCE / "tools/check_submission.py", archive, "--data", self.folder]
        self.task(*pack, answers)
        self.assertEqual(subprocess.run(checker, capture_output=True).returncode, 0)

        archive.unlink()
        answers.write_text(lines({"id": "1", "label": "104"}, {"id": "0", "label": "103"}))
        self.assertIn('tnewsf_predict.json:1: the id is "1", but the test file\'s line has "0"', self.task(*pack, answers, code=2).stderr)
        foreign = self.folder / "tnews_predict.json"
        foreign.write_text(good)
        self.assertIn("no task's answers are called so", self.task(*pack, foreign, code=2).stderr)
        self.assertIn("another file of this name", self.task(*pack, split, split, code=2).stderr)
        self.assertFalse(archive.exists())

    def test_the_installed_program_finds_its_tasks(self):
        program = self.folder / "bin/tandem"
        program.parent.mkdir()
        shutil.copy(TANDEM, program)
        self.assertIn("no tasks in", self.task("list", program=program, code=3).stderr)
        subprocess.run(["cmake", "--install", BUILD, "--prefix", self.folder], check=True, capture_output=True)
        listed = json.loads(self.task("list", "--json", program=program).stdout)
        self.assertEqual(listed["folder"], str(self.folder.resolve() / "share/tandem/tasks"))
        self.assertEqual(len(listed["tasks"]), 15)


if __name__ == "__main__":
    unittest.main()
