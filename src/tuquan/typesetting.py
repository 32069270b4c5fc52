"""Print documents with Typst: the layout is a ``.typ`` file, everything that varies comes to it as JSON data.

Data is never formatted into the source, so a name such as ``#read("/etc/passwd")`` is printed as it stands.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

STANDARD = "a-2b"  # for archives: fonts are embedded, and a letter that they do not have is an error


def print_pdf(source: Path, out: Path, data: Mapping[str, Any]) -> None:
    """Print ``source`` to ``out``; the same source, pictures and data give the same bytes.

    Args:
        source: a Typst document. It reads ``json(bytes(sys.inputs.data))``, sets a fixed ``document(date: …)`` and
            may read files in its own folder, no others. Only Typst's embedded fonts are there; Libertinus Serif
            has all Vietnamese letters.
        out: the PDF to write.
        data: what JSON can hold.

    Raises:
        typst.TypstError: the document has a mistake, or a letter that the font does not have.
    """
    import typst  # 20 MB of code that most commands do not need

    pdf = typst.compile(
        source,
        root=source.parent,
        ignore_system_fonts=True,
        sys_inputs={"data": json.dumps(data, ensure_ascii=False)},
        pdf_standards=[STANDARD],
    )
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_bytes(pdf)
