# SPDX-License-Identifier: Apache-2.0
"""Runs the built program on invented text, for the tests of whole training runs. Configuration: configs/tiny.json."""
import contextlib
import hashlib
import json
import os
import pathlib
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import unittest

HERE = pathlib.Path(__file__).resolve().parent
SOURCE = HERE.parent.parent
TANDEM = str(pathlib.Path(os.environ["TANDEM_BINARY_DIR"]) / "tandem")
RANK_VARIABLES = ("RANK", "LOCAL_RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")
ENVIRONMENT = {name: value for name, value in os.environ.items() if name not in RANK_VARIABLES}
ENVIRONMENT.setdefault("OMP_NUM_THREADS", "1")


def invented_text(lines):
    choice = random.Random(11).choice
    who, when = "老师 工程师 农民 医生 学生 朋友 邻居 作家".split(), "今天 昨天 明年 每个星期 春天 早上".split()
    what = "在公园里散步 写了一封长信 修理旧机器 学习新的语言 看完一本书 准备晚饭 整理数据文件 讨论分布式训练".split()
    end = ["，心情很好。", "，然后回家。", "！", "，一共3次。", "，用了Linux系统。"]
    sentence = lambda: choice(when) + choice(who) + choice(what) + choice(end)
    return "".join("".join(sentence() for _ in range(choice(range(1, 7)))) + "\n" for _ in range(lines))


def await_true(condition, what, seconds=60):
    """Polls until the condition holds, and returns what it returned."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"{what}: not within {seconds} s")
        time.sleep(0.002)
    return value


def failing_calls(fault):
    """Returns the variables of a process whose system calls fail: see failing_disk.cpp."""
    library = pathlib.Path(os.environ["TANDEM_BINARY_DIR"]) / "tests" / "libfailing_disk.so"
    return {"LD_PRELOAD": str(library), "FAILING_DISK": fault}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def variables_of(process):
    """Returns the environment a process was started with."""
    entries = pathlib.Path(f"/proc/{process}/environ").read_bytes().decode().split("\0")
    return dict(entry.split("=", 1) for entry in entries if "=" in entry)


def ranks_of(run):
    """Returns {pid: rank} of the processes that train in this run's folder."""
    found = {}
    for process in pathlib.Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            arguments = (process / "cmdline").read_bytes().decode().split("\0")
            if f"--set=run_directory={run}" in arguments and (process / "exe").readlink().name == "tandem-tensor":
                variables = variables_of(process.name)
                found[int(process.name)] = int(variables.get("RANK", variables.get("SLURM_PROCID", "0")))
    return found


def metrics(run):
    """Returns the whole lines of a run's metrics."""
    with contextlib.suppress(FileNotFoundError):
        text = (run / "metrics.jsonl").read_text(encoding="utf-8")
        return [json.loads(line) for line in text[: text.rfind("\n") + 1].splitlines()]
    return []


def losses(run):
    lines = metrics(run)
    steps = [line["step"] for line in lines]
    assert steps == list(range(1, len(steps) + 1)), f"steps of {run}: {steps}"
    return [line["loss"] for line in lines]


def step_folder(run, step):
    return run / "checkpoints" / f"step_{step:08}"


def manifest(run, step):
    return json.loads((step_folder(run, step) / "manifest.json").read_text(encoding="utf-8"))


def tensors(run, step):
    """Returns {tensor: {role: its bytes in hex}} of a checkpoint, read without tandem."""
    reader = [sys.executable, str(SOURCE / "tests/checkpoint/read_checkpoint.py"), str(step_folder(run, step))]
    return json.loads(subprocess.run(reader, check=True, capture_output=True).stdout)


def files_below(folder):
    """Returns {path: hash} of all files, to show that none changed."""
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.rglob("*")) if path.is_file()}


def full_until_told(disk, run, size, ballast):
    """Returns a script for run_with_mounts: a disk so full that a save fails; once the run's log says so there is room. Its
    last line tells what is left there."""
    return f"""
        mount -t tmpfs -o size={size} tmpfs {disk} && head -c {ballast} /dev/zero > {disk}/ballast || exit 9
        (until grep -q 'No space left' {run}/logs/rank_00000.log 2>/dev/null; do sleep 0.02; done; rm {disk}/ballast) &
        "$@"; code=$?; echo; echo left: $(ls -A {disk}) >&2; exit $code"""


class TrainingTest(unittest.TestCase):
    """A temporary folder with encoded data; what a test starts is ended with it."""

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="tandem_runs.")
        cls.addClassCleanup(folder.cleanup)
        cls.folder = pathlib.Path(folder.name)
        cls.data = cls.folder / "data"
        text, model = cls.folder / "text.txt", cls.folder / "sp.model"
        text.write_text(invented_text(400), encoding="utf-8")
        for command in (
            ["tokenizer", "--input", text, "--vocabulary", "512", "--output", model],
            ["encode", "--tokenizer", model, "--input", text, "--output", cls.data],
        ):
            subprocess.run([TANDEM, "data", *map(str, command)], check=True, capture_output=True)

    def command(self, run, sets=()):
        """Returns `tandem train` of the tiny model; `sets` may replace what stands here."""
        keys = [f"data.train={self.data}", f"run_directory={run}", "observe.tensorboard=false", *sets]
        return [TANDEM, "train", "--config", str(SOURCE / "configs/tiny.json"), *(f"--set={key}" for key in keys)]

    def start(self, command, **variables):
        """Starts a program, its standard error to be read."""
        process = subprocess.Popen(
            command, env={**ENVIRONMENT, **variables}, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )
        self.addCleanup(process.stderr.close)
        self.addCleanup(process.wait)
        self.addCleanup(lambda: process.poll() is None and process.kill())
        return process

    def finish(self, process, code, seconds=100):
        """Waits for the end, which must have this exit code; returns standard error."""
        _, error = process.communicate(timeout=seconds)
        self.assertEqual(process.returncode, code, error)
        return error

    def launch(self, run, ranks, sets=(), flags=()):
        return self.start([TANDEM, "launch", "--ranks", str(ranks), *flags, "--", *self.command(run, sets)])

    def train(self, run, sets=(), ranks=1):
        """Trains to the end; returns standard error."""
        return self.finish(self.launch(run, ranks, sets) if ranks > 1 else self.start(self.command(run, sets)), 0)

    @classmethod
    def train_undisturbed(cls, sets, ranks):
        """Trains the run that others of the class are compared with, and returns its folder."""
        run, test = cls.folder / "straight", cls("train")
        test.train(run, sets, ranks)
        test.doCleanups()
        return run

    def run_with_mounts(self, script, command, code):
        """Runs a script, whose arguments are the command, where it may mount what nobody else sees; returns standard error."""
        if os.geteuid() != 0 or subprocess.run(["unshare", "-m", "true"], capture_output=True).returncode != 0:
            self.skipTest("nothing can be mounted here")
        return self.finish(self.start(["unshare", "-m", "bash", "-c", script, "-", *command]), code)

    def slow_fsync(self, path, seconds):
        """Returns what makes each fsync of that file slow, to be put in front of a command."""
        if not shutil.which("strace") or subprocess.run(["strace", "-o", "/dev/null", "true"], capture_output=True).returncode != 0:
            self.skipTest("no strace that may trace")
        return ["strace", "-f", "-qq", "-o", "/dev/null", "-P", str(path),
                "-e", "trace=fsync", "-e", f"inject=fsync:delay_enter={seconds}s"]

    def await_step(self, process, run, step):
        await_true(lambda: process.poll() is not None or len(metrics(run)) >= step, f"step {step} of {run}")
        self.assertIsNone(process.poll(), "ended before")

    def assert_close(self, left, right, tolerance):
        self.assertEqual(len(left), len(right))
        worst = max(abs(a - b) / max(abs(a), abs(b)) for a, b in zip(left, right))
        self.assertLessEqual(worst, tolerance)
        return worst


def main():
    """Runs the file's tests; exit code 77 where one was skipped and none failed."""
    result = unittest.main(module="__main__", verbosity=2, exit=False).result
    sys.exit(1 if not result.wasSuccessful() else 77 if result.skipped else 0)
