"""What XLSX, XLSB and DOCX have in common: links between parts, document properties, comments, drawings, pictures."""

import html
import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from posixpath import normpath
from xml.etree.ElementTree import Element

from tuquan.workbook.container import UnreadableFile, damaged
from tuquan.workbook.parts import parse_part

Links = dict[str, tuple[str, str]]  # link id → last word of its kind, target; "contact" for an address or number
_NOT_SCREENED = ("/media/", "/embeddings/", "/activex/", "_xmlsignatures/", "/oleobject")
_PROPERTIES = ("core-properties", "extended-properties", "custom-properties")
_CONTACTS = ("mailto:", "tel:", "sms:", "http://zalo.me/", "https://zalo.me/")
_ACCOUNTS = ("creator", "initial-creator", "printed-by", "lastModifiedBy", "Manager")
_TAG = re.compile(r"<[^<>]*>")


@lru_cache(maxsize=4096)
def local(tag: str) -> str:
    """Return the name of an element without its namespace: there are two dialects of each format."""
    return tag.rpartition("}")[2]


def refuse_macros(members: dict[str, bytes]) -> None:
    """Raise when the package carries a macro project."""
    if any(name.lower().endswith("vbaproject.bin") for name in members):
        raise UnreadableFile("workbook_has_no_macros", "unexpected")


def main_part(members: dict[str, bytes], usual: str) -> str:
    """Return the name of the part that the package is about; ``usual`` when the package does not say."""
    main = next((target for kind, target in links_of(members, "").values() if kind == "officeDocument"), usual)
    if main not in members:
        raise damaged("damaged_zip")
    return main


def links_of(members: dict[str, bytes], part: str) -> Links:
    """Return the links of a part with the parts that they lead to; the package itself is the part ``""``."""
    folder, _, name = part.rpartition("/")
    prefix = f"{folder}/" if folder else ""
    relationships = members.get(f"{prefix}_rels/{name}.rels")
    return _links(relationships, prefix) if relationships else {}


@lru_cache(maxsize=16)
def _links(relationships: bytes, prefix: str) -> Links:
    links = {}
    for link in parse_part(relationships):
        target = link.get("Target", "")
        if target.lower().startswith(_CONTACTS):
            links[link.get("Id", "")] = ("contact", target)
        elif link.get("TargetMode") != "External":
            target = normpath(target[1:] if target.startswith("/") else prefix + target)
            links[link.get("Id", "")] = (link.get("Type", "").rpartition("/")[2], target)
    return links


def properties_of(members: dict[str, bytes]) -> dict[str, str]:
    """Return the document properties: title, subject, remarks and the like by their element, and the custom ones."""
    parts = dict(links_of(members, "").values())
    standard, company, custom = (members.get(parts.get(kind, ""), b"") for kind in _PROPERTIES)
    told = dict(entry for part in (standard, company) if part for entry in _elements(part))
    return without_accounts(told) | (_properties(custom) if custom else {})


def without_accounts(properties: dict[str, str]) -> dict[str, str]:
    """Return the properties without the names of accounts, which nearly every file bears, unless they say more."""
    return {
        name: text
        for name, text in properties.items()
        if name not in _ACCOUNTS or re.search(r"@|\d{7}", text) is not None
    }


@lru_cache(maxsize=64)
def _elements(content: bytes) -> list[tuple[str, str]]:
    return [(local(entry.tag), entry.text or "") for entry in parse_part(content)]


@lru_cache(maxsize=64)
def _properties(content: bytes) -> dict[str, str]:
    return {
        entry.get("name", ""): "".join(value.text or "" for value in entry)
        for entry in parse_part(content)
        if entry.get("name")
    }


def pictures_in(members: dict[str, bytes]) -> tuple[str, ...]:
    """Return the names of the parts that nobody can screen: pictures, embedded files, controls, signatures."""
    return tuple(name for name in members if any(sign in f"/{name.lower()}" for sign in _NOT_SCREENED))


def texts_beside(members: dict[str, bytes], links: Links) -> Iterator[str]:
    """Yield the texts of the comments and drawings that a sheet links to, and the addresses behind its links."""
    for kind, target in links.values():
        content = members.get(target, b"")
        if kind in ("comments", "threadedComment", "drawing", "diagramData") and content.lstrip()[:1] == b"<":
            words = ("comment", "threadedComment") if "omment" in kind else ("p",)
            yield from _texts_of(parse_part(content), words)
        elif kind == "contact":
            yield target
        elif kind == "vmlDrawing":
            yield from _texts_of_boxes(content)


def _texts_of(root: Element, words: Iterable[str]) -> Iterator[str]:
    for element in root.iter():
        if local(element.tag) in words:
            yield "".join(part.text or "" for part in element.iter() if local(part.tag) in ("t", "text"))


def _texts_of_boxes(content: bytes) -> Iterator[str]:
    """Yield the texts of old text boxes, whose mark-up is HTML that need not be well-formed."""
    for box in content.decode("utf-8", "replace").split("<v:textbox")[1:]:
        yield html.unescape(_TAG.sub(" ", "<" + box.partition("</v:textbox>")[0]))


def only_said(texts: Iterable[str]) -> tuple[str, ...]:
    """Return the texts that say something, each once."""
    return tuple(dict.fromkeys(text for text in map(str.strip, texts) if text))
