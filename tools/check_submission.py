#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks a FewCLUE submission as the benchmark's published examples have it, without tandem.

usage: tools/check_submission.py ZIP --data FOLDER [--splits]
ZIP has its files at top level, one for each task whose folder with a test.json lies in FOLDER; with --splits six for each,
_0 to _4 and _all. Each answers every line of test.json in its order, in the types of the examples. Exit code 1 with a line
for each problem. Needs nothing but Python.
"""
import argparse
import json
import pathlib
import re
import sys
import zipfile

# File, type of the id, member of the answer, type of the answer: as in resources/fewclue_submit_examples.
FORMS = {
    "eprstmt": ("eprstmt_predict", int, "label", str),
    "csldcp": ("csldcp_predict", int, "label", str),
    "tnews": ("tnewsf_predict", str, "label", str),
    "ocnli": ("ocnlif_predict", int, "label", str),
    "bustm": ("bustm_predict", int, "label", str),
    "chid": ("chidf_predict", int, "answer", int),
    "iflytek": ("iflytekf_predict", int, "label", str),
    "csl": ("cslf_predict", int, "label", str),
    "cluewsc": ("cluewscf_predict", int, "label", str),
}
SPLITS = ["_0", "_1", "_2", "_3", "_4", "_all"]


def read_lines(text: str) -> list[dict]:
    return [json.loads(line) for line in text.removeprefix("\ufeff").split("\n") if line.strip()]


def labels_of(folder: pathlib.Path, task: str) -> set:
    if task == "chid":
        return set(range(7))
    files = [path for path in folder.glob("*.json") if re.match(r"(train|dev|test_public)", path.name)]
    rows = [row for path in files for row in read_lines(path.read_text(encoding="utf-8"))]
    return {str(row["label"]) for row in rows if "label" in row}


def problems_of(name: str, text: str, task: str, folder: pathlib.Path):
    _, id_type, member, answer_type = FORMS[task]
    tests = read_lines((folder / "test.json").read_text(encoding="utf-8"))
    labels = labels_of(folder, task)
    lines = text.split("\n")
    if lines and not lines[-1]:
        lines.pop()
    if len(lines) != len(tests):
        yield f"{name}: {len(lines)} lines, but test.json has {len(tests)}"
    for number, (line, test) in enumerate(zip(lines, tests), 1):
        try:
            answer = json.loads(line)
        except json.JSONDecodeError as error:
            yield f"{name}:{number}: no JSON: {error}"
            continue
        if not isinstance(answer, dict) or set(answer) != {"id", member}:
            yield f"{name}:{number}: needs the members id and {member} alone"
        elif type(answer["id"]) is not id_type or answer["id"] != id_type(test["id"]):
            yield f"{name}:{number}: the id is {answer['id']!r}, that of test.json {id_type(test['id'])!r}"
        elif type(answer[member]) is not answer_type or answer[member] not in labels:
            yield f"{name}:{number}: {member} is {answer[member]!r}, which is no answer"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("zip", type=pathlib.Path)
    parser.add_argument("--data", type=pathlib.Path, required=True)
    parser.add_argument("--splits", action="store_true")
    arguments = parser.parse_args()
    tasks = [task for task in FORMS if (arguments.data / task / "test.json").exists()]
    found = []
    with zipfile.ZipFile(arguments.zip) as archive:
        expected = {f"{FORMS[task][0]}{split}.json": task for task in tasks for split in (SPLITS if arguments.splits else [""])}
        names = set(archive.namelist())
        found += [f"{name}: missing" for name in sorted(set(expected) - names)]
        found += [f"{name}: not a file of this submission" for name in sorted(names - set(expected))]
        for name in sorted(set(expected) & names):
            task = expected[name]
            found += problems_of(name, archive.read(name).decode("utf-8"), task, arguments.data / task)
    print(*found[:50], sep="\n", end="\n" if found else "")
    print(f"{arguments.zip}: {len(tasks)} tasks, {len(found)} problems", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
