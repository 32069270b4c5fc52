"""Read the seed tables: the one source of truth, as rows of text."""

import csv
import hashlib
from datetime import date
from decimal import Decimal
from pathlib import Path

from tuquan import settings


def read_seed(name: str, folder: Path | None = None) -> list[dict[str, str]]:
    """Return the rows of ``seeds/<name>.csv``; a blank cell is the empty string."""
    path = (folder or settings.load().seeds) / f"{name}.csv"
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def seeds_digest(folder: Path | None = None) -> str:
    """Return one sha256 over all seed tables, by name and bytes."""
    digest = hashlib.sha256()
    for name, file_digest in seed_digests(folder).items():
        digest.update(f"{name} {file_digest}\n".encode())
    return digest.hexdigest()


def seed_digests(folder: Path | None = None) -> dict[str, str]:
    """Return file name → sha256 of every seed table, ordered by name."""
    folder = folder or settings.load().seeds
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.glob("*.csv"))}


def load_threshold(name: str) -> float | None:
    """Return a number that an office may set (``seeds/thresholds.csv``); None when it is blank."""
    value = next(row["value"] for row in read_seed("thresholds") if row["threshold"] == name)
    return float(value) if value else None


def as_date(text: str) -> date | None:
    return date.fromisoformat(text) if text else None


def as_decimal(text: str) -> Decimal | None:
    return Decimal(text) if text else None


def as_flag(text: str) -> bool:
    return text == "true"
