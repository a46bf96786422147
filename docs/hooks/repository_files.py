"""MkDocs hook: links from the documentation to files elsewhere in the repository work on the site as they do in a checkout.

A link such as `../experiments/results/NOTES.md` leads out of docs/. The file is copied to `repository/` on the site, with the images
that it shows, and the link is changed to the copy. A link to a folder becomes plain text.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parents[2]
_LINK = re.compile(r"(!?)\[([^\]]*)\]\((?!https?:|#|mailto:)([^)#\s]+)(#[^)\s]*)?\)")


def on_files(files: Files, config) -> Files:
    """Adds the linked files of the repository, and the images that they show."""
    for page in files.documentation_pages():
        for path in _outside(page, page.content_string):
            _add(files, config, path)
            if path.suffix == ".md":
                for match in _LINK.finditer(path.read_text(encoding="utf-8")):
                    if match[1]:
                        _add(files, config, path.parent / match[3])
    return files


def on_page_markdown(markdown: str, page, config, files: Files) -> str:
    """Changes the links that lead out of docs/."""
    if page.file.src_uri.startswith("repository/"):
        folder = posixpath.dirname(page.file.src_uri)
        return _LINK.sub(lambda match: match[0] if _copied(files, folder, match[3]) else match[2], markdown)
    return _LINK.sub(lambda match: _changed(match, page.file), markdown)


def _copied(files: Files, folder: str, link: str) -> bool:
    return files.get_file_from_path(posixpath.normpath(posixpath.join(folder, link))) is not None


def _changed(match: re.Match, page: File) -> str:
    target = _target(page, match[3])
    if target is None:
        return match[0]
    if target.is_dir():
        return match[2]
    copy = posixpath.relpath(f"repository/{target.relative_to(ROOT)}", posixpath.dirname(page.src_uri) or ".")
    return f"{match[1]}[{match[2]}]({copy}{match[4] or ''})"


def _outside(page: File, markdown: str) -> list[Path]:
    targets = [_target(page, match[3]) for match in _LINK.finditer(markdown)]
    return [target for target in targets if target and target.is_file()]


def _target(page: File, link: str) -> Path | None:
    """The file or folder of the repository outside docs/ that a link leads to; None for any other link."""
    target = (ROOT / "docs" / page.src_uri).parent.joinpath(link).resolve()
    is_outside = target.is_relative_to(ROOT) and not target.is_relative_to(ROOT / "docs")
    return target if is_outside and target.exists() else None


def _add(files: Files, config, path: Path) -> None:
    path = path.resolve()
    if not path.is_file() or not path.is_relative_to(ROOT):
        return
    uri = f"repository/{path.relative_to(ROOT)}"
    if files.get_file_from_path(uri) is None:
        files.append(File.generated(config, uri, abs_src_path=str(path)))
