"""Reads files that may contain credentials: no error quotes their text."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from tarmak_iam.document.document import Document
from tarmak_iam.errors import ParseError
from tarmak_iam.patterns import compiled

_OF_KUBECONFIG = compiled(
    r"""(?m)(?:^|[{,])[ \t]*["']?(?:users|contexts|current-context|[a-z-]*(?:key|authority)-data)["']?[ \t]*:"""
)
"""Keys that no other file has that tarmak-iam reads."""


@contextlib.contextmanager
def unquoted(file: str) -> Iterator[None]:
    """ParseErrors have a place, but nothing of the text. `file`: what it is, as in "the kubeconfig"."""
    try:
        yield
    except ParseError as error:
        what = f"{file} is not well-formed YAML or JSON"
        remedy = "fix it there; its text is not shown here because it may contain credentials"
        raise ParseError(what, remedy=remedy, place=error.place) from None


def unquoted_kubeconfig(data: bytes | str) -> contextlib.AbstractContextManager[None]:
    """As `unquoted`, if a file that may be of any kind looks like a kubeconfig."""
    text = data if isinstance(data, str) else data.replace(b"\0", b"").decode("utf-8", "replace")
    return unquoted("the kubeconfig") if _OF_KUBECONFIG.search(text) else contextlib.nullcontext()


def parse_unquoted(data: bytes | str, filename: str, file: str = "the kubeconfig") -> Document:
    """As `Document.parse`, with errors as in `unquoted`."""
    with unquoted(file):
        document = Document.parse(data, filename)
        _ = document.shared_data  # some errors are found only when the values are read
    return document
