#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""However its ranks are started, a run's losses are those of one rank, and no rank listens on all interfaces."""
import os
import signal
import subprocess

import training
from training import HERE, TANDEM, TrainingTest, free_port, losses, metrics, ranks_of

SETS = ("train.precision=fp64", "optimizer.epsilon=1e-4", "train.steps=8")
PATH = os.environ["PATH"] + ":/usr/sbin:/sbin"


def listeners_of(pid):
    """Returns the addresses, without port, on which this process listens, as ss in its network sees them."""
    own = os.readlink("/proc/self/ns/net") == os.readlink(f"/proc/{pid}/ns/net")
    inside = [] if own else ["nsenter", "--target", str(pid), "--net"]
    lines = subprocess.run(
        [*inside, "ss", "-Hltnp"], check=True, capture_output=True, text=True, env={**os.environ, "PATH": PATH}
    ).stdout.splitlines()
    return [line.split()[3].rpartition(":")[0] for line in lines if f"pid={pid}," in line]


class WaysToStart(TrainingTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.reference = cls.folder / "one_rank"
        test = cls("train_reference")
        test.train_reference()
        test.doCleanups()

    def train_reference(self):
        self.train(self.reference, SETS)

    def check(self, process, run, ranks, address):
        """Looks at the run while it stands still after its first step, and at its losses when it has ended."""
        training.await_true(lambda: process.poll() is not None or len(metrics(run)) >= 1, "the first step", 150)
        if process.returncode == 77:
            self.skipTest(process.stderr.read().strip())
        found = ranks_of(run)
        for pid in found:
            os.kill(pid, signal.SIGSTOP)
        try:
            self.assertEqual(sorted(found.values()), list(range(ranks)))
            self.assertLess(len(metrics(run)), 8)
            for pid, rank in found.items():
                listeners = listeners_of(pid)
                self.assertGreaterEqual(len(listeners), 2 if rank == 0 else 1)
                for listener in listeners:
                    self.assertRegex(listener, address)
        finally:
            for pid in found:
                os.kill(pid, signal.SIGCONT)
        self.finish(process, 0)
        self.assert_close(losses(run), losses(self.reference), 1e-12)


class Launch(WaysToStart):
    def test_launch(self):
        run = self.folder / "launch"
        self.check(self.launch(run, 4, [*SETS, "parallel.data=2", "parallel.pipeline=2"]), run, 4, r"^127\.0\.0\.1$")


class Variables(WaysToStart):
    def test_variables_of_torchrun_set_by_hand(self):
        run = self.folder / "variables"
        variables = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port())}
        command = self.command(run, [*SETS, "parallel.tensor=2"])
        other = self.start(command, RANK="1", **variables)
        self.check(self.start(command, RANK="0", **variables), run, 2, r"^127\.0\.0\.1$")
        self.finish(other, 0)


    def test_a_rank_whose_peer_dies_ends_with_one_line(self):
        run = self.folder / "left_alone"
        variables = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port())}
        command = self.command(run, ["train.steps=100000", "parallel.pipeline=2", "observe.log_every=100000"])
        first, second = (self.start(command, RANK=rank, **variables) for rank in "01")
        self.await_step(first, run, 3)
        second.kill()
        error = self.finish(first, 3, seconds=20)
        self.assertRegex(error, r"\A((train |[\d.]+ M parameters, )[^\n]*\n)*error: [^\n]+\n\Z")
        self.assertGreaterEqual(len(losses(run)), 3)


class Slurm(WaysToStart):
    def test_srun(self):
        run = self.folder / "srun"
        command = self.command(run, [*SETS, "parallel.tensor=2", "parallel.pipeline=2"])
        self.check(self.start([str(HERE / "slurm_cluster"), "srun", "-n", "4", *command]), run, 4, r"^127\.0\.0\.1$")


class TwoNodes(WaysToStart):
    def test_two_nodes_of_two_ranks(self):
        run = self.folder / "two_nodes"
        command = self.command(run, [*SETS, "parallel.data=2", "parallel.tensor=2"])
        script = (
            'exec "$0" launch --ranks 2 --nodes 2 --node-rank $NODE_RANK --rendezvous $NODE0_ADDRESS:29500 '
            '--interface $INTERFACE -- "$@"'
        )
        nodes = self.start([str(HERE / "two_nodes"), "sh", "-c", script, TANDEM, *command])
        self.check(nodes, run, 4, r"^10\.77\.\d+\.[12]$")


if __name__ == "__main__":
    training.main()
