"""Makes edits one after the other on one text. Each is planned on a tree, written, read again and proven.

The tree is that of a window of the text, if what the edit looks at fits into one, and otherwise that of the whole text.
Both are planned, written and proven by the same code, which does not know which of them it has.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from functools import cached_property
from typing import Any

from tarmak_iam.document import shared
from tarmak_iam.document.blocks import Member, room_of
from tarmak_iam.document.edits import AnyEdit, Append, Insert, Move, Remove, Rename, Set
from tarmak_iam.document.moves import Transfer, pasted, planned_move, shifted
from tarmak_iam.document.nodes import Span, walk
from tarmak_iam.document.parsed import Text, blocks_of, data_of, read_tree
from tarmak_iam.document.plain_values import UnwritableValue, construct, plain, same, value_at
from tarmak_iam.document.plan import planned
from tarmak_iam.document.proof import Change, NotProven, invalid_text, new_text, prove
from tarmak_iam.document.shared import SharedEdit
from tarmak_iam.document.source import MAX_DEPTH, Source
from tarmak_iam.document.splices import Splice, offset_before
from tarmak_iam.document.target import locate, refused
from tarmak_iam.document.tree import Comment, Tree
from tarmak_iam.document.update import Identity, differences, is_in_parts
from tarmak_iam.document.windows import Unsuitable, Window
from tarmak_iam.errors import EditRefused, ParseError, Place
from tarmak_iam.routes import Route


class Engine:
    """Makes edits of a text. `text` is what the edits so far lead to."""

    def __init__(self, text: Text) -> None:
        self.text = text
        self._removed: list[tuple[int, Comment]] = []  # each with the number of the step that removed it
        self._uses: list[shared.Use] = []
        self._steps: list[tuple[Window | None, list[Splice]]] = []
        self._file: str | None = None

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
        self._file = None
        return self.text

    def update(self, wanted: Any, identities: Iterable[Identity]) -> None:
        """Changes the whole value. Raises EditRefused."""
        wanted = self._plain(wanted, Route())
        tree, data = self.text.whole()
        for edit in differences(locate(tree, Route()), data, wanted, tuple(identities)):
            self.perform(edit)
        if tree.has_aliases and not same(self.text.whole()[1], wanted):
            what = "the text cannot be edited to have these values: an anchor is shared by values that differ"
            raise EditRefused(what, remedy="replace its aliases with their values first", place=tree.position(Route()))

    def perform(self, edit: AnyEdit) -> None:
        """Makes one edit. Raises EditRefused, with the place in the text before it."""
        if self._file is None:
            self._file = self.text.source.text
        route = Route.of(edit.path)
        edit = edit._replace(path=route)
        if max(len(route), len(Route.of(edit.to)) if isinstance(edit, Move) else 0) > MAX_DEPTH:
            what = f"the path has more than {MAX_DEPTH} steps"
            raise EditRefused(what, remedy="use a shorter path", place=self.text.whole()[0].position(Route()))
        if isinstance(edit, Rename):
            edit = edit._replace(key=self._plain(edit.key, route))
        elif isinstance(edit, (Set, Append, Insert)):
            edit = edit._replace(value=self._plain(edit.value, route))
        if self.text.blocks is not None:
            text, removed, steps = self.text, len(self._removed), len(self._steps)
            try:
                self._in_window(edit, self.text.blocks)
                return
            except (Unsuitable, EditRefused, ParseError):
                self.text = text
                del self._removed[removed:], self._steps[steps:]
        tree, data = self.text.whole()
        if tree.source.encoding != "utf-8":
            what = f"the file is encoded as {tree.source.encoding.upper()}"
            raise EditRefused(what, remedy="save it as UTF-8 first", place=Place(tree.source.filename, 1, 1))
        if self._steps:  # what most of the file is like, the first text shows
            tree = replace(tree, file=self._file)
        self._make(tree, data, edit, edit, None)

    def _plain(self, value: Any, route: Route) -> Any:
        """The value in plain types. Raises EditRefused for one that cannot be written."""
        try:
            return plain(value)
        except UnwritableValue as error:
            place = self.text.whole()[0].position(route)
            raise EditRefused(str(error), remedy=error.remedy, place=place) from None

    def _in_window(self, edit: AnyEdit, blocks: Member) -> None:
        window = Window(blocks, edit)
        tree = self._read_window(window.text)
        has_anchors = "&" in window.text and tree.root is not None and any(node.anchor for node in walk(tree.root))
        if tree.has_aliases or has_anchors:
            raise Unsuitable
        there = edit._replace(path=window.translated(Route.of(edit.path), outwards=False))
        if isinstance(there, Move):
            there = there._replace(to=window.translated(Route.of(there.to), outwards=False))
        self._make(tree, data_of(tree), there, edit, window)

    def _read_window(self, text: str) -> Tree:
        form = self.text.form
        return read_tree(Source(text, form.filename, b"", form.encoding, form.newline), json=False, file=self._file)

    def _make(self, tree: Tree, data: Any, edit: AnyEdit, asked: AnyEdit, window: Window | None) -> None:
        """Makes an edit on a tree, of a window or of the whole text. `asked` is the edit with its path in the whole."""
        if isinstance(edit, Move):
            transfer = planned_move(tree, data, edit)
            if isinstance(transfer, Change):
                self._apply(transfer, window)
            elif transfer is not None:
                self._move(tree, data, edit, transfer, window)
            return
        is_shared = shared.leads_elsewhere(tree, edit)
        there = shared.at_home(tree, edit) if is_shared else edit
        if isinstance(there, Set) and there.through_alias >= is_shared and isinstance(there.value, (dict, list)):
            target = locate(tree, Route.of(there.path))
            if is_in_parts(target, there.value):
                current = construct(target.node, tree.source) if is_shared else value_at(data, target.native_path)
                target = target._replace(route=Route.of(asked.path), keeps_tags=there.keep_tag)
                for part in differences(target, current, there.value):
                    self.perform(part if isinstance(part, Move) else part._replace(through_alias=there.through_alias))
                return
        try:
            self._plan_and_apply(tree, data, edit, there, window, literals=True)
        except NotProven as refusal:  # a literal block may not be possible there
            try:
                self._plan_and_apply(tree, data, edit, there, window, literals=False)
            except NotProven:
                raise refusal from None

    def _plan_and_apply(
        self, tree: Tree, data: Any, edit: SharedEdit, there: SharedEdit, window: Window | None, *, literals: bool
    ) -> None:
        """Makes an edit at its place. `there` is the edit with the path to where a shared value is anchored, and `edit`
        itself for any other."""
        change, others = planned(tree, data, there, literals=literals), tuple[shared.Use, ...]()
        if change is None:
            return
        if there is not edit:
            change = change._replace(intended=shared.intended_everywhere(change.target, change.intended))
            others = shared.other_uses(tree, data, change.intended, edit, change.target.node)
            if not edit.through_alias:
                raise shared.shared_refusal(tree, edit, others)
        self._apply(change, window)
        self._uses += others

    def _move(self, tree: Tree, data: Any, edit: Move, transfer: Transfer, window: Window | None) -> None:
        new, old = transfer.new, transfer.old
        if window is not None:
            new = window.translated(new, outwards=True)
            old = shifted(window.translated(Route.of(edit.path), outwards=True), new)
        change = pasted(tree, data, transfer)
        self._apply(change, window)
        before = len(self._removed)
        self.perform(Remove(old, edit.prune))
        moved, left = Counter(comment.text for comment in transfer.comments), []
        for step, comment in self._removed[before:]:
            if moved[comment.text]:
                moved[comment.text] -= 1
            else:
                left.append((step, comment))
        if +moved:
            raise refused(change.target, f"the comment {next(iter(+moved))!r} cannot be moved", "move it in an editor")
        self._removed[before:] = left

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
            added = sum(len(splice.text) for splice in change.splices)
            if added > before.room and before.blocks is not None:
                before.room = room_of(before.blocks.text)
            if added > before.room:
                raise Unsuitable
            tree = self._read_window(text)
            removed = prove(change, tree, data_of(tree))
            blocks = window.edited(change.splices)
            new = replace(before, blocks=blocks, tree=None, data=None, room=before.room - added, is_behind=True)
            if blocks.block is None:
                new = replace(new, form=new.source, blocks=None, is_behind=False)
        self._removed += [(len(self._steps), comment) for comment in removed]
        self._steps.append((window, change.splices))
        self.text = new
