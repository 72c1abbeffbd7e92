"""Files of 1 MB that were made to take long: processor time and memory of each command. Run by `make hostile`.

`python benchmarks/hostile.py [--size BYTES] [SHAPE ...]`. The limits are 10 seconds of one processor and 300 MB.
"""

from __future__ import annotations

import argparse
import os
import resource
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

__all__ = ["COMMANDS", "SHAPES", "main"]

SECONDS, MEGABYTES = 10, 300
_KILLED_AFTER = 45

CONFIG, MAPPINGS, SETTINGS = "tarmak.yaml", "dev-cluster/aws-iam-authenticator.yaml", "dev-cluster/tarmak-iam.yaml"
ROLE = "arn:aws:iam::111122223333:role/"
HEADS = {
    CONFIG: """\
apiVersion: api.tarmak.io/v1alpha1
kind: Config
currentCluster: dev-cluster
environments:
- metadata: {name: dev}
  provider: aws
providers:
- metadata: {name: aws}
clusters:
- environment: dev
  metadata: {name: cluster}
  kubernetes:
    version: 1.12.9
    apiServer: {amazon: {awsIAMAuthenticatorInit: true}, allowCIDRs: [10.0.0.0/8]}
""",
    MAPPINGS: f"""\
clusterID: dev-cluster
server:
  mapRoles:
  - rolearn: {ROLE}Admin
    username: admin
    groups: [system:masters]
""",
    SETTINGS: "backends: [MountedFile]\n",
}


def repeated(line: str) -> Callable[[int], str]:
    """The line as often as it fits; `{n}` in it is its number."""

    def text(size: int) -> str:
        count = size // len(line.replace("{n}", "12345"))
        return "".join(line.replace("{n}", str(number)) for number in range(count))

    return text


def within(before: str, part: str, after: str = "\n") -> Callable[[int], str]:
    """The part as often as it fits, after one text and before another."""
    return lambda size: before + repeated(part)(size) + after


def _merge_chain(size: int) -> str:
    return "a0: &a0 {k0: v}\n" + "".join(f"a{n}: &a{n}\n  <<: *a{n - 1}\n  k{n}: v\n" for n in range(1, size // 40))


def _doubling(size: int) -> str:
    return (
        "a0: &a0 [x, x]\n"
        + "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 16))
        + repeated("b{n}: *a5\n")(size)
    )


CLUSTER = "- metadata: {name: c}\n  environment: dev\n"
ENTRY = f"  - rolearn: {ROLE}R\n    username: u\n"
SSO = "  - username: u\n    sso: {accountID: '111122223333'"
API_SERVER = f"{CLUSTER}  kubernetes:\n    apiServer:\n"

SHAPES: dict[str, tuple[str, Callable[[int], str]]] = {
    "comments": (CONFIG, repeated("# note\n")),
    "commented-out keys": (CONFIG, repeated("# key{n}: value\n")),
    "unused suppressions": (CONFIG, repeated("# tarmak-iam: ignore[IAM074] because\n")),
    "suppressed findings": (CONFIG, repeated("k{n}: 1  # tarmak-iam: ignore[IAM003] because\n")),
    "a comment with many IDs": (CONFIG, within("# tarmak-iam: ignore[IAM074", ", IAM{n}", "] because\n")),
    "a comment with many brackets": (CONFIG, within("# tarmak-iam: ", "ignore[")),
    "unknown keys": (CONFIG, repeated("clustrs{n}: 1\n")),
    "unknown keys of the cluster": (CONFIG, repeated("  kubernets{n}: 1\n")),
    "duplicate keys": (CONFIG, repeated("a: 1\n")),
    "clusters without a name": (CONFIG, repeated("- {}\n")),
    "clusters": (CONFIG, repeated("- metadata: {name: c{n}}\n  environment: dev\n")),
    "clusters of one name": (CONFIG, repeated("- metadata: {name: cluster}\n  environment: dev\n")),
    "instance pools": (CONFIG, within(f"{CLUSTER}  instancePools:\n", "  - {name: a, type: worker}\n")),
    "addresses": (CONFIG, within(f"{API_SERVER}      allowCIDRs:\n", "      - 10.0.0.0/8  # c\n")),
    "aliases of one anchor": (CONFIG, within("a: &a 1\nl:\n", "- *a\n")),
    "aliases in one line": (CONFIG, within("a: &a 1\nl: [", "*a, ", "]\n")),
    "aliases of a list": (CONFIG, _doubling),
    "anchors and aliases": (CONFIG, repeated("k{n}: &a{n} v\nl{n}: *a{n}\n")),
    "anchors of one name": (CONFIG, within("l:\n", "- &a v\n- *a\n")),
    "merge keys": (CONFIG, within("a: &a {k: v}\n", "m{n}: {<<: *a}\n")),
    "a merge list": (CONFIG, within("a: &a {k: v}\nm:\n  <<: [", "*a, ", "]\n")),
    "merges of merges": (CONFIG, _merge_chain),
    "tags": (CONFIG, within("l:\n", "- !t{n} v\n")),
    "a long tag": (CONFIG, within("t: !", "t", " v\n")),
    "standard tags": (CONFIG, within("l:\n", "- !!str v\n- !!int 1\n")),
    "nested blocks": (CONFIG, repeated("".join(f"{' ' * n}k{{n}}:\n" for n in range(190)))),
    "nested brackets": (CONFIG, repeated("k{n}: " + "[" * 190 + "]" * 190 + "\n")),
    "nested braces": (CONFIG, repeated("k{n}: " + "{a: " * 190 + "}" * 190 + "\n")),
    "brackets in one line": (CONFIG, within("k: [", "[], ", "]\n")),
    "a list in one line": (CONFIG, within("k: [", "a, ", "]\n")),
    "a mapping in one line": (CONFIG, within("k: {", "k{n}: v, ", "}\n")),
    "a scalar of one line": (CONFIG, within("k: ", "word ")),
    "a scalar in double quotes": (CONFIG, within('k: "', "\\n\\u00e4", '"\n')),
    "a scalar in single quotes": (CONFIG, within("k: '", "''", "'\n")),
    "a plain scalar of many lines": (CONFIG, within("k: a\n", "  b\n")),
    "a literal block": (CONFIG, within("k: |\n", "  b\n")),
    "mappings in one line": (CONFIG, within("k: [", "{k: 1}, ", "]\n")),
    "lists in one line": (CONFIG, within("k: [", "[0], ", "]\n")),
    "pairs in one line": (CONFIG, within("k: [", "a: 1, ", "]\n")),
    "question marks in one line": (CONFIG, within("k: x", " ?y ?y")),
    "question marks in brackets": (CONFIG, within("k: [", "? y, ", "]\n")),
    "JSON in a literal block": (CONFIG, within("k: |\n  [", '{"k": 1, "l": [1, 2]}, ', "]\n")),
    "JSON in a folded block": (CONFIG, within("k: >\n  [", '{"k": 1, "l": [1, 2]}, ', "]\n")),
    "keys and tags in a comment": (CONFIG, within("# ", "a: !x ")),
    "keys and tags behind a value": (CONFIG, within("k: 1 # ", "a: !x ")),
    "hashes in quotes": (CONFIG, within('k: "', "a # ", '"\n')),
    "tabs between words": (CONFIG, within("k: ", "a\tb ")),
    "colons between words": (CONFIG, within("k: ", "a:b ")),
    "templates in one line": (CONFIG, within("k: a ", "{{ x }} ")),
    "tags in one line": (CONFIG, within("k: [", "!t a, ", "]\n")),
    "anchors in one line": (CONFIG, within("k: [", "&a{n} a, ", "]\n")),
    "comments between an anchor and its value": (CONFIG, within("k: &a !!str\n", "  # c\n", "  v\n")),
    "comments in brackets": (CONFIG, within("k: [\n", "a, # c\n", "]\n")),
    "blanks after a marker": (CONFIG, within("--- ", " ", "# c\n")),
    "literal blocks": (CONFIG, repeated("k{n}: |\n  a\n   \n")),
    "a quote without its end": (CONFIG, within('k: "', "word ")),
    "keys without a value": (CONFIG, repeated("? k{n}\n")),
    "complex keys": (CONFIG, repeated("? [k{n}]\n: v\n")),
    "documents": (CONFIG, repeated("---\na: 1\n")),
    "blank lines": (CONFIG, within("a: 1\n", "\n")),
    "words that other readers read differently": (CONFIG, within("l:\n", "- on\n- 0o7\n- 1_0\n")),
    "mapped roles": (MAPPINGS, repeated(f"  - {{rolearn: {ROLE}R{{n}}, username: u{{n}}}}\n")),
    "mapped roles of one ARN": (MAPPINGS, repeated(f"  - {{rolearn: {ROLE}R, username: u}}\n")),
    "mapped roles without an ARN": (MAPPINGS, repeated("  - {username: u}\n")),
    "malformed ARNs": (MAPPINGS, repeated("  - {rolearn: 'arn:aw:iam::1:role/{n}'}\n")),
    "empty mappings": (MAPPINGS, repeated("  - {}\n")),
    "misspelt keys of mappings": (MAPPINGS, repeated("  - {rolarn: a{n}, usrname: b}\n")),
    "administrators": (MAPPINGS, repeated(f"  - {{rolearn: {ROLE}{{n}}, username: u, groups: [system:masters]}}\n")),
    "misspelt groups": (MAPPINGS, repeated(f"  - {{rolearn: {ROLE}R{{n}}, username: u, groups: [system:master]}}\n")),
    "groups of a role": (MAPPINGS, within(f"{ENTRY}    groups:\n", "    - g{n}\n")),
    "equal groups of a role": (MAPPINGS, within(f"{ENTRY}    groups:\n", "    - system:master\n")),
    "templates of a username": (MAPPINGS, within(f"  - rolearn: {ROLE}R\n    username: '", "{{SessionName}}", "'\n")),
    "a long ARN": (MAPPINGS, within(f"  - username: u\n    rolearn: {ROLE}", "a/")),
    "wildcards of an SSO role": (MAPPINGS, within(f"{SSO}, permissionSetName: '", "*", "'}\n")),
    "mapped accounts": (MAPPINGS, within("  mapAccounts:\n", "  - '{n}'\n")),
    "suppressed mappings": (MAPPINGS, repeated("  - {}  # tarmak-iam: ignore[IAM010] because\n")),
    "unknown settings": (SETTINGS, repeated("imag{n}: x\n")),
    "feature gates": (SETTINGS, within("featureGates:\n", "  G{n}: true\n")),
    "suppressions in settings": (SETTINGS, repeated("# tarmak-iam: ignore[IAM074] because\n")),
    "backends": (SETTINGS, within("x: [", "CRD, ", "]\n")),
}  # fmt: skip

CHECK, REPORT = ("check", "--diff", "--unsafe-fixes"), ("report", "-o", "html")
COMMANDS = {
    CONFIG: (CHECK, REPORT, ("config", "append", "kubernetes.apiServer.allowCIDRs", "192.0.2.0/24", "--dry-run")),
    MAPPINGS: (CHECK, REPORT, ("map", "add", f"{ROLE}New", "--username", "new", "--group", "dev", "--dry-run")),
    SETTINGS: (CHECK, REPORT, ("settings", "set", "daemonVersion", "0.5.9", "--dry-run")),
}
"""By the file that is made for them: the edit is of that file."""


def measured(directory: str, words: Sequence[str]) -> tuple[float, float, int, str]:
    """Seconds of the processor, megabytes, the exit code, and what the command said."""
    output = Path(directory) / "output"
    pid = os.fork()
    if pid == 0:
        resource.setrlimit(resource.RLIMIT_CPU, (_KILLED_AFTER, _KILLED_AFTER))
        with output.open("wb") as file:
            os.dup2(file.fileno(), 1)
            os.dup2(file.fileno(), 2)
        os.execv(sys.executable, [sys.executable, "-m", "tarmak_iam", "-c", directory, *words])
    _, status, used = os.wait4(pid, 0)
    said = output.read_bytes()[-4000:].decode(errors="replace")
    return used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, os.waitstatus_to_exitcode(status), said


def row(file: str, text: str) -> list[str]:
    cells = []
    with tempfile.TemporaryDirectory() as directory:
        (Path(directory) / "dev-cluster").mkdir()
        for name, head in HEADS.items():
            (Path(directory) / name).write_text(head + text if name == file else head, encoding="utf-8")
        for words in COMMANDS[file]:
            seconds, megabytes, code, said = measured(directory, words)
            note = " limit" if code == 2 and "limit" in said else ""
            note = note if code in (0, 1, 2) else f" exit {code}"
            mark = "**" if seconds > SECONDS or megabytes > MEGABYTES else ""
            cells.append(f"{mark}{seconds:.1f} s, {megabytes:.0f} MB{note}{mark}")
    return cells


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python benchmarks/hostile.py")
    parser.add_argument("--size", type=int, default=1_000_000)
    parser.add_argument("shapes", nargs="*", metavar="SHAPE", help=", ".join(SHAPES))
    asked = parser.parse_args(argv)
    print("| shape | check --diff --unsafe-fixes | report | an edit |\n| --- | ---: | ---: | ---: |")
    for name in asked.shapes or SHAPES:
        file, text = SHAPES[name]
        print(f"| {name} | {' | '.join(row(file, text(asked.size)))} |", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
