"""Which figures must stay unsaid so that small ones cannot be computed: complementary suppression, and its proof.

A system of unknowns and what is public about them: sums with equality, parts that are at most their whole. A protected
figure is safe when everything that is public allows it to be any number from 1 to 4 (:data:`SMALL`). Pure: no database.

Whoever attacks knows all published figures, that figures are not negative, and our own rule that a zero is never
withheld; so every unknown is at least 1.
"""

from collections import defaultdict, deque
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

SMALL = (1, 4)  # counts of persons and cases from the first to the second are small
LEAST = 1  # of what is withheld: a zero is always published
_TOLERANCE = 1e-6
_SOLVED, _UNBOUNDED = 0, 3  # as scipy.optimize.linprog says

Name = Hashable


class CannotBeProtected(ValueError):
    """Some small figure follows from what is public already, whatever else is withheld; ``names`` are those figures."""

    def __init__(self, names: Sequence[Name]) -> None:
        super().__init__(f"{len(names)} small figures follow from what is published already: {names[:5]}")
        self.names = names


@dataclass(frozen=True)
class Sum:
    """``total`` is the sum of ``parts``, up to a difference that everybody may know."""

    total: Name
    parts: tuple[Name, ...]


@dataclass
class Problem:
    """Figures by name, what is known of them and how they hang together.

    ``values`` are all true figures; ``hidden`` are not public; of those ``protected`` must not be computed.
    ``candidates`` may be withheld as well, those with the lowest rank first; what is public elsewhere is none.
    ``sums`` and ``parts`` (pairs of a part and its whole) hold for the true values.
    """

    values: dict[Name, float]
    hidden: set[Name]
    protected: set[Name]
    candidates: Mapping[Name, int]
    sums: Sequence[Sum]
    parts: Sequence[tuple[Name, Name]] = field(default_factory=tuple)
    _seen: dict[Name, tuple[float, float]] = field(default_factory=dict, init=False)

    @cached_property
    def _sums_of(self) -> dict[Name, list[int]]:
        found = defaultdict(list)
        for number, one in enumerate(self.sums):
            for name in (one.total, *one.parts):
                found[name].append(number)
        return found

    @cached_property
    def _parts_of(self) -> dict[Name, list[tuple[Name, Name]]]:
        found = defaultdict(list)
        for pair in self.parts:
            for name in pair:
                found[name].append(pair)
        return found

    def row(self, number: int) -> dict[Name, int]:
        """The unknowns of a sum with their factors: what is public of it says only what these add up to."""
        one = self.sums[number]
        row = {name: -1 for name in one.parts if name in self.hidden}
        if one.total in self.hidden:
            row[one.total] = 1
        return row

    def protect(self) -> set[Name]:
        """Hide as many candidates as it takes and return them; the result is proven, figure by figure.

        Raises:
            CannotBeProtected: no candidate is left that would help.
        """
        added: set[Name] = set()
        waiting = self._open(self.protected)
        while waiting:
            lost = []
            for name in waiting:
                while not self._is_safe(name):
                    other = self._complement(name)
                    if other is None:
                        lost.append(name)
                        break
                    self.hidden.add(other)
                    added.add(other)
            if lost:
                raise CannotBeProtected(lost)
            # To hide one figure may tie it to others, and never tells more about any, so this ends with the first pass.
            waiting = self._open(self.protected)
        return added

    def _open(self, names: Iterable[Name]) -> list[Name]:
        return [name for name in sorted(names, key=repr) if not self._is_safe(name)]

    def bounds(self, name: Name) -> tuple[float, float]:
        """Return the lowest and highest value of a hidden figure that everything public allows."""
        return self._solve(name)

    def _needed(self, name: Name) -> tuple[float, float]:
        """What a figure must be able to be: 1 to 4, unless a public figure of the same place says otherwise."""
        low, high = self._limits(name)
        return max(SMALL[0], low), min(SMALL[1], high)

    def _limits(self, name: Name) -> tuple[float, float]:
        """What single public figures say about a hidden one: its published parts and wholes."""
        low, high = float(min(LEAST, self.values[name])), float("inf")
        for part, whole in self._parts_of.get(name, ()):
            if part == name and whole not in self.hidden:
                high = min(high, self.values[whole])
            if whole == name and part not in self.hidden:
                low = max(low, self.values[part])
        return low, high

    def _is_safe(self, name: Name) -> bool:
        low, high = self._needed(name)
        if low >= high:
            return False
        ends = [end for end in (low, high) if not self._can_be(name, end)]
        if not ends:
            return True
        lowest, highest = self._solve(name)
        return lowest <= low + _TOLERANCE and highest >= high - _TOLERANCE

    def _can_be(self, name: Name, value: float) -> bool:
        """Whether ``name`` can be ``value`` while one other figure gives way in each sum; then all sums still hold."""
        return self._seen_at(name, value) or any(self._note(moved) for moved in self._moves({}, name, value, depth=2))

    def _moves(self, moved: Mapping[Name, float], name: Name, value: float, depth: int) -> Iterator[dict[Name, float]]:
        """Yield ways to set ``name`` on top of what is ``moved`` already, so that all sums and parts hold."""
        for sums_hold in self._in_its_sums(moved, name, value):
            broken = self._broken(sums_hold)
            if broken is None:
                continue
            if not broken:
                yield sums_hold
            elif depth:
                # A part larger than its whole: lower the part, or raise the whole, whichever was not moved before.
                part, whole = broken
                for one, bound in ((part, whole), (whole, part)):
                    if one not in sums_hold and one in self.hidden:
                        target = sums_hold.get(bound, self.values[bound])
                        yield from self._moves(sums_hold, one, target, depth - 1)

    def _in_its_sums(self, moved: Mapping[Name, float], name: Name, value: float) -> Iterator[dict[Name, float]]:
        change = value - self.values[name]
        rows = {number: row for number in self._sums_of.get(name, ()) if (row := self.row(number))}
        if not rows or not change:
            yield {**moved, name: value}
            return
        helpers = {}
        for other in rows[min(rows)]:
            signs = {row[name] * row.get(other, 0) for row in rows.values()}
            if other == name or other in moved or len(signs) > 1 or 0 in signs:
                continue
            if {number for number in self._sums_of[other] if self.row(number)} == rows.keys():
                helpers[other] = -signs.pop() * change
        largest_first = sorted(helpers, key=lambda one: (-self.values[one], repr(one)))
        for other in largest_first:
            yield {**moved, name: value, other: self.values[other] + helpers[other]}
        # All give a little, as far as their own published parts let them.
        left, given = abs(change), {}
        for other in largest_first:
            if helpers[other] < 0 and left:
                given[other] = max(self.values[other] - left, self._limits(other)[0])
                left -= self.values[other] - given[other]
        if given and not left:
            yield {**moved, name: value, **given}

    def _broken(self, moved: Mapping[Name, float]) -> tuple[Name, Name] | tuple[()] | None:
        """Return a pair of a part that is larger than its whole, nothing, or None when that cannot be mended."""
        for name, value in moved.items():
            if value < min(LEAST, self.values[name]):
                return None
            for part, whole in self._parts_of.get(name, ()):
                if moved.get(part, self.values[part]) > moved.get(whole, self.values[whole]):
                    return part, whole
        return ()

    def _seen_at(self, name: Name, value: float) -> bool:
        low, high = self._seen.get(name, (self.values[name], self.values[name]))
        return low - _TOLERANCE <= value <= high + _TOLERANCE

    def _note(self, possible: Mapping[Name, float]) -> bool:
        """Keep what figures can be. All that is public allows still does when more is hidden, so it stays true."""
        for name, value in possible.items():
            low, high = self._seen.get(name, (self.values[name], self.values[name]))
            self._seen[name] = min(low, value), max(high, value)
        return True

    def _reach(self, name: Name) -> tuple[dict[Name, int], dict[int, int]]:
        """Return the hidden figures and the sums that hang together with ``name``, each with its distance."""
        distance, sums, queue = {name: 0}, {}, deque([name])
        while queue:
            one = queue.popleft()
            near = []
            for number in self._sums_of.get(one, ()):
                if number not in sums:
                    sums[number] = distance[one] + 1
                    near += sorted(self.row(number), key=repr)
            near += [other for pair in self._parts_of.get(one, ()) for other in pair if other in self.hidden]
            for other in near:
                if other not in distance:
                    distance[other] = distance[one] + 1
                    queue.append(other)
        return distance, sums

    def _complement(self, name: Name) -> Name | None:
        """Choose what to hide next: near, tied to no sum alone, low in rank, not small itself, and little."""
        _, sums = self._reach(name)
        best = None
        for number, distance in sums.items():
            one = self.sums[number]
            for other in (one.total, *one.parts):
                if other in self.hidden or other not in self.candidates or self.values[other] < LEAST:
                    continue
                alone = sum(not self.row(theirs) for theirs in self._sums_of[other])
                value = self.values[other]
                cost = (alone, distance, self.candidates[other], value <= SMALL[1], value, repr(other))
                if best is None or cost < best[0]:
                    best = (cost, other)
        return best and best[1]

    def _solve(self, name: Name) -> tuple[float, float]:
        """The same by a linear programme over all that hangs together with ``name``."""
        import numpy as np
        from scipy.optimize import linprog
        from scipy.sparse import coo_array

        distance, sums = self._reach(name)
        position = {one: number for number, one in enumerate(distance)}
        rows = list(
            {tuple(sorted(((position[one], sign) for one, sign in self.row(number).items()))) for number in sums}
        )
        rows = sorted(row for row in rows if row)
        pairs = sorted(
            {
                (position[part], position[whole])
                for one in distance
                for part, whole in self._parts_of.get(one, ())
                if part in position and whole in position
            }
        )
        true = np.array([self.values[one] for one in distance])

        def matrix(lines: Sequence[Sequence[tuple[int, int]]]) -> coo_array:
            cells = [(number, column, sign) for number, line in enumerate(lines) for column, sign in line]
            places, columns, signs = zip(*cells, strict=True)
            return coo_array((signs, (places, columns)), shape=(len(lines), len(position))).tocsr()

        equal = matrix(rows) if rows else None
        above = matrix([((part, 1), (whole, -1)) for part, whole in pairs]) if pairs else None
        ends = []
        for sign in (1, -1):
            goal = np.zeros(len(position))
            goal[0] = sign
            found = linprog(
                goal,
                A_eq=equal,
                b_eq=equal @ true if rows else None,
                A_ub=above,
                b_ub=np.zeros(len(pairs)) if pairs else None,
                bounds=[self._limits(one) for one in distance],
                method="highs",
            )
            if found.status not in (_SOLVED, _UNBOUNDED):
                raise ArithmeticError(f"the bounds of {name} could not be computed: {found.message}")
            if found.status == _SOLVED:
                self._note(dict(zip(distance, found.x, strict=True)))
            ends.append(sign * found.fun if found.status == _SOLVED else float("inf"))
        return ends[0], ends[1]
