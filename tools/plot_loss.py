# SPDX-License-Identifier: Apache-2.0
"""Draws a run's loss curve from its metrics.jsonl as a picture.

usage: plot_loss.py RUN/metrics.jsonl --output loss.png [--unigram NATS] [--title TEXT]
"""
import argparse
import json
import math
import pathlib
import sys

try:
    import matplotlib
except ImportError:
    sys.exit("error: this needs matplotlib, which scripts/setup installs for /usr/bin/python3: run it with that")

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402  (the backend comes first)

INK, GREY, TRAIN, VALIDATION = "#22262b", "#8a9099", "#2f6fb4", "#d1571f"


def read_metrics(path):
    """Returns the lines of a metrics.jsonl; a last line that is still being written is left out."""
    rows = []
    lines = path.read_text(encoding="utf-8").splitlines()
    for number, line in enumerate(lines, 1):
        try:
            rows.append(json.loads(line))
        except json.JSONDecodeError:
            if number < len(lines):
                sys.exit(f"error: {path}:{number}: not JSON; give a run's metrics.jsonl")
    return rows


def smooth(losses):
    """Returns the mean over a window of a 40th of the run: centred, narrower where the steep start begins."""
    half, sums, result = len(losses) // 80, [0.0], []
    for loss in losses:
        sums.append(sums[-1] + loss)
    for i in range(len(losses)):
        first, end = max(0, i - half), min(len(losses), i + min(half, i) + 1)
        result.append((sums[end] - sums[first]) / (end - first))
    return result


def finite(rows, key):
    pairs = [(row["step"], row[key]) for row in rows if isinstance(row.get(key), (int, float))]
    return [pair for pair in pairs if math.isfinite(pair[1])]


def label_at_end(axes, entries):
    """Writes names beside the ends of their curves, moved apart where they would overlap."""
    low, high = axes.get_ylim()
    least = (high - low) * 0.055
    previous = -math.inf
    for y, text, color in sorted(entries):
        previous = max(y, previous + least)
        axes.annotate(text, (1, previous), xycoords=("axes fraction", "data"), xytext=(8, 0),
                      textcoords="offset points", va="center", color=color, fontsize=10.5)


def limits(train, validation, unigram):
    """Returns the loss axis: from below the lowest point to where the first steep fall has passed."""
    values = [loss for _, loss in train]
    smoothed = smooth(values)
    low = sorted(values)[len(values) // 200]
    bottom = min([low, min(smoothed)] + [loss for _, loss in validation] + ([unigram] if unigram else []))
    start = smoothed[min(len(smoothed) - 1, len(smoothed) // 100)]
    top = max([start, smoothed[-1]] + ([unigram] if unigram else []))
    margin = max(0.06 * (top - bottom), 1e-3)
    return bottom - margin, top + margin


def draw(train, validation, unigram, title):
    plt.rcParams.update({"font.family": "DejaVu Sans", "text.color": INK, "axes.labelcolor": INK,
                         "xtick.color": GREY, "ytick.color": GREY})
    figure, axes = plt.subplots(figsize=(9, 4.8), dpi=160)
    steps, losses = [step for step, _ in train], [loss for _, loss in train]
    axes.plot(steps, losses, color=TRAIN, alpha=0.22, linewidth=0.6, zorder=2)
    smoothed = smooth(losses)
    axes.plot(steps, smoothed, color=TRAIN, linewidth=2, solid_capstyle="round", zorder=3)
    axes.set_ylim(*limits(train, validation, unigram))
    axes.set_xlim(0, steps[-1])
    entries = [(smoothed[-1], f"training {smoothed[-1]:.2f}", TRAIN)]
    if validation:
        axes.plot(*zip(*validation), color=VALIDATION, linewidth=1, marker="o", markersize=4.5,
                  markeredgecolor="white", markeredgewidth=0.8, zorder=4, clip_on=False)
        entries.append((validation[-1][1], f"held-out {validation[-1][1]:.2f}", VALIDATION))
    if unigram:
        axes.axhline(unigram, color=GREY, linewidth=1.2, linestyle=(0, (5, 4)), zorder=1)
        entries.append((unigram, f"unigram {unigram:.2f}", GREY))
    label_at_end(axes, entries)
    decorate(axes, title)
    figure.tight_layout()
    return figure


def decorate(axes, title):
    axes.set_title(title, loc="left", fontsize=13, fontweight="bold", pad=14)
    axes.set_xlabel("step", fontsize=10.5)
    axes.set_ylabel("loss (nats per target token)", fontsize=10.5)
    axes.xaxis.set_major_locator(matplotlib.ticker.MaxNLocator(7, integer=True, steps=[1, 2, 5, 10]))
    axes.xaxis.set_major_formatter(matplotlib.ticker.FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axes.grid(axis="y", color="#e6e8eb", linewidth=0.8, zorder=0)
    axes.set_axisbelow(True)
    axes.tick_params(length=0, labelsize=9.5, pad=6)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color("#c9cdd2")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("metrics", type=pathlib.Path, help="a run's metrics.jsonl")
    parser.add_argument("--output", type=pathlib.Path, required=True, help="the picture to write (png or svg)")
    parser.add_argument("--unigram", type=float, help="loss of the unigram distribution of the targets, in nats")
    parser.add_argument("--title", default="Loss", help="what stands above the picture")
    arguments = parser.parse_args()
    if not arguments.metrics.is_file():
        sys.exit(f"error: no file {arguments.metrics}; give a run's metrics.jsonl")
    rows = read_metrics(arguments.metrics)
    train = finite(rows, "loss")
    if not train:
        sys.exit(f"error: {arguments.metrics} has no step with a loss yet; draw it later")
    figure = draw(train, finite(rows, "validation_loss"), arguments.unigram, arguments.title)
    # Without the date and the version the same numbers give the same bytes.
    figure.savefig(arguments.output, metadata={"Software": None} if arguments.output.suffix == ".png" else None)


if __name__ == "__main__":
    main()
