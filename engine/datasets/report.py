"""What a data set's folder holds, in words: every file that was not used, and every caption that fits nothing."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.datasets.archives.notes import read_note
from engine.datasets.findings import Finding, Severity, counted, named
from engine.datasets.index import relative_name
from engine.datasets.layouts.kohya import class_folder
from engine.datasets.layouts.listing import Listing
from engine.datasets.layouts.sources import SIDECARS, Source
from engine.datasets.pictures import CaptionedPicture, PictureRefused

_OTHER_FORMATS = (".gif", ".bmp", ".tif", ".tiff", ".heic", ".heif", ".avif", ".jxl", ".psd", ".svg", ".tga")


@dataclass(frozen=True, slots=True)
class ReadingReport:
    """What was found in a folder.

    Attributes:
        summary: such as "40 of 40 captions found (captions.csv)".
        captions_from: the source that was used, as `read_dataset` takes it; empty when there is none.
        other_sources: those that describe pictures too and were not used.
        findings: everything that is not as expected.
    """

    summary: str
    captions_from: str
    other_sources: tuple[str, ...]
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class Contents:
    """All that is known when a folder has been read.

    Attributes:
        pictures: that can be read.
        refused: those that cannot.
        chosen: the source of captions, if there is one.
        sources: all of them.
        unused: the tables that are none.
        by_name: whether the source was named, not found.
    """

    folder: Path
    listing: Listing
    pictures: Sequence[CaptionedPicture]
    refused: Sequence[PictureRefused]
    chosen: Source | None
    sources: Sequence[Source]
    unused: Sequence[Finding]
    by_name: bool


def report_on(contents: Contents) -> ReadingReport:
    """The report."""
    chosen = contents.chosen
    others = [source for source in contents.sources if source is not chosen]
    findings = [
        *_refused(contents),
        *_without_caption(contents),
        *(chosen.findings if chosen else ()),
        *_other_sources(contents, others),
        *_class_folders(contents),
        *_not_of_the_subject(contents),
        *contents.unused,
        *_left_over(contents),
        *_not_entered(contents),
        *_archive(contents.folder),
    ]
    captioned = sum(bool(picture.caption) for picture in contents.pictures)
    where = chosen.name if chosen else "names of folders" if captioned else "no file with captions"
    return ReadingReport(
        summary=f"{captioned} of {len(contents.pictures)} captions found ({where})",
        captions_from=chosen.name if chosen else "",
        other_sources=tuple(source.name for source in others),
        findings=tuple(findings),
    )


def _refused(contents: Contents) -> list[Finding]:
    """One finding for each reason."""
    by_reason: dict[str, list[str]] = {}
    for error in contents.refused:
        by_reason.setdefault(error.reason, []).append(relative_name(contents.folder, error.path))
    return [
        Finding(
            "unreadable_picture",
            Severity.LOOK,
            f"{counted(len(files), 'picture')} left out: {named(files)}. {reason}",
            tuple(files),
        )
        for reason, files in by_reason.items()
    ]


def _without_caption(contents: Contents) -> list[Finding]:
    files = [relative_name(contents.folder, picture.path) for picture in contents.pictures if not picture.caption]
    return _about("without_caption", Severity.LOOK, "Without a caption", files, "picture")


def _other_sources(contents: Contents, others: Sequence[Source]) -> list[Finding]:
    chosen = contents.chosen
    if chosen is None or not others:
        return []
    if contents.by_name:
        why = "as you chose"
    elif len(chosen.captions) > len(others[0].captions):
        why = "because it describes the most pictures"
    else:
        why = "the usual one of those that describe the most pictures"
    found = ", ".join(f"{source.name} ({len(source.captions)})" for source in others)
    message = (
        f"Captions are in several places. {chosen.name} ({len(chosen.captions)}) was used, {why}; "
        f"not used: {found}. Choose another one if that is wrong."
    )
    return [Finding("several_sources", Severity.LOOK, message)]


def _class_folders(contents: Contents) -> list[Finding]:
    """What kohya's folders mean for their pictures."""
    described = contents.chosen.captions if contents.chosen else {}
    by_folder: dict[str, list[CaptionedPicture]] = {}
    for picture in contents.pictures:
        if class_folder(picture.path):
            by_folder.setdefault(picture.path.parent.name, []).append(picture)
    findings = []
    for name, pictures in by_folder.items():
        message = (
            f"Folder {name}: {counted(len(pictures), 'picture')}, each counts {counted(pictures[0].repeats, 'time')}"
        )
        if without := sum(not described.get(picture.path) for picture in pictures):
            message += f"; captioned by the folder's name: {without}"
        findings.append(Finding("class_folder", Severity.NOTE, f"{message}.", (name,)))
    return findings


def _not_of_the_subject(contents: Contents) -> list[Finding]:
    """What kohya's tools keep beside the training pictures."""
    regularisation, outputs = (
        [relative_name(contents.folder, path) for path in paths]
        for paths in (contents.listing.regularisation, contents.listing.outputs)
    )
    return [
        *_about(
            "regularisation",
            Severity.LOOK,
            "Not trained on, because they are regularisation pictures, which show the class and not the subject",
            regularisation,
            "picture",
            " Rename the folder if they are the subject's.",
        ),
        *_about(
            "trainer_output",
            Severity.NOTE,
            "Not trained on, in folders that a trainer writes into",
            outputs,
            "picture",
        ),
    ]


def _left_over(contents: Contents) -> list[Finding]:
    """Files that are neither pictures nor captions."""
    read = {path for source in contents.sources for path in source.files}
    said = {file for finding in contents.unused for file in finding.files}
    left = [path for path in contents.listing.others if path not in read]
    names = {path: relative_name(contents.folder, path) for path in left}
    pictures = [name for path, name in names.items() if path.suffix.lower() in _OTHER_FORMATS]
    beside = any(not source.is_table for source in contents.sources)
    texts = [name for path, name in names.items() if beside and path.suffix.lower() in SIDECARS]
    rest = [name for name in names.values() if name not in {*pictures, *texts, *said}]
    advice = " Save them as PNG, JPEG or WebP."
    return [
        *_about("other_format", Severity.LOOK, "In a format that is not read", pictures, "picture", advice),
        *_about("text_without_picture", Severity.LOOK, "Without a picture of its name", texts, "text file"),
        *_about("no_picture", Severity.NOTE, "Neither picture nor caption", rest, "file"),
    ]


def _not_entered(contents: Contents) -> list[Finding]:
    closed, hidden = contents.listing.closed, contents.listing.hidden
    return [
        *_about("closed_folder", Severity.LOOK, "Not entered, a link or without the right to read", closed, "folder"),
        *_about("system_files", Severity.NOTE, "Passed over, of the operating system", hidden, "file"),
    ]


def _archive(folder: Path) -> list[Finding]:
    """What unpacking did."""
    note = read_note(folder)
    findings = []
    if note.encoding:
        severity = Severity.NOTE if note.certain else Severity.LOOK
        advice = (
            "" if note.certain else " Look at the names; pack the files again with names in UTF-8 if they are wrong."
        )
        message = (
            f"The ZIP does not say how its names are written; they were read as {note.encoding}: {note.why}.{advice}"
        )
        findings.append(Finding("names_encoding", severity, message))
    if note.passed_over:
        names = named([" ".join(name.split()) for name in note.passed_over])
        message = f"Not unpacked, of an operating system: {counted(note.passed_over_count, 'file')} ({names})."
        findings.append(Finding("system_files", Severity.NOTE, message, note.passed_over))
    return findings


def _about(
    code: str, severity: Severity, what: str, files: Sequence[str], kind: str, advice: str = ""
) -> list[Finding]:
    """A finding, when there are such files."""
    if not files:
        return []
    message = f"{what}: {counted(len(files), kind)} ({named(files)}).{advice}"
    return [Finding(code, severity, message, tuple(files))]
