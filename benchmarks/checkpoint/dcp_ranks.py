#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""One rank of PyTorch's side: saves or loads the state of checkpoint_ranks.cpp with Distributed Checkpoint.

usage: RANK=… WORLD_SIZE=… MASTER_ADDR=… MASTER_PORT=… dcp_ranks.py save|load FOLDER REPEATS
Rank 0 prints a line of JSON with the seconds of the slowest rank in each repetition.
"""
import json
import os
import pathlib
import shutil
import sys
import time

import torch
import torch.distributed as dist
import torch.distributed.checkpoint as dcp
from torch.distributed.checkpoint.state_dict_saver import AsyncCheckpointerType
from torch.distributed.tensor import DTensor, Shard, init_device_mesh

MATRICES, ROWS, LAST_ROWS, COLUMNS = 19, 4096, 3556, 1024
ROLES = ("parameter", "moment1", "moment2")
seconds: dict[str, list[float]] = {}


def state() -> dict[str, DTensor]:
    mesh = init_device_mesh("cpu", (dist.get_world_size(),))
    made = {}
    for matrix in range(MATRICES + 1):
        rows = (LAST_ROWS if matrix == MATRICES else ROWS) // dist.get_world_size()
        for role in ROLES:
            local = torch.rand(rows, COLUMNS)
            made[f"{role}/matrix.{matrix}"] = DTensor.from_local(local, mesh, [Shard(0)])
    return made


def note(name: str, taken: float) -> None:
    slowest = torch.tensor(taken, dtype=torch.float64)
    dist.all_reduce(slowest, dist.ReduceOp.MAX)
    seconds.setdefault(name, []).append(slowest.item())


def measure(name: str, action) -> None:
    dist.barrier()
    start = time.perf_counter()
    action()
    note(name, time.perf_counter() - start)


def save(folder: pathlib.Path, repeats: int) -> None:
    tensors = state()
    # The group of its own that async_save asks for, since the background thread communicates.
    group = dist.new_group(backend="gloo")
    for turn in range(repeats):
        place = folder / f"async_{turn}"

        def begin_and_wait() -> None:
            start = time.perf_counter()
            future = dcp.async_save(tensors, checkpoint_id=place, process_group=group,
                                    async_checkpointer_type=AsyncCheckpointerType.THREAD)
            stall = time.perf_counter() - start
            future.result()
            note("async stall", stall)

        measure("async to committed", begin_and_wait)
        measure("save", lambda: dcp.save(tensors, checkpoint_id=folder / f"step_{turn}"))
        dist.barrier()
        if dist.get_rank() == 0:
            shutil.rmtree(place)
            if turn + 1 < repeats:
                shutil.rmtree(folder / f"step_{turn}")
            else:
                (folder / f"step_{turn}").rename(folder / "last")
            os.sync()
        dist.barrier()


def load(folder: pathlib.Path, repeats: int) -> None:
    tensors = state()
    for _ in range(repeats):
        measure("load", lambda: dcp.load(tensors, checkpoint_id=folder / "last"))


def main() -> None:
    action, folder, repeats = sys.argv[1], pathlib.Path(sys.argv[2]), int(sys.argv[3])
    torch.set_num_threads(1)
    dist.init_process_group("gloo")
    (save if action == "save" else load)(folder, repeats)
    if dist.get_rank() == 0:
        print(json.dumps({"seconds": seconds, "torch": torch.__version__}))
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
