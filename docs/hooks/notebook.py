"""MkDocs hook: a line `<!-- notebook: NAME.ipynb -->` on a page is replaced by the cells and outputs of that notebook."""

from __future__ import annotations

import json
import re
from pathlib import Path

_PLACE = re.compile(r"<!-- notebook: (\S+\.ipynb) -->")


def on_page_markdown(markdown: str, page, config, files) -> str:
    """Puts notebooks into the page."""
    folder = Path(config.docs_dir, page.file.src_uri).parent
    return _PLACE.sub(lambda match: notebook_markdown(folder / match[1]), markdown)


def notebook_markdown(path: Path) -> str:
    """The cells of a notebook as Markdown: text, code, printed text and figures; its title, the first line, is left out."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    parts = []
    for cell in cells:
        source = "".join(cell["source"])
        parts.append(source if cell["cell_type"] == "markdown" else f"```python\n{source}\n```")
        parts += [_output(output) for output in cell.get("outputs", ())]
    return "\n\n".join(parts).partition("\n")[2]


def _output(output: dict) -> str:
    if image := output.get("data", {}).get("image/png"):
        return f"![figure](data:image/png;base64,{''.join(image).strip()})"
    text = "".join(output.get("text", ()))
    return f"```text\n{text.rstrip()}\n```" if text else ""
