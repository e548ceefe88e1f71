# SPDX-License-Identifier: Apache-2.0
"""Joins short texts into documents about as long as a training row, so that rows are not mostly padding.

usage: python3 tools/join_texts.py INPUT.jsonl TRAIN.jsonl HELD_OUT.jsonl [--characters N]

Each is {"text": ...} a line. Texts that follow each other are joined by line ends as long as they stay within N characters
(150); longer ones stay as they are. One document in a hundred, the first of them, is held out.
"""
import argparse
import json

HELD_OUT_EVERY = 100


def joined(texts, characters: int):
    document = ""
    for text in texts:
        if document and len(document) + 1 + len(text) > characters:
            yield document
            document = ""
        document = f"{document}\n{text}" if document else text
    if document:
        yield document


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("input")
    parser.add_argument("train")
    parser.add_argument("held_out")
    parser.add_argument("--characters", type=int, default=150)
    options = parser.parse_args()
    with open(options.input, encoding="utf-8", newline="\n") as lines, \
            open(options.train, "w", encoding="utf-8") as train, open(options.held_out, "w", encoding="utf-8") as held_out:
        texts = (json.loads(line)["text"] for line in lines)
        for number, document in enumerate(joined(texts, options.characters)):
            print(json.dumps({"text": document}, ensure_ascii=False),
                  file=train if number % HELD_OUT_EVERY else held_out)


if __name__ == "__main__":
    main()
