# SPDX-License-Identifier: Apache-2.0
"""Turns a manual page's groff source (man and mdoc macros) into plain paragraphs; used by demo_corpus.py.

Not a typesetter: macros are known by name, conditions and definitions are left out, and what matters is that running
text comes out whole and no markup is left in it.
"""
import re

SPECIAL = {
    "bu": "•", "aq": "'", "lq": "“", "rq": "”", "em": "—", "en": "–", "hy": "-", "co": "©", "de": "°", "mu": "×",
    "oq": "‘", "cq": "’", "dq": '"', "rs": "\\", "ti": "~", "ha": "^", "ga": "`", "->": "→", "<-": "←", "<=": "≤",
    ">=": "≥", "+-": "±", "14": "¼", "12": "½", "pl": "+", "mi": "-", "eq": "=", "at": "@", "sh": "#", "Do": "$",
    "or": "|", "ba": "|", "bv": "|", "ul": "_", "tm": "™", "rg": "®",
}
STRINGS = {"L\"": "“", "R\"": "”", "lq": "“", "rq": "”", "C`": "", "C'": "", "--": "-", "PI": "π", "Tm": "™", "R": "®"}
# One escape: string, special character, register, font, size, a function with a quoted argument, or a single letter.
ESCAPE = re.compile(
    r"\\(?:\*\[(?P<s0>[^\]]*)\]|\*\((?P<s1>..)|\*(?P<s2>.)|\[(?P<c0>[^\]]*)\]|\((?P<c1>..)"
    r"|n(?:\[[^\]]*\]|\(..|.)|f(?:\[[^\]]*\]|\(..|.)|s[-+]?\d{1,2}|m\[[^\]]*\]|k(?:\(..|.)|[hvwlLoXZbDHSxN]'[^']*'"
    r"|(?P<one>.)|$)")
ONE = {"-": "-", "e": "\\", "\\": "\\", "~": " ", " ": " ", "0": " ", "t": " ", "'": "'", "`": "`", ".": ".", "a": " "}
FONT = {"B", "I", "R", "SM", "SB", "Nm", "Ar", "Fl", "Ic", "Pa", "Tn", "Em", "Li", "Cm", "Ev", "Va", "Vt", "Fa", "Fn", "Dv",
        "Er", "Ad", "Sy", "Ql", "Dq", "Sq", "Pq", "Bq", "Op", "Xr", "Sx", "Qq", "Ns", "No", "Ux", "Bx", "Nx", "Fx", "Ox",
        "At", "Do", "Dc", "Po", "Pc", "Oo", "Oc", "Ao", "Ac", "Aq", "Bo", "Bc", "So", "Sc", "Qo", "Qc", "Nd", "An",
        "Rv", "Ft", "Ms", "St", "Lk", "Mt", "UR", "UE", "MT", "ME", "OP", "Brq"}
ALTERNATING = {"BR", "IR", "BI", "RB", "RI", "IB"}
HEADING = {"SH", "SS", "Sh", "Ss"}
BREAK = {"PP", "P", "LP", "Pp", "TP", "TQ", "HP", "sp", "Sp", "br", "RS", "RE", "nf", "fi", "ti", "in", "Bl", "El", "Bd", "Ed", "ce",
         "Vb", "Ve", "CS", "CE", "bp", "AS", "BS", "BE", "VS", "VE", "EX", "EE", "Lp"}
WIDE = re.compile("[\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef\u2018-\u201d\u2026]")


def unescape(text: str) -> str:
    """Replaces escapes by what they print."""
    def printed(match):
        string = match["s0"] or match["s1"] or match["s2"]
        if string:
            return STRINGS.get(string, "")
        character = match["c0"] or match["c1"]
        if character:
            if re.fullmatch("u[0-9A-F]{4,5}", character):
                return chr(int(character[1:], 16))
            return SPECIAL.get(character, "")
        return ONE.get(match["one"] or "", "")
    return ESCAPE.sub(printed, re.sub(r'\\["#].*', "", text))


def arguments(text: str) -> list:
    """Splits a macro's arguments: at spaces, not inside double quotes."""
    return [quoted if quoted is not None else plain
            for quoted, plain in
            (m.groups() for m in re.finditer(r'"((?:[^"]|"")*)"?|((?:\\ |\S)+)', text))]


def join(left: str, right: str) -> str:
    """Joins two lines of running text; no space between Chinese characters, where groff's source breaks lines freely."""
    if not left or not right:
        return left or right
    return left + ("" if left.endswith(" ") or WIDE.match(left[-1]) and WIDE.match(right[0]) else " ") + right


class Page:
    """Paragraphs of a page, collected line by line."""

    def __init__(self):
        self.paragraphs = []
        self.current = ""
        self.verbatim = False
        self.depth = 0         # of \{ \} blocks that are left out
        self.until = None      # the line that ends a definition

    def end(self):
        if self.current.strip():
            self.paragraphs.append(self.current.strip())
        self.current = ""

    def text(self, text: str):
        self.current = join(self.current, unescape(text).strip())
        if self.verbatim:
            self.end()

    def macro(self, name: str, rest: str):
        if name in ("if", "ie", "el", "while"):
            self.depth += rest.count(r"\{") - rest.count(r"\}")
        elif name in ("de", "de1", "ig", "am"):
            self.until = "." + (arguments(rest)[1] if name != "ig" and len(arguments(rest)) > 1 else ".")
        elif name in HEADING or name in BREAK:
            self.end()
            self.verbatim = name in ("nf", "Vb", "CS", "EX", "Bd") or (self.verbatim and name not in ("fi", "Ve", "CE", "EE", "Ed"))
            if name in HEADING:
                self.paragraphs.append(unescape(" ".join(arguments(rest))).strip())
        elif name in ("IP", "It"):
            self.end()
            words = arguments(rest)
            self.text(" ".join(words[:1] if name == "IP" else [w for w in words if w not in FONT]))
            self.current += " " if self.current else ""
        elif name in ALTERNATING:
            self.text("".join(arguments(rest)))
        elif name in FONT:
            self.text(" ".join(("-" if name == "Fl" and i == 0 else "") + word
                               for i, word in enumerate(w for w in arguments(rest) if w not in FONT)))

    def line(self, line: str):
        if self.until is not None:
            self.until = None if line.strip() == self.until else self.until
        elif self.depth > 0:
            self.depth = max(0, self.depth + line.count(r"\{") - line.count(r"\}"))
        elif match := re.match(r"[.'][ \t]*([A-Za-z][A-Za-z0-9]*)?(.*)", line):
            if match[1]:
                self.macro(match[1], match[2].strip())
        elif not line.strip():
            self.end()
        else:
            self.text(line)


def paragraphs(source: str) -> list:
    """Returns the headings and paragraphs of a page, in order."""
    page = Page()
    for line in source.split("\n"):
        page.line(line.rstrip("\r"))
    page.end()
    return page.paragraphs
