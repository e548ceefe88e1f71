# SPDX-License-Identifier: Apache-2.0
"""What scripts/demo computes and prints around its runs.

demo_report.py field NAME                          a field of the JSON on standard input
demo_report.py steps METRICS --minutes M           how many steps M minutes hold, at the speed of these
demo_report.py wait METRICS --step N --process P   waits until step N is there, while process P lives
demo_report.py compare A B --limit X               the largest loss difference of the steps both have
demo_report.py loss METRICS --unigram U --margin M the last held-out loss against U
demo_report.py blanks --tandem T --checkpoint DIR --text JSONL   blanks filled in held-out sentences
"""
import argparse
import json
import os
import pathlib
import re
import statistics
import subprocess
import sys
import time

BLANKS = 5


def fail(message):
    print(f"error: {message}", file=sys.stderr)
    sys.exit(70)


def metrics(path):
    """Returns the lines of a metrics.jsonl that is perhaps still being written."""
    if not pathlib.Path(path).exists():
        return []
    lines = pathlib.Path(path).read_text(encoding="utf-8").split("\n")
    return [json.loads(line) for line in lines[:-1]]


def field(arguments):
    print(json.load(sys.stdin)[arguments.name])


def steps(arguments):
    seconds = statistics.median(row["seconds"] for row in metrics(arguments.metrics)[5:])
    count = max(60, round(arguments.minutes * 60 / seconds))
    print(f"{seconds:.3f} s a step", file=sys.stderr)
    print(count)


def wait(arguments):
    while True:
        rows = metrics(arguments.metrics)
        if rows and rows[-1]["step"] >= arguments.step:
            return
        try:
            os.kill(arguments.process, 0)
        except ProcessLookupError:
            fail(f"the run ended before step {arguments.step}; its output is above")
        time.sleep(0.2)


def compare(arguments):
    a, b = ({row["step"]: row["loss"] for row in metrics(path)} for path in (arguments.a, arguments.b))
    common = sorted(a.keys() & b.keys())
    if len(common) < 20:
        fail(f"only {len(common)} steps to compare")
    largest = max(abs(a[step] - b[step]) for step in common)
    print(f"largest loss difference over the first {len(common)} steps, "
          f"pipeline 2 x data 2 against tensor 2 x pipeline 2: {largest:.2e} (limit {arguments.limit:.0e})")
    if not largest < arguments.limit:
        fail("the layouts do not train the same model")


def loss(arguments):
    rows = [row for row in metrics(arguments.metrics) if "validation_loss" in row]
    if not rows:
        fail("no held-out loss in the metrics")
    last = rows[-1]["validation_loss"]
    gain = arguments.unigram - last
    print(f"held-out loss {last:.3f} nats after {rows[-1]['step']} steps; unigram distribution {arguments.unigram:.3f}; "
          f"{gain:.3f} below it (wanted: {arguments.margin})")
    if not gain >= arguments.margin:
        fail(f"the model ends {gain:.3f} nats below the unigram distribution, {arguments.margin} are wanted; "
             "was the machine busy? try --minutes 10")


def sentences(path):
    """Returns held-out sentences with one word, two Chinese characters, blanked: (text with <mask>, the word)."""
    found = []
    for line in pathlib.Path(path).read_text(encoding="utf-8").split("\n"):
        if not line:
            continue
        for sentence in re.findall(r"[^。\n]{24,80}。", json.loads(line)["text"]):
            words = list(re.finditer(r"文件|系统|用户|命令|使用|可以|程序|进程|返回|设置|目录|选项", sentence))
            if words and words[-1].start() > 8:
                word = words[-1]
                found.append((sentence[:word.start()] + "<mask>" + sentence[word.end():], word.group()))
                break
    return found[:: max(1, len(found) // BLANKS)][:BLANKS]


def blanks(arguments):
    cases = sentences(arguments.text)
    if not cases:
        fail("no sentence of the held-out text has a word to blank")
    for text, word in cases:
        answer = subprocess.run(
            [arguments.tandem, "generate", "--checkpoint", arguments.checkpoint, "--text", text, "--candidates", "5", "--json"],
            stdout=subprocess.PIPE, check=True)
        document = json.loads(answer.stdout)
        print(f"\n{text.replace('<mask>', '____')}\n  was: {word}")
        for filling in document["gaps"][0]["candidates"]:
            shown = filling["text"].replace("\n", "⏎").replace(" ", "␣") or "∅"
            print(f"  {filling['probability']:6.1%}  {shown}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    for action in (field, steps, wait, compare, loss, blanks):
        command = commands.add_parser(action.__name__)
        command.set_defaults(action=action)
        if action is field:
            command.add_argument("name")
        if action in (steps, wait, loss):
            command.add_argument("metrics")
        if action is steps:
            command.add_argument("--minutes", type=float, required=True)
        if action is wait:
            command.add_argument("--step", type=int, required=True)
            command.add_argument("--process", type=int, required=True)
        if action is compare:
            command.add_argument("a")
            command.add_argument("b")
            command.add_argument("--limit", type=float, required=True)
        if action is loss:
            command.add_argument("--unigram", type=float, required=True)
            command.add_argument("--margin", type=float, required=True)
        if action is blanks:
            for name in ("--tandem", "--checkpoint", "--text"):
                command.add_argument(name, required=True)
    arguments = parser.parse_args()
    arguments.action(arguments)


if __name__ == "__main__":
    main()
