# SPDX-License-Identifier: Apache-2.0
"""Makes the demo's text: real Chinese from Debian's documentation packages, stripped of markup.

usage: python3 tools/demo_corpus.py OUTPUT_FOLDER

Downloads manpages-zh, debian-reference-zh-cn and fortunes-zh with `apt-get download` (nothing is installed; packages
already in OUTPUT_FOLDER/packages are used again) and writes train.jsonl and validation.jsonl, {"text": ...} a document,
2 % of the documents held out by the hash of their name; the packages' licences go to OUTPUT_FOLDER/licences. The same
packages give the same bytes. Exit codes: 2 bad call, 3 no download.
"""
import gzip
import hashlib
import html.parser
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unicodedata

import groff_text

PACKAGES = ("manpages-zh", "debian-reference-zh-cn", "fortunes-zh")
HELD_OUT = 0.02
LEAST_CHINESE = 4           # characters a line
LEAST_SHARE = 0.2           # of its characters that are not spaces
LEAST_REPEATED = 10         # characters from which a line that was seen before is left out
REPEATS_THE_REFERENCE = "Debian 参考手册"   # what fortunes quote from the other package would leak into what is held out
CHINESE = re.compile("[\u3400-\u4dbf\u4e00-\u9fff]")
UNSEEN = re.compile("[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b-\u200f\u202a-\u202e\u2060\ufeff\ufffd]")
# Full-width letters and digits become ASCII; Chinese punctuation stays as it is.
HALF_WIDTH = {0xFF01 + i: 0x21 + i for i in range(94) if chr(0x21 + i).isalnum()}


def normalised(line: str) -> str:
    line = unicodedata.normalize("NFC", line).translate(HALF_WIDTH)
    line = UNSEEN.sub("", line)
    return re.sub("[ \t\u00a0\u3000\u2028\u2029]+", " ", line).strip()


def is_chinese(line: str) -> bool:
    found = len(CHINESE.findall(line))
    return found >= LEAST_CHINESE and found >= LEAST_SHARE * len(line.replace(" ", ""))


def decoded(raw: bytes) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("gb18030", errors="replace")


class Html(html.parser.HTMLParser):
    """Paragraphs of a DocBook page, in sections that start at its h2 headings."""
    BLOCKS = {"p", "dt", "dd", "li", "h1", "h2", "h3", "h4", "td", "th", "tr", "div", "br", "title", "table"}
    LEFT_OUT = {"pre", "script", "style", "head", "sup"}

    def __init__(self):
        super().__init__()
        self.sections = [[]]
        self.words = []
        self.left_out = 0

    def end(self):
        line = " ".join("".join(self.words).split())
        # The source breaks lines between Chinese characters.
        line = re.sub("(?<=[\u3000-\u9fff\uff00-\uffef]) (?=[\u3000-\u9fff\uff00-\uffef])", "", line)
        if line:
            self.sections[-1].append(line)
        self.words = []

    def handle_starttag(self, tag, attributes):
        self.left_out += tag in self.LEFT_OUT
        if tag in self.BLOCKS:
            self.end()
        if tag == "h2":
            self.sections.append([])

    def handle_endtag(self, tag):
        self.left_out -= tag in self.LEFT_OUT
        if tag in self.BLOCKS:
            self.end()

    def handle_data(self, data):
        if not self.left_out:
            self.words.append(data)


def manual_pages(root: pathlib.Path):
    for path in sorted((root / "usr/share/man/zh_CN").rglob("*.gz")):
        if not path.is_symlink():
            yield path.name, groff_text.paragraphs(decoded(gzip.decompress(path.read_bytes())))


def reference_sections(root: pathlib.Path):
    for path in sorted((root / "usr/share/debian-reference").glob("*.html")):
        if path.name.startswith("index"):
            continue
        page = Html()
        page.feed(decoded(path.read_bytes()))
        page.end()
        for number, section in enumerate(page.sections):
            yield f"{path.name}#{number}", section


def unwrapped(lines):
    """Joins lines that were broken at a fixed width: long ones that end in no mark."""
    joined = ""
    for line in lines:
        wide = sum(2 if groff_text.WIDE.match(c) else 1 for c in line)
        joined = groff_text.join(joined, line.strip())
        if wide < 60 or re.search("[。！？；：”…」.!?;:]$", joined):
            yield joined
            joined = ""
    if joined:
        yield joined


def fortunes(root: pathlib.Path):
    for path in sorted((root / "usr/share/games/fortunes").iterdir()):
        if path.is_symlink() or path.suffix == ".dat":
            continue
        plain = re.sub("\u001b\\[[0-9;]*m", "", decoded(path.read_bytes()))
        for number, entry in enumerate(re.split(r"(?m)^%\s*$", plain)):
            if REPEATS_THE_REFERENCE in entry:
                continue
            yield f"{path.name}#{number}", unwrapped(entry.split("\n"))


READERS = dict(zip(PACKAGES, (manual_pages, reference_sections, fortunes)))


def documents(package: str, root: pathlib.Path, seen: set):
    """Yields name and text of each document that has Chinese text left."""
    for name, lines in READERS[package](root):
        kept = []
        for line in map(normalised, lines):
            repeated = len(line) >= LEAST_REPEATED and line in seen
            if is_chinese(line) and not repeated:
                kept.append(line)
                seen.add(line)
        if kept:
            yield f"{package}/{name}", "\n".join(kept)


def is_held_out(name: str) -> bool:
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big") < HELD_OUT * 2**64


def download(folder: pathlib.Path) -> dict:
    """Returns the .deb file of each package, downloading those that are missing."""
    folder.mkdir(parents=True, exist_ok=True)
    for package in PACKAGES:
        if not list(folder.glob(f"{package}_*.deb")):
            run = subprocess.run(["apt-get", "download", "-q", package], cwd=folder, capture_output=True, text=True, check=False)
            if run.returncode != 0:
                reason = (run.stderr.strip().splitlines() or ["apt-get failed"])[-1]
                print(f"error: cannot download {package}: {reason}; run apt-get update and try again", file=sys.stderr)
                sys.exit(3)
    return {package: sorted(folder.glob(f"{package}_*.deb"))[-1] for package in PACKAGES}


def licence_of(root: pathlib.Path, package: str, folder: pathlib.Path) -> str:
    source = root / f"usr/share/doc/{package}/copyright"
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(source, folder / package)
    names = re.findall(r"(?m)^License:[ \t]*(\S.*)$", source.read_text(encoding="utf-8"))
    return ", ".join(dict.fromkeys(names))


def write(path: pathlib.Path, texts: list):
    temporary = path.with_name(path.name + ".partial")
    with open(temporary, "w", encoding="utf-8", newline="\n") as file:
        for text in texts:
            file.write(json.dumps({"text": text}, ensure_ascii=False) + "\n")
    os.replace(temporary, path)


def figures(texts: list) -> str:
    size = sum(len(text.encode()) for text in texts)
    return f"{len(texts)} documents, {sum(map(len, texts))} characters, {size / 1e6:.2f} MB"


def main(folder: pathlib.Path):
    packages = download(folder / "packages")
    seen, train, validation = set(), [], []
    for package, archive in packages.items():
        with tempfile.TemporaryDirectory() as scratch:
            root = pathlib.Path(scratch)
            subprocess.run(["dpkg", "-x", archive, root], check=True)
            found = list(documents(package, root, seen))
            licence = licence_of(root, package, folder / "licences")
        for name, text in found:
            (validation if is_held_out(name) else train).append(text)
        print(f"{archive.stem}: {figures([text for _, text in found])}; licence {licence}")
    write(folder / "train.jsonl", train)
    write(folder / "validation.jsonl", validation)
    print(f"train.jsonl: {figures(train)}\nvalidation.jsonl: {figures(validation)}")


if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1].startswith("-"):
        print("usage: python3 tools/demo_corpus.py OUTPUT_FOLDER", file=sys.stderr)
        sys.exit(2)
    main(pathlib.Path(sys.argv[1]))
