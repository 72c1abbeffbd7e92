"""A batch of edits of all kinds. Renames that do not depend on each other are applied together; so are other edits."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence as SequenceOf
from dataclasses import field, replace
from typing import Any

from tarmak_iam.document.anchor_moves import keeping_anchors
from tarmak_iam.document.anchors import IN_PYTHON, SharedEdits, leads_elsewhere
from tarmak_iam.document.draft import Unclear
from tarmak_iam.document.edit_batch import EditBatch, Read
from tarmak_iam.document.edit_proof import NotProven, not_proven
from tarmak_iam.document.edits import DocumentChange, Edit, Move, Rename, Reorder
from tarmak_iam.document.intent import Intent, intended_by
from tarmak_iam.document.moved_text import MoveHere
from tarmak_iam.document.moves import Transfer, after_removal, is_moved_node, planned_move, planned_transfer
from tarmak_iam.document.nodes import Mapping, Node, Sequence
from tarmak_iam.document.renames import RenameMembers, planned_rename
from tarmak_iam.document.splices import offset_before
from tarmak_iam.document.tree import Tree
from tarmak_iam.errors import EditRefused
from tarmak_iam.late_dataclass import dataclass
from tarmak_iam.routes import Key, Route


@dataclass(slots=True, eq=False)
class _Renames:
    """Renames that are applied together. `changes` are those of each mapping, by its id, and `names` the old and new
    keys in it."""

    edits: list[tuple[int, Rename]] = field(default_factory=list)
    changes: dict[int, RenameMembers] = field(default_factory=dict)
    names: dict[int, set[str]] = field(default_factory=lambda: defaultdict(set))

    def check_independent(self, root: Node | None, edit: Rename) -> None:
        """Raises Unclear if the path of another rename leads through a key that is renamed, or if its key is one."""
        node, steps = root, Route.of(edit.path).steps
        for step in steps[:-1]:
            if isinstance(node, Mapping) and isinstance(step, Key):
                entry = node.last(step.text)
                if entry is None or step.text in self._names_in(node):
                    raise Unclear
                node = entry.value
            elif isinstance(node, Sequence) and isinstance(step, int) and 0 <= step < len(node.items):
                node = node.items[step]
            else:
                raise Unclear
        if any(isinstance(step, Key) and {step.text, edit.key} & self._names_in(node) for step in steps[-1:]):
            raise Unclear

    def _names_in(self, node: Node | None) -> set[str]:
        return self.names.get(id(node), set())

    def add(self, number: int, edit: Rename, change: RenameMembers) -> None:
        """Adds a rename and the change that it leads to."""
        mapping = change.target.node
        assert isinstance(mapping, Mapping)
        before = self.changes.get(id(mapping))
        self.changes[id(mapping)] = change if before is None else replace(change, names=before.names | change.names)
        for place, name in change.names.items():
            self.names[id(mapping)] |= {mapping.entries[place].text or "", name}
        self.edits.append((number, edit))

    @property
    def deepest_first(self) -> list[RenameMembers]:
        """The changes in an order in which the old path to each still leads to its mapping."""
        return sorted(self.changes.values(), key=lambda change: -len(change.target.route))


def _intended_move(changes: SequenceOf[DocumentChange], here: MoveHere, data: Any) -> Any:
    """The values after a move. A key that moves as it is need not be a string, as that of the placeholder is."""
    intent, entry = Intent(intended_by(changes, data)), here.old.holders[-1].entry
    if entry is not None and here.moved().key is entry.key:
        *parent, placeholder = here.target.native_path
        intent.rename(parent, {placeholder: here.old.holders[-1].native})
    return intent.data


class DocumentBatch(EditBatch):
    """Makes edits of all kinds, one after the other, as `EditBatch` does those of values."""

    def __init__(self, tree: Tree, data: Any, read: Read, *, retries: bool = True) -> None:
        super().__init__(tree, data, read, retries=retries)
        self._renames = _Renames()
        """The renames that are waiting. While there are any, no other edit is waiting."""

    def perform(self, edit: Edit) -> None:
        """Makes one edit. Raises EditRefused; then `number` is that of the edit that cannot be made."""
        number, edit = self.number + 1, replace(edit, path=Route.of(edit.path))
        if not isinstance(edit, Rename):
            self._flush_renames()
        if isinstance(edit, (Rename, Move)):
            self.flush()
        self.number = number
        if isinstance(edit, Rename):
            self._rename(number, edit)
        elif isinstance(edit, Move):
            self._move(edit)
        else:
            self._perform(number, edit)

    def finish(self) -> None:
        """Applies the edits that are waiting. Raises EditRefused."""
        number = self.number
        self._flush_renames()
        self.number = number
        super().finish()

    def _rename(self, number: int, edit: Rename) -> None:
        self.number = number
        try:
            change = self._planned_rename(edit)
        except (Unclear, EditRefused):
            if not self._renames.edits:
                raise
            self._flush_renames()
            self.number = number
            change = self._planned_rename(edit)
        if change is None:
            return
        self._renames.add(number, edit, change)
        if self.tree.has_aliases:
            self._flush_renames()

    def _planned_rename(self, edit: Rename) -> RenameMembers | None:
        """The change that a rename leads to. Raises EditRefused, and Unclear if it depends on one that is waiting."""
        if self._renames.edits:
            self._renames.check_independent(self.tree.root, edit)
        if not leads_elsewhere(self.tree, edit):
            return planned_rename(edit, self._locate)
        self._check_editable(Route.of(edit.path))
        shared = SharedEdits(self.tree, self.data)
        change = planned_rename(shared.at_home(edit), self._locate)
        if change is not None and not edit.through_alias:
            raise shared.refusal(edit, change)
        return change

    def _move(self, edit: Move) -> None:
        planned = planned_move(edit, self._locate)
        try:
            if isinstance(planned, Reorder):
                change = keeping_anchors(self.tree, planned, detaches=False)
                self._apply_all([change], intended_by([planned], self.data))
            elif planned is not None:
                self._transfer(edit, planned)
        except NotProven as refusal:
            if IN_PYTHON not in refusal.remedy:
                raise
            remedy = "replace the aliases of what is around it with their values first"
            raise EditRefused(refusal.what, remedy=remedy, place=refusal.place) from None

    def _transfer(self, edit: Move, transfer: Transfer) -> None:
        number, source, passes = self.number, self.tree.source, len(self.passes)
        self._perform(number, transfer.first)
        self.flush()
        self.number, count = number, len(self.removed)

        def line(offset: int) -> int:
            for splices in self.passes[: passes - 1 if passes else None : -1]:
                offset = offset_before(splices, offset)
            return source.position(offset)[0]

        value = self._current(self._locate(transfer.old))
        removal, here = planned_transfer(edit, transfer, self._locate, value, line)
        moved, gone = here.moved(), here.comments_removed()
        left = Counter(comment.text for comment in gone if comment not in moved.comments)
        changes = [removal, here]
        self._apply(changes, here.all_splices(moved), _intended_move(changes, here, self.data))
        removed_route = removal.target.member(removal.numbers[0]).route
        if not is_moved_node(here, self.tree, after_removal(transfer.new, removed_route)):
            raise not_proven(here.old, f"the edit would change how {here.old.route} is written")
        if Counter(comment.text for comment in self.removed[count:]) != left or (left and removal.own is None):
            raise not_proven(here.old, "the edit would lose a comment")

    def _flush_renames(self) -> None:
        """Applies the renames that are waiting, reads the new text and checks it. Raises EditRefused."""
        waiting, self._renames = self._renames, _Renames()
        if not waiting.edits:
            return
        self.number, edit = waiting.edits[-1]
        changes = waiting.deepest_first
        try:
            if edit.through_alias and self.tree.has_aliases:
                self._apply_everywhere(edit, changes)
            else:
                self._apply_all(changes, intended_by(changes, self.data))
        except EditRefused:
            if len(waiting.edits) == 1:
                raise
            for number, each in waiting.edits:
                self._rename(number, each)
                self._flush_renames()

    def _apply_everywhere(self, edit: Rename, changes: SequenceOf[RenameMembers]) -> None:
        """Applies the only rename that is waiting. It has its effect at every use of the mapping."""
        shared = SharedEdits(self.tree, self.data)
        shared.note(edit)
        intended = shared.intended(changes)
        uses = shared.others(changes, intended)
        self._apply_all(changes, intended)
        self._note_uses(uses)

    def _apply_all(self, changes: SequenceOf[DocumentChange], intended: Any) -> None:
        """Applies changes that remove no comment."""
        splices = [splice for change in changes for splice in self._splices(change)]
        count = len(self.removed)
        self._apply(list(changes), splices, intended)
        if len(self.removed) > count:
            raise not_proven(changes[-1].target, f"the edit would lose the comment {self.removed[count].text!r}")
