"""The harness itself: what it takes for a command, what it runs, and what it does not let pass."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.pages import Page, PageError
from tests.docs.running import matches, run_page, updated
from tests.docs.session import needs_bash

pytestmark = needs_bash


def run(text: str, root: Path) -> list[str]:
    return [each.text for each in run_page(Page("page.md", text), root / "session")]


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("```bash\nls\n```\n", "page.md:1: unknown language 'bash' of a block: use one of console, sh, "),
        ("```\nls\n```\n", "page.md:1: unknown language '' of a block"),
        ("```console\nls\n```\n", "page.md:1: a console block begins with a command"),
        ("text\n\n    ls\n", "page.md:3: indented blocks are not run"),
        ("<!-- setup ls -->\n", "page.md:1: 'setup ls' is no instruction"),
        ("<!-- not run: x -->\n\n```sh\nls\n```\n", "page.md:3: `not run` stands on the line before a block"),
        ("text <!-- setup: ls --> text\n", "page.md:1: a comment within a paragraph"),
    ],
)
def test_what_is_not_in_the_form(text: str, error: str) -> None:
    with pytest.raises(PageError) as raised:
        Page("page.md", text).steps()
    assert str(raised.value).startswith(error)


def test_a_page_is_one_session(tmp_path: Path) -> None:
    text = """\
<!-- setup: export SHOWN=yes -->
```console
$ pwd
/home/you/work
$ mkdir one && cd one && hidden=there
$ echo $SHOWN $hidden && pwd && ls ~
yes there
/home/you/work/one
work
$ say() { echo "say $1"; }
$ false
$ echo $?
1
$ exit 3
$ echo $?
3
$ say $SHOWN; pwd
say yes
/home/you/work/one
```

```sh
for each in a b; do
    echo "$each" >> list
done
```

```text two/file
text
```

```console
$ cat list two/file; echo problem >&2; echo fine
a
b
text
problem
fine
```
"""
    assert run(text, tmp_path) == []


def test_a_difference_names_line_and_command(tmp_path: Path) -> None:
    text = "# A\n\n```console\n$ echo one; echo two\none\n```\n"
    (found,) = run(text, tmp_path)
    assert found == (
        "page.md:4: $ echo one; echo two\n    --- page\n    +++ actual output\n    @@ -1 +1,2 @@\n     one\n    +two"
    )


def test_failures_are_not_passed_over(tmp_path: Path) -> None:
    text = """\
<!-- setup: ls /nowhere -->

```console
$ (exit 4)
$ true
```

```sh
true
false
echo never
```

```python
raise SystemExit(1)
```
"""
    found = [each.splitlines()[:2] for each in run(text, tmp_path)]
    assert found == [
        ["page.md:1: setup: ls /nowhere", "    exit code 2"],
        ["page.md:4: $ (exit 4)", "    exit code 4, and the next command is not `echo $?`"],
        ["page.md:10: false", "    exit code 1"],
        ["page.md:15: the program fails", "    exit code 1"],
    ]


def test_outputs_can_be_written(tmp_path: Path) -> None:
    page = Page("page.md", "- x\n  ```console\n  $ echo one\n  two\n  three\n  $ echo last\n  ```\n\nend\n")
    text = updated(page, run_page(page, tmp_path / "session"))
    assert text == "- x\n  ```console\n  $ echo one\n  one\n  $ echo last\n  last\n  ```\n\nend\n"


@pytest.mark.parametrize(
    ("expected", "got", "is_same"),
    [
        ("a", "a", True),
        ("a", "b", False),
        ("", "", True),
        ("...", "", True),
        ("...", "a b", True),
        ("a ... c", "a b b c", True),
        ("a ... c", "a c", True),
        ("a ... c", "a c d", False),
        ("a ... c ...", "a b c d", True),
        ("... b ... b", "a b", False),
        ("... a b ... d", "x a b c d", True),
        ("... a b", "x a b c", False),
    ],
)
def test_three_dots_stand_for_lines(expected: str, got: str, is_same: bool) -> None:
    assert matches(expected.split(), [f"{line} " for line in got.split()]) is is_same
