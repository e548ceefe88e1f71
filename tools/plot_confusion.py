# SPDX-License-Identifier: Apache-2.0
"""Draws the confusion matrix of a task's result as a picture.

usage: plot_confusion.py RESULT.json --output confusion.png

RESULT.json is what `tandem task evaluate --json` prints.
"""
import argparse
import json
import pathlib
import sys

try:
    import matplotlib
except ImportError:
    sys.exit("error: this needs matplotlib, which scripts/setup installs for /usr/bin/python3: run it with that")

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402  (the backend comes first)
from matplotlib import colors, font_manager, ft2font, ticker  # noqa: E402

INK, GREY, NO_SAMPLES = "#22262b", "#8a9099", "#eceef0"
SHARES = colors.LinearSegmentedColormap.from_list("shares", ["#ffffff", "#2f6fb4", "#12335a"])
MOST_WITH_COUNTS = 20
POINTS_PER_INCH = 72
WIDEST_CHARACTER = 0.15  # inches, at the largest size


def fail(message):
    print(f"error: {message}", file=sys.stderr)
    sys.exit(2)


def is_share(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value <= 1


def is_texts(value):
    return isinstance(value, list) and value and all(isinstance(text, str) for text in value)


def is_counts(value, size):
    return (isinstance(value, list) and len(value) == size and
            all(type(count) is int and count >= 0 for count in value))


def fault_of(result):
    """Returns what is wrong with a result, or None."""
    if not isinstance(result, dict):
        return "is no JSON object"
    for name in ("task", "file", "pattern"):
        if not isinstance(result.get(name), str):
            return f"has no text '{name}'"
    for name in ("accuracy", "standard_error"):
        if not is_share(result.get(name)):
            return f"has no '{name}' of 0 to 1"
    if not is_texts(result.get("labels")):
        return "has no list of texts 'labels'"
    size, rows = len(result["labels"]), result.get("confusion")
    if not isinstance(rows, list) or len(rows) != size or not all(is_counts(row, size) for row in rows):
        return f"has no 'confusion' of {size} rows of {size} counts, as many as there are labels"
    return None if any(map(any, rows)) else "has a 'confusion' without a sample"


def read_result(path):
    hint = "give what tandem task evaluate --json prints"
    try:
        result = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        fail(f"{path}: {error.strerror}; {hint}")
    except (ValueError, RecursionError):
        fail(f"{path} is not JSON; {hint}")
    fault = fault_of(result)
    if fault:
        fail(f"{path} {fault}; {hint}")
    return result


def characters_of(font):
    try:
        return ft2font.FT2Font(font.fname).get_charmap().keys()
    except (OSError, RuntimeError):
        return set()


def plainness(font):
    """Returns what sorts plain fonts before slanted and bold ones, DejaVu Sans before all."""
    is_heavy = str(font.weight) not in ("400", "normal", "regular")
    return font.name != "DejaVu Sans", font.style != "normal", is_heavy, font.name, font.fname


def font_with(characters):
    """Returns the plainest font that has all characters; None without one."""
    needed = {ord(character) for character in characters}
    for font in sorted(font_manager.fontManager.ttflist, key=plainness):
        if needed <= characters_of(font):
            return font_manager.FontProperties(fname=font.fname)
    return None


def names_and_font(labels):
    """Returns how the classes are written: by their labels, or numbers where no font has these."""
    font = font_with("".join(labels))
    if font:
        return labels, font
    print("note: no font here has all characters of the labels, so they are numbered in their order, from 0; "
          "install one, such as Debian's fonts-noto-cjk", file=sys.stderr)
    return [str(number) for number in range(len(labels))], font_manager.FontProperties(family="DejaVu Sans")


def shares_of(rows):
    """Returns the shares of each row; nan for a label without samples."""
    return [[count / sum(row) if any(row) else float("nan") for count in row] for row in rows]


def write_counts(axes, rows, size):
    for label, row in enumerate(rows):
        for answer, count in enumerate(row):
            if count:
                color = "white" if 2 * count > sum(row) else INK
                axes.text(answer, label, f"{count:,}", ha="center", va="center", color=color, fontsize=size)


def name_classes(axes, names, font, cell):
    fits = max(map(len, names)) * WIDEST_CHARACTER <= cell
    axes.set_xticks(range(len(names)), names, rotation=0 if fits else 90)
    axes.set_yticks(range(len(names)), names)
    for text in axes.get_xticklabels() + axes.get_yticklabels():
        text.set_fontproperties(font)
        text.set_fontsize(min(10.5, 0.6 * cell * POINTS_PER_INCH))
        text.set_color(INK)


def draw(result):
    plt.rcParams.update({"font.family": "DejaVu Sans", "text.color": INK, "axes.labelcolor": INK,
                         "svg.hashsalt": "confusion"})
    rows = result["confusion"]
    names, font = names_and_font(result["labels"])
    cell = max(3.2 / len(rows), 0.5 if len(rows) <= MOST_WITH_COUNTS else 0.17)
    side = cell * len(rows)
    figure = plt.figure(figsize=(side + 1.2, side), dpi=160)
    axes = figure.add_axes((0, 0, side / (side + 1.2), 1))
    shades = SHARES.with_extremes(bad=NO_SAMPLES)
    image = axes.imshow(shares_of(rows), cmap=shades, vmin=0, vmax=1, interpolation="nearest")
    name_classes(axes, names, font, cell)
    if len(rows) <= MOST_WITH_COUNTS:
        write_counts(axes, rows, 10.5 if max(map(max, rows)) < 1000 else 9)
    draw_scale(figure.add_axes(((side + 0.25) / (side + 1.2), 0, 0.16 / (side + 1.2), 1)), image)
    decorate(axes, result)
    return figure


def draw_scale(axes, image):
    scale = plt.colorbar(image, cax=axes, format=ticker.PercentFormatter(1))
    scale.outline.set_visible(False)
    axes.tick_params(length=0, labelsize=9.5, labelcolor=GREY)
    axes.set_ylabel("of the label's samples", fontsize=10.5)


def decorate(axes, result):
    axes.set_title(f"{result['task']} {result['file']}, pattern {result['pattern']}: "
                   f"{100 * result['accuracy']:.1f} ± {100 * result['standard_error']:.1f} % right",
                   loc="left", fontsize=13, fontweight="bold", pad=14)
    axes.set_xlabel("answer", fontsize=10.5, labelpad=8)
    axes.set_ylabel("label", fontsize=10.5, labelpad=8)
    axes.set_xticks([edge - 0.5 for edge in range(1, len(result["labels"]))], minor=True)
    axes.set_yticks([edge - 0.5 for edge in range(1, len(result["labels"]))], minor=True)
    axes.grid(which="minor", color="#e6e8eb", linewidth=0.6)
    axes.tick_params(which="both", length=0)
    for spine in axes.spines.values():
        spine.set_color("#c9cdd2")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("result", type=pathlib.Path, help="what tandem task evaluate --json prints")
    parser.add_argument("--output", type=pathlib.Path, required=True, help="the picture to write (png or svg)")
    arguments = parser.parse_args()
    if arguments.output.suffix not in (".png", ".svg"):
        fail(f"--output {arguments.output} is neither .png nor .svg; name one of them")
    figure = draw(read_result(arguments.result))
    # Without the date and the version the same numbers give the same bytes.
    metadata = {"Software": None} if arguments.output.suffix == ".png" else {"Date": None}
    try:
        figure.savefig(arguments.output, metadata=metadata, bbox_inches="tight", pad_inches=0.2)
    except OSError as error:
        fail(f"{arguments.output}: {error.strerror}; name a file that can be written")


if __name__ == "__main__":
    main()
