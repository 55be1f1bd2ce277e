"""The ways in which a folder describes its pictures: tables, text files beside them, and its sub-folders' names."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from engine.datasets.encodings import UTF_8
from engine.datasets.findings import Finding, Severity, counted, named
from engine.datasets.index import PictureIndex, relative_name
from engine.datasets.layouts.tables import SUFFIXES as TABLES
from engine.datasets.layouts.tables import Columns, NoTable, Unreadable, columns_of, read_table
from engine.datasets.texts import MAX_CAPTION_BYTES, common_page, decoded, one_line, read_bytes

MAX_TABLES_BYTES = 64 * 2**20
SIDECARS = (".txt", ".caption")
# Whose captions are taken where several describe equally many pictures; the first one is what the studio writes.
_ORDER = ("captions.csv", "metadata.jsonl", "metadata.csv")


@dataclass(frozen=True, slots=True)
class Source:
    """Captions of one kind.

    Attributes:
        name: "captions.csv", "*/metadata.csv" for those of several folders, ".txt files".
        is_table: whether it is a table.
        files: that the captions were read from.
        captions: by picture; may be empty texts.
        findings: what was odd in them.
    """

    name: str
    is_table: bool
    files: tuple[Path, ...]
    captions: Mapping[Path, str]
    findings: tuple[Finding, ...]


@dataclass(slots=True)
class _Reading:
    """What is gathered while the files of one source are read."""

    captions: dict[Path, str] = field(default_factory=dict)
    files: list[Path] = field(default_factory=list)
    without_picture: list[str] = field(default_factory=list)
    of_several: list[str] = field(default_factory=list)
    again: list[str] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)

    def add(self, folder: Path, name: str, pictures: Sequence[Path], caption: str) -> None:
        """Keep the caption of a table's row."""
        if len(pictures) != 1:
            (self.of_several if pictures else self.without_picture).append(one_line(name)[:120] or "(no name)")
        elif pictures[0] in self.captions:
            self.again.append(relative_name(folder, pictures[0]))
        else:
            self.captions[pictures[0]] = one_line(caption)

    def source(self, name: str, is_table: bool) -> Source:
        findings = [
            _finding("caption_without_picture", self.without_picture, name, "without a picture"),
            _finding("caption_of_several", self.of_several, name, "whose name fits several pictures"),
            _finding("caption_again", self.again, name, "for a picture that had one already; the first was taken"),
        ]
        return Source(name, is_table, tuple(self.files), self.captions, (*filter(None, findings), *self.findings))


def _finding(code: str, names: list[str], source: str, what: str) -> Finding | None:
    if not names:
        return None
    message = f"{source}: {counted(len(names), 'caption')} {what}: {named(names)}."
    return Finding(code, Severity.LOOK, message, tuple(names))


def sources_in(
    folder: Path, files: Sequence[Path], index: PictureIndex, columns: Columns
) -> tuple[list[Source], list[Finding]]:
    """Every source of captions, the most complete one first; and the tables that are none, with the reason."""
    unused: list[Finding] = []
    sources = [_text_files(folder, suffix, files, index) for suffix in SIDECARS]
    series: dict[tuple[int, str], list[Path]] = {}
    for path in _within_limit(folder, [path for path in files if path.suffix.lower() in TABLES], unused):
        series.setdefault((len(path.parts), path.name.casefold()), []).append(path)
    for paths in series.values():
        sources.append(_tables(folder, paths, index, columns, unused))
    found = [source for source in sources if source.captions or source.findings]
    return sorted(found, key=_rank), unused


def _within_limit(folder: Path, tables: Sequence[Path], unused: list[Finding]) -> Iterator[Path]:
    """The first tables that are not too much together."""
    left = MAX_TABLES_BYTES
    for path in tables:
        with suppress(OSError):  # is said where it is read
            left -= path.stat().st_size
        if left >= 0:
            yield path
            continue
        name = relative_name(folder, path)
        message = (
            f"{name} was not used: all tables of a data set together may have {MAX_TABLES_BYTES:,} bytes, and they "
            "have more. Leave out what is no caption."
        )
        unused.append(Finding("unused_table", Severity.LOOK, message, (name,)))


def _rank(source: Source) -> tuple[int, int, int, str]:
    name = source.name.rsplit("/", 1)[-1]
    usual = _ORDER.index(name) if name in _ORDER else len(_ORDER)
    return -len(source.captions), usual, source.name.count("/"), source.name


def _tables(
    folder: Path, paths: Sequence[Path], index: PictureIndex, columns: Columns, unused: list[Finding]
) -> Source:
    """Tables of one name in folders side by side: each describes the pictures of its own."""
    reading = _Reading()
    for path in paths:
        try:
            table = read_table(path, index)
            image, caption = columns_of(table, index, columns)
        except NoTable as reason:
            name = relative_name(folder, path)
            severity = Severity.LOOK if isinstance(reason, Unreadable) else Severity.NOTE
            unused.append(Finding("unused_table", severity, f"{name} was not used: {reason}.", (name,)))
            continue
        reading.files.append(path)
        reading.findings += table.findings
        for row in table.rows:
            reading.add(folder, row[image], index.find(row[image], path.parent), row[caption])
    name = relative_name(folder, paths[0])
    several = "/".join("*" for _ in paths[0].relative_to(folder).parent.parts)
    return reading.source(name if len(paths) == 1 else f"{several}/{paths[0].name}", is_table=True)


def _text_files(folder: Path, suffix: str, files: Sequence[Path], index: PictureIndex) -> Source:
    """`a.txt` beside `a.png`. Other text files are no captions."""
    reading = _Reading()
    odd: dict[str, list[str]] = {}
    joined: list[str] = []
    beside = [path for path in files if path.suffix.lower() == suffix and index.beside(path)]
    page = common_page(_bytes_of(beside))
    for path in beside:
        name = relative_name(folder, path)
        try:
            text, encoding = decoded(read_bytes(path, MAX_CAPTION_BYTES), page=page)
        except (OSError, ValueError) as error:
            reason = error.strerror or error if isinstance(error, OSError) else error
            message = f"{name} cannot be read: {reason}."
            reading.findings.append(Finding("unreadable_text", Severity.LOOK, message, (name,)))
            continue
        reading.files.append(path)
        reading.captions |= dict.fromkeys(index.beside(path), one_line(text))
        odd.setdefault(encoding, []).append(name)
        joined += [name] if len(text.strip().splitlines()) > 1 else []
    odd.pop(UTF_8, None)
    reading.findings += _text_findings(odd, joined)
    return reading.source(f"{suffix} files", is_table=False)


def _bytes_of(paths: Sequence[Path]) -> Iterator[bytes]:
    """Of those files that can be read; why others cannot is said where they are used."""
    for path in paths:
        with suppress(OSError, ValueError):
            yield read_bytes(path, MAX_CAPTION_BYTES)


def _text_findings(odd: Mapping[str, list[str]], joined: list[str]) -> list[Finding]:
    findings = []
    for encoding, names in odd.items():
        message = (
            f"{counted(len(names), 'text file')} not in UTF-8, read as {encoding}: {named(names)}. "
            "Check the captions; better save them as UTF-8."
        )
        findings.append(Finding("encoding", Severity.LOOK, message, tuple(names)))
    if joined:
        message = f"{counted(len(joined), 'text file')} of several lines, joined to one caption: {named(joined)}."
        findings.append(Finding("joined_lines", Severity.LOOK, message, tuple(joined)))
    return findings
