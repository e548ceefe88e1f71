#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compares what `tandem task inspect` finds in the FewCLUE tasks with figures found by other means.

usage: check_fewclue.py FOLDER --tandem BIN    FOLDER holds a folder for each task: eprstmt, tnews, csldcp, ocnli,
bustm, chid. Prints each difference and ends with 1 if there is one. The figures are those of FewCLUE 62a02c6.
"""
import argparse
import itertools
import json
import pathlib
import subprocess
import sys

SPLITS = ["0", "1", "2", "3", "4"]

# Rows: train_i, train_few_all, dev_i, dev_few_all, test_public, test, unlabeled (None: no such file). Then classes; the
# percentage of the commonest label in test_public; its median, 99 % and longest text; rows a label in each train_i
# (None: not balanced); distinct texts of `unlabeled` in test_public and in test.
TASKS = {
    "eprstmt": ((32, 160, 32, 160, 610, 753, 19565), 2, 50.0, (31, 333, 485), None, (45, 47)),
    "tnews": ((240, 1185, 240, 1098, 2010, 1500, 20000), 15, 6.7, (22, 39, 51), 16, (0, 0)),
    "csldcp": ((536, 2036, 536, 2068, 1784, 2999, None), 67, 1.7, (189, 556, 1199), 8, (0, 0)),
    "ocnli": ((32, 160, 32, 160, 2520, 3000, None), 3, 33.3, (34, 67, 83), None, (0, 0)),
    "bustm": ((32, 160, 32, 160, 1772, 2000, 4251), 2, 50.0, (14, 27, 36), None, (0, 0)),
    "chid": ((42, 202, 42, 202, 2002, 2000, 7585), 7, 14.3, (118, 166, 185), 6, (1, 0)),
}
# Rows of one label over the five train files, least and most.
RANGES = {"bustm": {"1": (11, 16)}, "ocnli": {None: (7, 14)}}


class Comparison:
    def __init__(self):
        self.compared = self.different = 0

    def equal(self, what, found, expected):
        self.compared += 1
        if found != expected:
            self.different += 1
            print(f"{what}: {found}, but {expected} was expected")


def inspect(tandem, task, folder):
    command = [tandem, "task", "inspect", "--task", task, "--data", str(folder), "--json"]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(command)}: {done.stderr}")
    return json.loads(done.stdout)


def file_rows(counts):
    train, train_all, dev, dev_all, public, test, unlabeled = counts
    rows = {f"{half}_{split}": count for half, count in (("train", train), ("dev", dev)) for split in SPLITS}
    rows |= {"train_few_all": train_all, "dev_few_all": dev_all, "test_public": public, "test": test}
    return rows | ({} if unlabeled is None else {"unlabeled": unlabeled})


def compare_task(task, found, see):
    counts, classes, majority, lengths, balance, in_tests = TASKS[task]
    files = {file["name"]: file for file in found["files"]}
    see.equal(f"{task}: rows", {name: file["rows"] for name, file in files.items()}, file_rows(counts))
    see.equal(f"{task}: missing", found["missing"], ["unlabeled"] if counts[-1] is None else [])
    see.equal(f"{task}: classes", found["classes"], classes)
    public = files["test_public"]
    see.equal(f"{task}: majority", round(100 * public["majority"], 1), majority)
    shown = public["characters"]
    see.equal(f"{task}: lengths", (shown["median"], shown["percentile_99"], shown["longest"]), lengths)
    see.equal(f"{task}: ids twice in test_public", public["repeated_ids"], 49 if task == "csldcp" else 0)
    for split in SPLITS if balance else []:
        see.equal(f"{task}: train_{split} a label", set(files[f"train_{split}"]["labels"].values()), {balance})
    for label, bounds in RANGES.get(task, {}).items():
        rows = [files[f"train_{split}"]["labels"] for split in SPLITS]
        seen = [count for labels in rows for name, count in labels.items() if label in (None, name)]
        see.equal(f"{task}: rows of label {label} in train files", (min(seen), max(seen)), bounds)
    compare_overlaps(task, found, in_tests, see)


def compare_overlaps(task, found, in_tests, see):
    shared = {frozenset(overlap["files"]): overlap["texts"] for overlap in found["overlaps"]}
    trains, devs = ([f"{half}_{split}" for split in [*SPLITS, "few_all"]] for half in ("train", "dev"))
    tests = ["test_public", "test"]
    apart = [*itertools.product(trains, devs), *itertools.product(trains + devs, tests), tuple(tests)]
    mixed = {pair: shared[frozenset(pair)] for pair in apart if frozenset(pair) in shared}
    see.equal(f"{task}: texts of train, dev and test in each other", mixed, {})
    from_tests = {test["test"]: test["texts"] for test in found["unlabeled"]["in_tests"]}
    see.equal(f"{task}: unlabeled texts in tests", tuple(from_tests.get(test, 0) for test in tests), in_tests)


def compare_single_figures(found, see):
    files = {task: {file["name"]: file for file in found[task]["files"]} for task in found}
    unlabeled, few_all = files["eprstmt"]["unlabeled"], files["eprstmt"]["train_few_all"]
    see.equal("eprstmt: repeated lines of unlabeled", unlabeled["rows"] - unlabeled["texts"], 821)
    see.equal("eprstmt: texts of train_few_all", few_all["texts"], 131)
    for task in ("tnews", "csldcp", "chid"):
        few_all = files[task]["train_few_all"]
        see.equal(f"{task}: repeated lines of train_few_all", few_all["rows"] - few_all["texts"], 0)
    absent = [label for label, rows in files["csldcp"]["test_public"]["labels"].items() if rows == 0]
    see.equal("csldcp: labels that test_public lacks", absent, ["植物保护"])
    rows = [count for count in files["csldcp"]["test_public"]["labels"].values() if count]
    see.equal("csldcp: rows of a label in test_public", (min(rows), max(rows)), (1, 30))
    for task, names in (("tnews", ("train_4", "train_few_all", "unlabeled")), ("chid", ("unlabeled",))):
        unseen = [name for name in names if files[task][name]["deleted_characters"] == 0]
        see.equal(f"{task}: files without the U+FEFF or U+200B they have", unseen, [])
    pairs = [set(pair) for pair in itertools.combinations([f"train_{split}" for split in SPLITS], 2)]
    texts = [overlap["texts"] for overlap in found["csldcp"]["overlaps"] if set(overlap["files"]) in pairs]
    see.equal("csldcp: texts that two train files share, mean", round(sum(texts) / len(pairs)), 81)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--tandem", required=True, help="the program")
    arguments = parser.parse_args()
    see = Comparison()
    found = {task: inspect(arguments.tandem, task, arguments.folder / task) for task in TASKS}
    for task, document in found.items():
        compare_task(task, document, see)
    compare_single_figures(found, see)
    print(f"{see.compared} figures of {len(TASKS)} tasks compared, {see.different} different")
    return 1 if see.different else 0


if __name__ == "__main__":
    sys.exit(main())
