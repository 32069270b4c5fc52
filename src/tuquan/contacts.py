"""Where communes, districts and offices are reached by mail: a table of the office, ``TUQUAN_CONTACTS``.

Its columns are ``ref_area`` (code of an area of any level, of a former district, or VN), ``address`` and, where the
code is that of another group of ``seeds/area_groups.csv``, ``group_kind``. It holds mailboxes of offices and no
persons, so no other column is read. It is no seed: it says nothing about figures, and addresses are in no release.
"""

import csv
import hashlib
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path

from tuquan import settings
from tuquan.outbox import can_be_mailed
from tuquan.vocabulary.areas import COUNTRY, Area, AreaRegister, load_register, padded_code
from tuquan.vocabulary.phrases import date_vi, phrase, shown
from tuquan.vocabulary.seeds import as_date, read_seed

FORMER_DISTRICT = "former_district"  # its codes are those of the districts before
COLUMNS = ("ref_area", "group_kind", "address")
OFFICES = ("province", "country")  # levels whose mailbox is told of everything


@dataclass(frozen=True)
class Contact:
    """One mailbox of one area. ``code`` is what :func:`codes_above` of its communes contains."""

    code: str
    name_vi: str
    level: str  # commune, district, province, country, group
    address: str

    @property
    def is_office(self) -> bool:
        return self.level in OFFICES


@dataclass(frozen=True)
class AddressBook:
    """What could be read of the table, and what could not, as sentences for people."""

    contacts: tuple[Contact, ...]
    problems: tuple[str, ...]


def load_address_book(day: date) -> AddressBook:
    """Read the table as it is now, names as on ``day``; an empty one when there is none."""
    path = settings.load().contacts
    try:
        lines = path.read_bytes().decode("utf-8-sig").splitlines()
        # Each line by itself: a quote that nobody closed takes no other commune along.
        rows = [next(csv.reader([line], delimiter=_delimiter(lines[0])), []) for line in lines]
    except FileNotFoundError:
        return AddressBook((), ())
    except (OSError, UnicodeDecodeError, csv.Error):
        return AddressBook((), (phrase("contacts.unreadable", file=path.name),))
    head = [column.strip().lower() for column in rows[0]] if rows else []
    missing = [column for column in ("ref_area", "address") if column not in head]
    if missing:
        return AddressBook((), (phrase("contacts.no_column", file=path.name, column=", ".join(missing)),))
    others = [shown(column) for column in head if column and column not in COLUMNS]
    problems = [phrase("contacts.other_column", file=path.name, column=", ".join(others))] if others else []
    contacts: dict[tuple[str, str], Contact] = {}
    for number, cells in enumerate(rows[1:], start=2):
        row = {column: cell.strip() for column, cell in zip(head, cells, strict=False)}
        if not any(row.values()):
            continue
        found = _contact(row, day)
        if isinstance(found, Contact) and (found.code, found.address.lower()) in contacts:
            found = phrase("contacts.repeated")
        if isinstance(found, Contact):
            contacts[found.code, found.address.lower()] = found
            found = _no_longer(found, day)
        if found:
            problems.append(phrase("contacts.problem", file=path.name, line=number, reason=found))
    return AddressBook(tuple(contacts.values()), tuple(problems))


def codes_above(area: Area, day: date, register: AreaRegister) -> frozenset[str]:
    """Return the codes whose mailboxes are told about ``area``: its own, of all above it, and of its groups."""
    line = [area, *register.parents(area, day)]
    groups = (
        code
        for one in line
        for code, first, end in _members(settings.load().seeds).get(one.area_key, ())
        if first <= day and (end is None or day < end)
    )
    return frozenset((COUNTRY, *(one.ref_area for one in line), *groups))


def digest_of(address: str) -> str:
    """Return what stands for an address in the warehouse, which keeps none."""
    return hashlib.sha256(address.lower().encode()).hexdigest()[:16]


def _delimiter(head: str) -> str:
    return max(",;\t", key=head.count)


def _no_longer(contact: Contact, day: date) -> str:
    """Return what is to be said of a mailbox of an area that is no more: it hears of periods before that alone.

    Former districts still see to their communes.
    """
    versions = load_register().versions(contact.code) if contact.level != "district" else []
    ends = [area.valid_to for area in versions if area.valid_to is not None]
    if len(ends) < len(versions) or not ends or max(ends) > day:
        return ""
    return phrase("contacts.no_longer", area=contact.name_vi, code=contact.code, date=date_vi(max(ends)))


def _contact(row: Mapping[str, str], day: date) -> Contact | str:
    """Return the contact that a row means, or why it means none. Never repeats an address: it may be a person's."""
    code, kind, address = (row.get(column, "") for column in COLUMNS)
    if not can_be_mailed(address):
        return phrase("contacts.bad_address")
    if kind and kind != FORMER_DISTRICT:
        name = _group_names(settings.load().seeds).get((kind, code))
        if name is None:
            return phrase("contacts.unknown_group", kind=shown(kind)[:40], code=shown(code)[:40])
        return Contact(f"{kind}:{code}", name, "group", address)
    register = load_register()
    code = padded_code(code) if len(code) == 4 else code  # a spreadsheet took the zero
    versions = [] if kind else register.versions(code)
    area = next((one for one in versions if one.in_force(day)), versions[-1] if versions else None)
    if area is not None:
        return Contact(code, area.name_vi, area.level, address)
    name = _group_names(settings.load().seeds).get((FORMER_DISTRICT, code))
    if name is None:
        return phrase("contacts.unknown_area", code=shown(code)[:40])
    return Contact(code, name, "district", address)


def _groups(folder: Path) -> Iterator[tuple[str, Mapping[str, str]]]:
    for row in read_seed("area_groups", folder):
        is_former = row["group_kind"] == FORMER_DISTRICT
        yield row["group_code"] if is_former else f"{row['group_kind']}:{row['group_code']}", row


@cache
def _group_names(folder: Path) -> dict[tuple[str, str], str]:
    return {(row["group_kind"], row["group_code"]): row["group_name_vi"] for _, row in _groups(folder)}


@cache
def _members(folder: Path) -> dict[str, list[tuple[str, date, date | None]]]:
    members = defaultdict(list)
    for code, row in _groups(folder):
        days = (date.fromisoformat(row["valid_from"]), as_date(row["valid_to"]))
        members[row["area_key"]].append((code, *days))
    return dict(members)
