"""The subjects of clusters with another text of one of their files."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from tarmak_iam.document import Document
from tarmak_iam.findings import Subject
from tarmak_iam.installation.installation import Installation
from tarmak_iam.installation.settings import parse_settings
from tarmak_iam.lint.rule import Subjects


def document_of(subjects: Iterable[Subjects], subject: Subject, filename: str) -> Document:
    """The document with that name, which one of them has."""
    documents = (each.text_of(subject) for each in subjects)
    return next(each for each in documents if each is not None and each.filename == filename)


def with_document(subjects: Sequence[Subjects], subject: Subject, document: Document) -> tuple[Subjects, ...]:
    """The subjects with another text of one file; tarmak.yaml is that of all clusters. Raises TarmakIamError if it
    cannot be used."""
    if subject is Subject.CONFIG:
        config = next(each.config for each in subjects if each.config is not None).with_document(document)
        return tuple(_rebuilt(replace(each, config=config)) for each in subjects)
    state = []
    for each in subjects:
        old = each.text_of(subject)
        if old is None or old.filename != document.filename:
            state.append(each)
        elif subject is Subject.MAPPINGS and each.mappings is not None:
            state.append(_rebuilt(replace(each, mappings=each.mappings.with_document(document))))
        else:
            settings, text = parse_settings(document.to_bytes(), document.filename)
            installation = each.installation
            if installation is not None:
                installation = replace(installation, settings=settings)
            state.append(_rebuilt(replace(each, settings=text, installation=installation)))
    return tuple(state)


def _rebuilt(subjects: Subjects) -> Subjects:
    """With the installation of the files that it has now."""
    old, config = subjects.installation, subjects.config
    if old is None or config is None:
        return subjects
    cluster = config.clusters[old.cluster.index]
    made = Installation.of(
        config, cluster, subjects.mappings, old.settings, admin=old.admin, now=old.now, follow_links=old.follow_links
    )
    return replace(subjects, installation=made)
