#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Commands that write for long end in order at a signal: a line, exit code 3, and nothing unfinished."""
import os
import signal

import training
from training import SOURCE, TANDEM, TrainingTest, files_below


class InterruptedCommands(TrainingTest):
    def interrupted(self, came, *arguments):
        """Runs a command that meets the signal as it opens the first file of its unfinished output."""
        command = [TANDEM, "checkpoint", *map(str, arguments)]
        fault = training.failing_calls(f"{-came} open unfinished")
        error = self.finish(self.start(command, **fault), 3)
        self.assertRegex(error, rf"(?m)\Aerror: interrupted by {came.name}: .*\n\Z")
        self.finish(self.start(command), 0)

    def test_import_and_export(self):
        out = self.folder / "conversions"
        model = SOURCE / "tests/golden/hf/t5_tied_scaled"
        for came in (signal.SIGINT, signal.SIGTERM):
            imported, exported = out / f"in{came}", out / f"out{came}"
            self.interrupted(came, "import", "--from", "hf", model, "--output", imported)
            self.interrupted(came, "export", "--to", "hf", imported, "--output", exported)
        self.assertEqual(len(list(out.iterdir())), 4)

    def test_reshard_leaves_no_unfinished_step(self):
        run, made = self.folder / "resharded", self.folder / "made"
        self.train(run, ["train.steps=1"])
        layout = ["--data", 2, "--tensor", 2, "--pipeline", 1]
        self.interrupted(signal.SIGINT, "reshard", run, "--output", made, *layout)
        self.assertEqual([name for name in os.listdir(made) if name.startswith(".")], [])
        self.assertTrue(any("step_00000001" in str(path) for path in files_below(made)))


if __name__ == "__main__":
    training.main()
