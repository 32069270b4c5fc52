"""Tell personal data and secrecy stamps by their signs. Source: ``seeds/privacy_signs.csv``.

A sign is a way of writing, not a proof: twelve digits that begin like a citizen's number are one. What people write
about places, models and figures must not look like it, so a name alone is no sign; see :meth:`Signs.names_in`.
"""

import re
import unicodedata
from collections import defaultdict
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

from tuquan import settings
from tuquan.vocabulary.areas import canonical_name, load_register
from tuquan.vocabulary.seeds import read_seed

MASK = "…"
WORDS_OF_A_NAME = range(2, 6)
LEAST_WORDS_ALONE = 3  # of a name that nothing says to be one
LONGEST_PLACE = 7  # words
_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060\ufeff]")
_SPACES = re.compile(r"[^\S\n]{2,}|[^\S\n ]")
# Quick looks: most texts have neither.
_FULL_NUMBER_OR_ADDRESS = re.compile(r"84[35789]\d{8}|[0+(](?:[ .()+-]{0,4}\d){8}|@")
_FILE_WORD = re.compile(r"[^\W\d_]+")
_FILE_WORDS = re.compile(r"[^\W\d_]+(?:[ _]+[^\W\d_]+)+")
_SHORT_NUMBER = re.compile(r"\d(?:[ .-]{0,2}\d){6}")
_LONG_NUMBER = re.compile(r"(?<!\d)\d{9,12}(?!\d)")
_FAMILIES_WITHOUT_NAME = ("H'", "H’", "K'", "K’", "Y'", "Y’")
_NAME_MARK, _BETWEEN_WORDS = re.compile("[:'’]"), re.compile(r"[\s.–-]+")
_ITEM_SIGNS = "0123456789.) -+*•"
_ITEM_MARK = re.compile(r"^(?:\d{1,3}[.)]|[-+*•])\s*")
_END_OF_NAME = re.compile(r"\s*[([]|\s+[-–—]|\s+(?:19|20)\d\d\b")
_NEXT_NAME = re.compile(r"[,;]| và ")
_EXTENSION = re.compile(r"\.[a-z]{3,4}$")  # of a file that is called after a person
_WORDS = re.compile(r"[^\W\d_](?:[^\W\d_]|['’.])*(?: +[^\W\d_](?:[^\W\d_]|['’.])*){0,4}")
_TYPE_WORDS = re.compile(r"^(?:xã|phường|thị trấn|huyện|quận|thị xã|thành phố|tỉnh|đặc khu) ")


@dataclass(frozen=True)
class Signs:
    """The signs as expressions, by what they tell. All of them are for texts made plain by :func:`plain`."""

    numbers: re.Pattern[str]
    told_telephone: re.Pattern[str]
    telephone_word: re.Pattern[str]
    identity_word: re.Pattern[str]
    short_identity_number: re.Pattern[str]
    email_of_nobody: re.Pattern[str]
    secrecy_line: re.Pattern[str]
    secrecy_mark: re.Pattern[str]
    secrecy_in_file_name: re.Pattern[str]
    heading: re.Pattern[str]
    place_heading: re.Pattern[str]
    signature_line: re.Pattern[str]
    before_a_name: re.Pattern[str]
    not_a_person: re.Pattern[str]
    family_names: frozenset[str]
    folder: Path

    @cached_property  # of all areas, and most batches of files never ask
    def places(self) -> frozenset[str]:
        """The canonical names of all areas, with and without the word for their type."""
        full = {canonical_name(area.name_vi) for area in load_register(self.folder).by_key.values()}
        return frozenset(full | {_TYPE_WORDS.sub("", name) for name in full})

    def kinds_in(self, text: str) -> set[str]:
        """Return which of telephone, identity_number and email a plain text holds."""
        return {kind for kind, _, _ in self._found(text)}

    def names_in(self, line: str, *, may_be_a_place: bool = False) -> int:
        """Return how many personal names a plain line enumerates, when it begins with one and is nothing else.

        A name has two to five capitalised words and begins with a family name. Communes bear the names of heroes:
        a name of the register is a place, unless ``may_be_a_place``.
        """
        if not self._is_family(line.lstrip(_ITEM_SIGNS).partition(" ")[0]):  # most lines
            return 0
        names = 0
        for part in _NEXT_NAME.split(_ITEM_MARK.sub("", line)):
            name = _END_OF_NAME.split(part, 1)[0].strip()
            if not self.is_name(name):
                return names
            if not may_be_a_place and not self.places.isdisjoint(map(canonical_name, (name, part))):
                return names
            names += 1
        return names

    def is_name(self, text: str, *, any_family: bool = False) -> bool:
        """Whether a plain text is written like a personal name and like nothing else."""
        words = text.replace(".", " ").split()
        if len(words) not in WORDS_OF_A_NAME or not all(map(_is_capitalised, words)):
            return False
        return (any_family or self._is_family(words[0])) and not self.not_a_person.match(text.casefold())

    def _is_family(self, word: str) -> bool:
        return word.casefold() in self.family_names or word.startswith(_FAMILIES_WITHOUT_NAME)

    def told_names(self, text: str) -> list[tuple[int, int]]:
        """Return where personal names stand after a label or a title: "Người lập: …", "ông …", "Đại úy …"."""
        found: list[tuple[int, int]] = []
        # Most texts hold no family name: only after a colon, or with an apostrophe, may a name be without.
        if _NAME_MARK.search(text) is None and self.family_names.isdisjoint(_BETWEEN_WORDS.split(text.casefold())):
            return found
        for told in self.before_a_name.finditer(text):
            words = _WORDS.match(text, told.end())
            if words is None:
                continue
            is_label = told["label"] is not None and ":" in told[0]
            end = _capitalised_end(words)
            end = words.start() + len(_EXTENSION.sub("", text[words.start() : end]))
            if self.is_name(text[words.start() : end], any_family=is_label) and not self.not_a_person.match(
                text[words.start() :].casefold()
            ):
                found.append((words.start(), end))
        return found

    def mask(self, text: str) -> str:
        """See :func:`mask`."""
        spans = [(start, end) for _, start, end in self._found(text)] + self.told_names(text)
        if any(letter.isalpha() for letter in text):
            spans += [match.span() for match in _LONG_NUMBER.finditer(text)]
        for start, end in sorted(set(spans), reverse=True):
            text = f"{text[:start]}{MASK}{text[end:]}" if MASK not in text[start:end] else text
        return text

    def _found(self, text: str) -> list[tuple[str, int, int]]:
        found: list[tuple[str, int, int]] = []
        if _FULL_NUMBER_OR_ADDRESS.search(text):
            found += [
                (match.lastgroup or "", *match.span())
                for match in self.numbers.finditer(text)
                if not (match.lastgroup == "email" and self.email_of_nobody.fullmatch(match[0]))
            ]
        if _SHORT_NUMBER.search(text):
            found += [("telephone", *match.span("number")) for match in self.told_telephone.finditer(text)]
            if self.identity_word.search(text):
                found += [("identity_number", *match.span()) for match in self.short_identity_number.finditer(text)]
        return found


def load_signs(folder: Path | None = None) -> Signs:
    """Read the signs from ``folder`` (default: the seeds of the settings)."""
    return _load_signs(folder or settings.load().seeds)


def plain(text: str) -> str:
    """Return ``text`` without what hides a sign: invisible letters, wide digits, odd and repeated spaces.

    >>> plain("０９\\u200b12")
    '0912'
    """
    if not text.isascii():
        text = _INVISIBLE.sub("", unicodedata.normalize("NFKC", text))
    return _SPACES.sub(" ", text)


def mask(text: str) -> str:
    """Return ``text`` with … in the place of telephone and identity numbers, addresses, and names after a label.

    For everything that leaves the gate in words: receipts, tables, logs. A text without signs comes back as it is.

    >>> mask("Người lập: Nguyễn Văn A, SĐT 0900.000.000")
    'Người lập: …, SĐT …'
    """
    clean = plain(text)
    masked = load_signs().mask(clean)
    return text if masked == clean else masked


def mask_file_name(name: str) -> str:
    """Return ``name`` (with folders) masked like any text, and with … for a personal name that stands alone in it.

    Nobody labels the name in "Nguyễn Văn A.xlsx". Masking a place by mistake costs a word of a receipt, so three
    words are enough here; places of the register stay.

    >>> mask_file_name("BC_Nguyễn Văn A.xlsx")
    'BC_….xlsx'
    """
    return _FILE_WORDS.sub(_without_names, mask(name))


def _without_names(run: re.Match[str]) -> str:
    """Return words of a file name, one beside the other, without the names in them; what is a place stays whole."""
    signs, words = load_signs(), list(_FILE_WORD.finditer(run[0]))
    spans: list[tuple[int, int]] = []
    start = 0
    while start <= len(words) - LEAST_WORDS_ALONE:
        start += _words_of_a_place([word[0] for word in words[start:]], signs)
        for length in range(min(WORDS_OF_A_NAME[-1], len(words) - start), LEAST_WORDS_ALONE - 1, -1):
            told = " ".join(word[0] for word in words[start : start + length])
            if signs.is_name(told):
                if signs.names_in(told):
                    spans.append((words[start].start(), words[start + length - 1].end()))
                start += length - 1
                break
        start += 1
    text = run[0]
    for begin, end in reversed(spans):
        text = text[:begin] + MASK + text[end:]
    return text


def _words_of_a_place(words: list[str], signs: Signs) -> int:
    """Return with how many words a place of the register begins here, its type in front; 0 when none does."""
    if not _TYPE_WORDS.match(f"{' '.join(words[:3])} ".casefold()):
        return 0
    lengths = range(min(len(words), LONGEST_PLACE), 1, -1)
    return next((length for length in lengths if canonical_name(" ".join(words[:length])) in signs.places), 0)


@cache
def _load_signs(folder: Path) -> Signs:
    by_kind: dict[str, list[str]] = defaultdict(list)
    for row in read_seed("privacy_signs", folder):
        by_kind[row["kind"]].append(row["pattern"])
    any_of = {kind: "(?:" + "|".join(patterns) + ")" for kind, patterns in by_kind.items()}
    telephone_word, identity_word = (
        rf"(?<!\w){any_of[kind]}(?![^\W\d_])" for kind in ("telephone_word", "identity_word")
    )
    return Signs(
        # Hexadecimal digests are neighbours of digits; an expression for twelve digits goes before one for ten.
        numbers=re.compile(
            rf"(?<![0-9a-f])(?<!\d[.,])(?:(?P<identity_number>{any_of['identity_number']})"
            rf"|(?P<telephone>{any_of['telephone']}))(?![0-9a-f])|(?P<email>{any_of['email']})"
        ),
        told_telephone=re.compile(
            rf"{telephone_word}(?: [^\W\d]{{1,10}}){{0,2}}\W{{0,4}}"
            r"(?P<number>(?!\d{1,3}(?:\.\d{3})+(?!\d))\d(?:[ .-]{0,2}\d){6,11})(?!\d)",
            re.IGNORECASE,
        ),
        telephone_word=re.compile(telephone_word, re.IGNORECASE),
        identity_word=re.compile(identity_word, re.IGNORECASE),
        short_identity_number=re.compile(rf"(?<![\w.,]){any_of['short_identity_number']}(?!\w)"),
        email_of_nobody=re.compile(any_of["email_of_nobody"], re.IGNORECASE),
        secrecy_line=re.compile(rf"\W*{any_of['secrecy_line']}\W*"),
        secrecy_mark=re.compile(any_of["secrecy_mark"]),
        secrecy_in_file_name=re.compile(any_of["secrecy_in_file_name"]),
        heading=re.compile(
            "|".join(f"(?P<{kind}>{any_of[f'{kind}_heading']})" for kind in ("name", "birth", "origin"))
        ),
        place_heading=re.compile(
            rf"(?:tên )?{any_of['place_heading']}(?:(?: ?[/,-] ?| và | hoặc ){any_of['place_heading']})*"
        ),
        signature_line=re.compile(rf"\W*{any_of['signature_line']}(?!\w)[^\d:]{{0,60}}:?"),
        before_a_name=re.compile(
            rf"(?<!\w)(?:(?P<label>{any_of['name_label']})(?: ?\([^)]{{0,30}}\))?[\W_]{{1,60}}"
            rf"|{any_of['person_title']}[\s.:–-]{{1,4}})",
            re.IGNORECASE,
        ),
        not_a_person=re.compile(rf"{any_of['not_a_person']}(?!\w)"),
        family_names=frozenset(name.casefold() for name in by_kind["family_name"]),
        folder=folder,
    )


def _is_capitalised(word: str) -> bool:
    return word[0].isupper() and (word.isupper() or word[1:].islower() or len(word) == 1 or "'" in word or "’" in word)


def _capitalised_end(words: re.Match[str]) -> int:
    """Return where the capitalised words at the beginning of ``words`` end."""
    end = words.start()
    for word in re.finditer(r"\S+", words[0]):
        if not _is_capitalised(word[0]):
            break
        end = words.start() + word.end()
    return end
