"""Makes edits one after the other on one text. Each is planned on a tree, written, read again and proven.

The tree is that of a window of the text, if what the edit looks at fits into one, and otherwise that of the whole text.
Both are planned, written and proven by the same code, which does not know which of them it has.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import cached_property
from typing import Any

from tarmak_iam.document import shared
from tarmak_iam.document.batches import Part, groups, planned_alone, planned_together
from tarmak_iam.document.blocks import room_of
from tarmak_iam.document.edits import AnyEdit, Append, ChangeItems, Insert, Move, Rename, Set
from tarmak_iam.document.nodes import Span, walk
from tarmak_iam.document.parsed import Comment, Text, Tree, blocks_of, data_of, read_tree
from tarmak_iam.document.plain_values import UnwritableValue, construct, plain, same, value_at
from tarmak_iam.document.proof import Change, NotProven, invalid_text, new_text, prove
from tarmak_iam.document.source import MAX_DEPTH, Source
from tarmak_iam.document.splices import Splice, offset_before
from tarmak_iam.document.target import locate
from tarmak_iam.document.update import Identity, differences, is_in_parts
from tarmak_iam.document.windows import Unsuitable, Window
from tarmak_iam.errors import EditRefused, ParseError, Place
from tarmak_iam.routes import Route


class Engine:
    """Makes edits of a text. `text` is what the edits so far lead to."""

    def __init__(self, text: Text) -> None:
        self.text = self._first = text
        self._removed: list[tuple[int, Comment]] = []  # each with the number of the step that removed it
        self._uses: list[shared.Use] = []
        self._steps: list[tuple[Window | None, list[Splice]]] = []

    @cached_property
    def removed(self) -> tuple[Comment, ...]:
        """The comments that went with what was removed or replaced, with their places in the first text, in order."""
        removed = (self._at_first(step, comment) for step, comment in self._removed)
        return tuple(sorted(removed, key=lambda comment: comment.span))

    def _at_first(self, step: int, comment: Comment) -> Comment:
        window, _ = self._steps[step]
        at = comment.span.start if window is None else window.offset(comment.span.start)
        for window, splices in reversed(self._steps[:step]):
            moved = splices if window is None else [s.moved(window.offset(s.start) - s.start) for s in splices]
            at = offset_before(moved, at)
        return comment._replace(span=Span(at, at + len(comment.text)))

    @property
    def also_changed(self) -> tuple[Route, ...]:
        """The other uses of shared values that changed, in file order."""
        return tuple(dict.fromkeys(use.route for use in sorted(self._uses, key=lambda use: use.offset)))

    def result(self) -> Text:
        """What the edits lead to; the first text is not kept."""
        self._first = self.text
        return self.text

    def update(self, wanted: Any, identities: Iterable[Identity]) -> None:
        """Changes the whole value. Raises EditRefused."""
        wanted = self._plain(wanted, Route())
        tree, data = self.text.whole()
        self.make(differences(locate(tree, Route()), data, wanted, tuple(identities)))
        if tree.has_aliases and not same(self.text.whole()[1], wanted):
            what = "the text cannot be edited to have these values: an anchor is shared by values that differ"
            raise EditRefused(what, remedy="replace its aliases with their values first", place=tree.position(Route()))

    def make(self, edits: Iterable[AnyEdit], *, count: int = 1) -> None:
        """Makes edits in order, those at once that can be. Raises EditRefused, with the number of the edit if `count`,
        the number of all edits, is more than 1."""
        for parts in groups(edits):
            left = parts
            while left and (others := self._make_at_once(left)) is not None:
                left = others
            for part in left:
                for number, edit in enumerate(part.asked, part.number):
                    alone = Part(number, (edit,), edit)
                    if left != [alone] and self._make_at_once([alone]) is not None:
                        continue
                    before, path = self.text, Route.of(edit.path)
                    try:
                        self.perform(edit)
                    except EditRefused as refusal:
                        if count == 1:
                            raise
                        # The place is one in the text that the user has.
                        place = refusal.place if before is self._first else self._first.whole()[0].position(path)
                        what = f"edit {number} of {count}: {refusal.what}"
                        raise EditRefused(what, remedy=refusal.remedy, place=place) from None

    def _make_at_once(self, parts: list[Part]) -> list[Part] | None:
        """Makes edits that do not touch each other, and returns those that can be made then; None if none was made."""
        try:
            edits = [self._checked(part.edit) for part in parts]
            window = Window(self.text.blocks, edits) if self.text.blocks is not None else None
            tree, data = self._read(window)
            inside = edits if window is None else [window.inside(edit) for edit in edits]
            change, left = planned_together(tree, data, inside)
            if change is not None:
                self._apply(change, window)
        except (Unsuitable, EditRefused, ParseError):
            return None
        return [parts[number] for number in left]

    def perform(self, edit: AnyEdit) -> None:
        """Makes one edit in the whole text. Raises EditRefused, with the place in the text before it."""
        edit = self._checked(edit)
        tree, data = self._read(None)
        there = shared.at_home(tree, edit) if shared.leads_elsewhere(edit, tree) else edit
        is_shared = there is not edit
        if isinstance(there, Set) and there.through_alias >= is_shared and isinstance(there.value, (dict, list)):
            target = locate(tree, Route.of(there.path))
            if is_in_parts(target, there.value):
                current = construct(target.node, tree.source) if is_shared else value_at(data, target.native_path)
                target = target._replace(route=Route.of(edit.path), keeps_tags=there.keep_tag)
                parts = differences(target, current, there.value)
                self.make(part._replace(through_alias=there.through_alias) for part in parts)
                return
        try:
            self._plan_and_apply(tree, data, edit, there, literals=True)
        except NotProven as refusal:  # a literal block may not be possible there
            try:
                self._plan_and_apply(tree, data, edit, there, literals=False)
            except NotProven:
                raise refusal from None

    def _plan_and_apply(self, tree: Tree, data: Any, edit: AnyEdit, there: AnyEdit, *, literals: bool) -> None:
        """Makes an edit at its place. `there` is the edit with the path to where a shared value is anchored, and `edit`
        itself for any other."""
        change, others = planned_alone(tree, data, there, literals=literals), tuple[shared.Use, ...]()
        if change is None:
            return
        if there is not edit and not isinstance(edit, Move):
            change = change._replace(intended=shared.intended_everywhere(change.target, change.intended))
            others = shared.other_uses(tree, data, change.intended, edit, change.target.node)
            if not edit.through_alias:
                raise shared.shared_refusal(tree, edit, others)
        self._apply(change, None)
        self._uses += others

    def _checked(self, edit: AnyEdit) -> AnyEdit:
        """An edit with values of plain types. Raises EditRefused."""
        route = Route.of(edit.path)
        edit = edit._replace(path=route)
        if max(len(route), len(Route.of(edit.to)) if isinstance(edit, Move) else 0) > MAX_DEPTH:
            what = f"the path has more than {MAX_DEPTH} steps"
            raise EditRefused(what, remedy="use a shorter path", place=self.text.whole()[0].position(Route()))
        if isinstance(edit, Rename):
            return edit._replace(key=self._plain(edit.key, route))
        if isinstance(edit, ChangeItems):
            return edit._replace(added={index: self._plain(new, route) for index, new in edit.added.items()})
        return edit._replace(value=self._plain(edit.value, route)) if isinstance(edit, (Set, Append, Insert)) else edit

    def _plain(self, value: Any, route: Route) -> Any:
        """The value in plain types. Raises EditRefused for one that cannot be written."""
        try:
            return plain(value)
        except UnwritableValue as error:
            place = self.text.whole()[0].position(route)
            raise EditRefused(str(error), remedy=error.remedy, place=place) from None

    def _read(self, window: Window | None) -> tuple[Tree, Any]:
        """The tree and the values of a window, or of the whole text. Raises Unsuitable and EditRefused."""
        if window is not None:
            tree = self._read_window(window.text)
            has_anchors = "&" in window.text and tree.root is not None and any(node.anchor for node in walk(tree.root))
            if tree.has_aliases or has_anchors:
                raise Unsuitable
            return tree, data_of(tree)
        tree, data = self.text.whole()
        if tree.source.encoding != "utf-8":
            what = f"the file is encoded as {tree.source.encoding.upper()}"
            raise EditRefused(what, remedy="save it as UTF-8 first", place=Place(tree.source.filename, 1, 1))
        # What most of the file is like, the first text shows.
        return replace(tree, file=self._first.source.text) if self._steps else tree, data

    def _read_window(self, text: str) -> Tree:
        form = self.text.form
        return read_tree(
            Source(text, form.filename, b"", form.encoding, form.newline), json=False, file=self._first.source.text
        )

    def _apply(self, change: Change, window: Window | None) -> None:
        """Applies a change, reads the new text and proves it. Raises EditRefused and changes nothing then."""
        text, before = new_text(change), self.text
        if window is None:
            try:
                new = replace(before, form=before.form.with_text(text), tree=None, is_behind=False)
                tree, data = new.whole()
            except ParseError as error:
                raise invalid_text(change, error) from None
            removed = prove(change, tree, data)
            new.blocks, new.room = blocks_of(new), room_of(text)
        else:
            tree = self._read_window(text)
            removed = prove(change, tree, data_of(tree))
            blocks = window.edited(change.splices)
            room = before.room - sum(len(splice.text) for splice in change.splices)
            room = room_of(blocks.text) if room < 0 else room
            if room < 0:
                raise Unsuitable
            new = replace(before, blocks=blocks, tree=None, data=None, room=room, is_behind=True)
            if blocks.block is None:
                new = replace(new, form=new.source, blocks=None, is_behind=False)
        self._removed += [(len(self._steps), comment) for comment in removed]
        self._steps.append((window, change.splices))
        self.text = new
