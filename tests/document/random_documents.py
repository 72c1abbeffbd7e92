"""Documents as people, programs and nobody would write them: every layout, with comments wherever YAML takes them."""

from __future__ import annotations

from random import Random

__all__ = ["random_document"]

_KEYS = ["alpha", "beta", "gamma-1", "delta.x", "Epsilon", "zone", "name", "a b", "<x>", "k8s/v1"]
_ODD_KEYS = ['"quoted"', "'single'", "on", "1", "null", "~", "1.5", "2019-01-01", "'on'", '"1"', "'a: b'", '"# no"']
_PLAIN = ["1", "0", "-7", "1.5", "true", "off", "yes", "~", "null", "b", "dev", "1.12.9", "10.0.0.0/8", "a b c", "x#y"]
_PLAIN += [
    "12:30",
    "2019-06-01",
    "0123",
    "1_000",
    "http://a/b?c=d#e",
    "a{{ x }}b",
    "-x",
    "?x",
    ":x",
    "a: b".replace(": ", ":"),
]
_QUOTED = [
    '"a # b"',
    "'it''s'",
    '"tab\\t"',
    "'{{SessionName}}'",
    '"{{ x }}"',
    "''",
    '""',
    '"- a"',
    "'a: b'",
    '"é ☃"',
    "'# x'",
]
_COMMENTS = [
    "# above",
    "# {key}: commented out",
    "#- item",
    "#",
    "## ---- banner ----",
    "# a: !x a: *y",
    '# it\'s "so"',
    "#tight",
]
_TAILS = ["  # behind", " # a: b", "   # 'quote", "\t# after a tab", " #"]
_HEADERS = ["|", ">", "|-", ">-", "|+", ">+", "|2", "|2-", ">-2"]
_TEXTS = [
    ["a line: with a colon", "- and a dash"],
    ["# no comment", "", "end"],
    ["one"],
    ["  deeper", "back"],
    ["x", ""],
]
_TEXTS += [["", "first is empty"], ["{{ template }}", "{% if %}"], ["key: value # no comment", "tab\there"]]
_SMALL = [
    "",
    "\n",
    "# nothing\n",
    "---\n",
    "a",
    "# x\n'a'  # y\n",
    "|\n text\n",
    "{}\n",
    "[]  # none\n",
    "{a: 1, b: [2, 3]}  # x\n",
]
_SMALL += [
    "[a, {b: c}] # x",
    '{"a": 1, "b": [2, {"c": null}]}\n',
    '{\n  "a": 1,\n  "b": [\n    2,\n    3\n  ]\n}\n',
    "~\n",
]


class _Writer:
    """Writes the lines of one document."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.step = random.choice([2, 2, 2, 4, 1, 3])
        self.indents_lists = random.random() < 0.5
        self.commented = random.choice([0.0, 0.1, 0.3])
        self.blank = random.choice([0.0, 0.05, 0.2])
        self.shares = random.random() < 0.25
        self.tags = random.random() < 0.1
        self.anchors: list[tuple[str, str]] = []
        self.waiting: list[tuple[str, str]] = []
        self.comments = 0
        self.is_large = random.random() < 0.06

    def chance(self, probability: float) -> bool:
        return self.random.random() < probability

    def scalar(self) -> str:
        return self.random.choice(_PLAIN if self.chance(0.7) else _QUOTED)

    def tail(self) -> str:
        if not self.chance(self.commented):
            return self.random.choice(["", "", "", "  "])
        self.comments += 1
        return self.random.choice(_TAILS) + f" {self.comments}" * (self.random.random() < 0.8)

    def comment(self, key: str) -> str:
        """A comment; most of them are there once, so that it can be seen where they are after an edit."""
        self.comments += 1
        return self.random.choice(_COMMENTS).format(key=key) + f" {self.comments}" * (self.random.random() < 0.8)

    def between(self, margin: str, key: str) -> list[str]:
        """What may be between two members: comments in the column or beside it, and blank lines."""
        lines: list[str] = []
        while self.chance(self.commented):
            beside = self.random.choice([margin, margin, margin, margin + "  ", margin[:-1], ""])
            lines.append(beside + self.comment(key))
        if self.chance(self.blank):
            lines.insert(self.random.choice([0, len(lines)]), self.random.choice(["", "", "", margin, "   "]))
        return lines

    def anchor(self, kind: str) -> str:
        """An anchor for the value that is written next, or nothing. It can be used when the value is complete."""
        if not self.shares or not self.chance(0.25):
            return ""
        name = self.random.choice(["d", "base", "x1"]) + str(len(self.anchors) + len(self.waiting))
        self.waiting.append((name, kind))
        return f"&{name}"

    def done(self, count: int) -> None:
        self.anchors += self.waiting[count:]
        del self.waiting[count:]

    def mapping(self, indent: int, depth: int, *, first: str | None = None) -> list[str]:
        """The lines of a block mapping. `first` is what the first line begins with in the place of its margin."""
        margin, lines = " " * indent, list[str]()
        merges = [name for name, kind in self.anchors if kind == "mapping" or (kind == "null" and self.chance(0.1))]
        place = self.random.randint(0, 3) if merges and self.chance(0.5) else -1
        keys = self.random.sample(_KEYS, self.random.randint(1, 4))
        if depth == 0 and self.is_large:
            keys = [f"{self.random.choice(_KEYS)}-{number}" for number in range(self.random.randint(10, 40))]
        if self.chance(0.15):
            keys.append(self.random.choice(_ODD_KEYS))
        if self.chance(0.02):
            keys.append(keys[0])
        for number, key in enumerate(keys):
            if number or first is None:
                lines += self.between(margin, key)
            begin = first if first is not None and not number else margin
            if number == place and (number or first is None):
                names = self.random.sample(merges, min(len(merges), self.random.choice([1, 1, 2])))
                merged = f"*{names[0]}" if len(names) == 1 else "[" + ", ".join(f"*{name}" for name in names) + "]"
                lines.append(f"{margin}<<: {merged}{self.tail()}")
            lines += self.entry(begin, self.key(key) + self.random.choice([":", ":", ":", " :"]), indent, depth)
        if self.chance(self.commented):
            lines += [margin + self.comment("last")]
        return lines

    def key(self, text: str) -> str:
        """The key, seldom with an anchor, and still more seldom an alias of a string."""
        words = [name for name, kind in self.anchors if kind == "key"]
        if words and self.chance(0.1):
            return f"*{words[0]} "
        if self.shares and self.chance(0.05):
            self.anchors.append((f"k{len(self.anchors)}", "key"))
            return f"&{self.anchors[-1][0]} {text}"
        return text

    def entry(self, begin: str, key: str, indent: int, depth: int) -> list[str]:
        kind = self.random.choice(
            ["scalar"] * 5 + ["mapping", "list"] * (2 if depth < 3 else 0) + ["flow", "block", "odd"]
        )
        count = len(self.waiting)
        if self.chance(0.003):
            return [f"{begin}? {key.rstrip(' :')}", " " * indent + f": {self.scalar()}{self.tail()}"]
        lines = self.value(begin + key, kind, indent, depth)
        self.done(count)
        return lines

    def value(self, begin: str, kind: str, indent: int, depth: int, *, in_list: bool = False) -> list[str]:
        """The lines of a value after its key, or after the dash of its item."""
        of_shared = [name for name, _ in self.anchors]
        if of_shared and self.chance(0.15):
            return [f"{begin} *{self.random.choice(of_shared)}{self.tail()}"]
        if self.shares and self.chance(0.03):
            return [f"{begin} {self.anchor('null')}{self.tail()}".rstrip(" ")]
        anchor = self.anchor(kind)
        tag = self.random.choice(["!secret", "!!str"]) if self.tags and kind == "scalar" and self.chance(0.3) else ""
        head = " ".join(part for part in (begin, anchor, tag) if part)
        if kind == "scalar":
            return [f"{head} {self.scalar()}{self.tail()}"]
        if kind in ("mapping", "list"):
            inner = indent + self.step if kind == "mapping" or self.indents_lists or in_list else indent
            body = self.mapping(inner, depth + 1) if kind == "mapping" else self.items(inner, depth + 1)
            return [head + self.tail(), *body]
        if kind == "flow":
            return self.flow(head, indent)
        if kind == "block":
            return self.block_scalar(head, indent)
        return self.random.choice([self.null, self.plain_lines, self.quoted_lines, self.long_line])(head, indent)

    def items(self, indent: int, depth: int, *, first: str | None = None) -> list[str]:
        margin, lines = " " * indent, list[str]()
        for number in range(self.random.randint(10, 40) if depth == 0 and self.is_large else self.random.randint(1, 4)):
            if number or first is None:
                lines += self.between(margin, "item")
            dash = (first if first is not None and not number else margin) + "-"
            gap = " " * self.random.choice([1, 1, 1, 3])
            column, count = indent + 1 + len(gap), len(self.waiting)
            kind = self.random.choice(["scalar"] * 5 + ["mapping"] * 3 + ["nested", "flow", "block", "odd", "below"])
            if kind == "mapping" and depth < 4:
                lines += self.mapping(column, depth + 1, first=dash + gap)
            elif kind == "nested" and depth < 4:
                lines += self.items(column, depth + 1, first=dash + gap)
            elif kind == "below" and depth < 4:
                lines += self.value(dash, "mapping", indent, depth, in_list=True)
            else:
                kind = kind if kind in ("flow", "block", "odd") else "scalar"
                lines += self.value(dash, kind, indent, depth, in_list=True)
            self.done(count)
        return lines

    def flow(self, head: str, indent: int) -> list[str]:
        members, is_list = self.flow_members(0), self.chance(0.5)
        opening, closing = "[]" if is_list else "{}"
        parts = members if is_list else [f"{key}: {member}" for key, member in zip(_KEYS, members, strict=False)]
        if not parts or self.chance(0.6):
            comma = "," if parts and self.chance(0.1) else ""
            space = self.random.choice(["", "", " "])
            return [f"{head} {opening}{space}{', '.join(parts)}{comma}{space}{closing}{self.tail()}"]
        margin = " " * (indent + self.random.choice([1, 2, 4]))
        lines = [f"{head} {opening}{self.tail()}"]
        for number, part in enumerate(parts):
            comma = "," if number < len(parts) - 1 or self.chance(0.4) else ""
            lines += [*self.between(margin, "flow"), margin + part + comma + self.tail()]
        return [*lines, margin + closing + self.tail()]

    def flow_members(self, depth: int) -> list[str]:
        found = []
        for _ in range(self.random.choice([0, 1, 2, 3, 4])):
            scalar = self.scalar()
            is_writable = scalar[0] in "'\"" or (not set(scalar) & set("?{") and scalar[0] not in ":-")
            found.append(scalar if is_writable else "z")
            if depth < 1 and self.chance(0.2):
                inner = self.flow_members(depth + 1)
                found[-1] = "[" + ", ".join(inner) + "]" if self.chance(0.5) else "{m: " + (inner or ["1"])[0] + "}"
        return found

    def block_scalar(self, head: str, indent: int) -> list[str]:
        header, text = self.random.choice(_HEADERS), self.random.choice(_TEXTS)
        inner = indent + (2 if "2" in header else self.random.choice([1, 2, 4]))
        if "2" not in header and (text[0].startswith(" ") or not text[0]):
            text = ["text"]
        blank = ["", ""][: self.random.choice([0, 0, 0, 1, 2])]
        return [f"{head} {header}{self.tail()}", *((" " * inner + line).rstrip(" ") for line in text), *blank]

    def null(self, head: str, _: int) -> list[str]:
        return [head + self.tail()]

    def plain_lines(self, head: str, indent: int) -> list[str]:
        return [
            f"{head} several words",
            " " * (indent + 2) + "in lines",
            "",
            " " * (indent + 1) + "and more" + self.tail(),
        ]

    def quoted_lines(self, head: str, indent: int) -> list[str]:
        quote = self.random.choice("'\"")
        return [f"{head} {quote}begins # here", " " * (indent + 2) + f"key: ends{quote}{self.tail()}"]

    def long_line(self, head: str, _: int) -> list[str]:
        return [f"{head} [{', '.join(['{k: 1}', 'word', '[0]'] * 20)}]{self.tail()}"]


def random_document(random: Random) -> bytes:
    """A YAML text of one document, seldom of more, and seldom JSON or no collection."""
    if random.random() < 0.02:
        return random.choice(_SMALL).encode()
    count = 1 if random.random() < 0.9 else random.choice([2, 3])
    lines: list[str] = []
    for number in range(count):
        lines += _document(random, is_first=not number)
    newline = "\r\n" if random.random() < 0.1 else "\n"
    text = newline.join(lines) + ("" if random.random() < 0.15 else newline)
    if random.random() < 0.05:
        text = text.replace(": ", ":\t", random.randint(1, 3))
    return (b"\xef\xbb\xbf" if random.random() < 0.03 else b"") + text.encode()


def _document(random: Random, *, is_first: bool) -> list[str]:
    writer, lines = _Writer(random), list[str]()
    if not is_first or random.random() < 0.15:
        lines += ["---" + random.choice(["", "", " # document"])]
    elif random.random() < 0.1:
        lines += [random.choice(["%YAML 1.1", "%YAML 1.2"]), "---"]
    if random.random() < 0.2:
        lines += ["# the head of the file", *[""][: random.randint(0, 1)]]
    root = writer.mapping if random.random() < 0.85 else writer.items
    lines += root(random.choice([0, 0, 0, 0, 0, 0, 2]), 0)
    if random.random() < 0.3:
        lines += [*[""][: random.randint(0, 1)], "# the end"]
    return [*lines, "..."] if random.random() < 0.05 else lines
