"""Which files a path means, and what their content is: no TensorFlow, Beam, TFX or Arrow here.

The command line uses :func:`list_sources` to refuse a wrong path before anything heavy is imported; the driver uses
it again where the data is, and :func:`hash_sources` for the fingerprint.
"""

import concurrent.futures
import dataclasses
import difflib
import glob
import hashlib
import json
import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal

from components.example_gen.spans import SPECS, has_spans, no_data, of_span
from pipeline.errors import DataError
from pipeline.lineage.content import content_hash

_GLOB = re.compile(r"[*?\[]")
_SUFFIXES = {".csv": "csv", ".csv.gz": "csv", ".parquet": "parquet"}


@dataclasses.dataclass(frozen=True)
class Source:
    """One input file.

    Attributes:
        path: As a person would name it: the given path, or joined to the given folder.
        format: ``csv`` or ``parquet``.
        bytes: Size on disk.
        hash: BLAKE2b (160 bits, hex) of the file's bytes; empty until :func:`hash_sources` has read it.
        rows: Rows read; -1 until the executor has read them.
    """

    path: str
    format: Literal["csv", "parquet"]
    bytes: int
    hash: str = ""
    rows: int = -1

    @property
    def gzipped(self) -> bool:
        """Whether the file's bytes are a gzip stream of CSV."""
        return self.path.lower().endswith(".gz")


def has_specs(path: str) -> bool:
    """Say whether the path holds TFX's ``{SPAN}``, ``{VERSION}`` or date placeholders."""
    return SPECS.search(path) is not None


def split_path(path: str) -> tuple[str, str]:
    """Split a path into TFX's ``input_base`` and split pattern, without touching the disk.

    The base is the part before the first component with a glob character or a placeholder; a plain path is all base,
    with the pattern ``*``, and is told to be a file or a folder only where the data is.
    """
    parts = Path(path).parts
    for index, part in enumerate(parts):
        if _GLOB.search(part) or SPECS.search(part):
            return str(Path(*parts[:index])) if index else ".", str(Path(*parts[index:]))
    return path, "*"


def list_sources(path: str, *, file_format: str = "auto", span: int | None = None) -> list[Source]:
    """List the files that a path means, sorted by name.

    Args:
        path: A file, a folder (its ``*.csv``, ``*.csv.gz`` and ``*.parquet``), a glob, or a ``{SPAN}`` pattern, for
            which the files of all spans are listed (of one, if ``span`` is given).
        file_format: ``auto``, ``csv`` or ``parquet``.
        span: Span number, where only one is wanted.

    Raises:
        DataError: Nothing is there, nothing fits, a file cannot be read, or both formats are mixed.
    """
    wanted = span if span is not None and has_spans(path) else None
    given = path if wanted is None else of_span(path, wanted)
    pattern = SPECS.sub("*", given)
    if Path(pattern).exists():
        files = _in_folder(given, Path(pattern), file_format) if Path(pattern).is_dir() else [pattern]
    elif _GLOB.search(pattern):
        files = []
        for name in sorted(glob.glob(pattern)):  # noqa: PTH207 (Path.glob takes no absolute pattern)
            files += _in_folder(given, Path(name), file_format) if Path(name).is_dir() else [name]
        if not files:
            if wanted is not None:
                raise no_data(path, wanted)
            raise DataError(
                "No file matches the data path.",
                got=path,
                expected="a pattern that matches at least one CSV or Parquet file",
                hint=_near(Path(pattern)) or "Try the pattern with ls; quote it for the shell.",
            )
    else:
        if wanted is not None:
            raise no_data(path, wanted)
        raise DataError(
            "The data path does not exist.",
            got=path,
            expected="a CSV or Parquet file, a folder of them, or a glob",
            hint=_near(Path(pattern)) or f"Paths are taken relative to {Path.cwd()}.",
        )
    sources = [_source(name, file_format) for name in files]
    formats = {source.format for source in sources}
    if len(formats) > 1:
        raise DataError(
            "The data path holds both CSV and Parquet files.",
            got=", ".join(f"{s.path} ({s.format})" for s in sources[:4]),
            expected="files of one format",
            where=path,
            hint='Say which one is meant: file_format = "csv" or "parquet", or a glob such as "data/*.csv".',
        )
    return sources


def hash_sources(sources: Sequence[Source]) -> list[Source]:
    """Return the sources with the hash of their bytes, read in parallel (hashing frees the interpreter's lock).

    Raises:
        DataError: A file vanished or cannot be read.
    """
    with concurrent.futures.ThreadPoolExecutor(max_workers=min(8, os.cpu_count() or 1)) as pool:
        return list(pool.map(_hashed, sources))


def fingerprint(sources: Iterable[Source], *more: str) -> str:
    """Return what TFX keys its cache by: a digest of names and content, and of anything else that matters."""
    digest = hashlib.blake2b(digest_size=20)
    count = size = 0
    for source in sources:
        digest.update(json.dumps([source.path, source.format, source.hash]).encode())
        count, size = count + 1, size + source.bytes
    for text in more:
        digest.update(json.dumps(text).encode())
    return f"blake2b:{digest.hexdigest()},num_files:{count},total_bytes:{size}"


def sources_to_json(sources: Iterable[Source]) -> str:
    """Return the record that is kept on the artifact: path, bytes, hash, and rows once they are known."""
    records = [
        {
            "path": s.path,
            "format": s.format,
            "bytes": s.bytes,
            "hash": s.hash,
            **({"rows": s.rows} if s.rows >= 0 else {}),
        }
        for s in sources
    ]
    return json.dumps(records, separators=(",", ":"))


def sources_from_json(text: str) -> list[Source]:
    """Rebuild the sources from :func:`sources_to_json`."""
    return [Source(**record) for record in json.loads(text)]


def unreadable(path: str, error: OSError) -> DataError:
    """Return the error for a file that the system will not let us read."""
    return DataError(
        "A data file cannot be read.",
        got=error.strerror or str(error),
        expected="a file that this user may read",
        where=path,
        hint=f"Look at it with: ls -l {path}",
    )


def _in_folder(given: str, folder: Path, file_format: str) -> list[str]:
    wanted = {s for s, f in _SUFFIXES.items() if file_format in ("auto", f)}
    try:
        names = sorted(p.name for p in folder.iterdir() if p.is_file() and not p.name.startswith((".", "_")))
    except OSError as error:
        raise unreadable(str(folder), error) from error
    found = [str(folder / name) for name in names if _suffix(name) in wanted]
    if not found:
        shown = ", ".join(names[:5]) or "no files"
        raise DataError(
            "The data folder holds no file to read.",
            got=shown + (", …" if len(names) > 5 else ""),
            expected="files named " + ", ".join(f"*{s}" for s in sorted(wanted)),
            where=given,
            hint="Name a file itself to read it whatever its suffix is.",
        )
    return found


def _suffix(name: str) -> str:
    lower = name.lower()
    return next((s for s in _SUFFIXES if lower.endswith(s)), "")


def _source(name: str, file_format: str) -> Source:
    try:
        with Path(name).open("rb") as file:
            magic = file.read(4)
            size = os.fstat(file.fileno()).st_size
    except OSError as error:
        raise unreadable(name, error) from error
    if file_format == "auto":
        # The first bytes decide where the name does not: a Parquet file called .csv is common enough to tell.
        file_format = _SUFFIXES.get(_suffix(name)) or ("parquet" if magic == b"PAR1" else "csv")
    if (file_format == "parquet") != (magic == b"PAR1") and size:
        expected = 'a Parquet file, which begins with "PAR1"' if file_format == "parquet" else "CSV text"
        raise DataError(
            f"A data file is not what its name or the settings say: {file_format}.",
            got=f"a file that begins with {magic!r}",
            expected=expected,
            where=name,
            hint="Rename the file, or set file_format.",
        )
    return Source(name, "parquet" if file_format == "parquet" else "csv", size)


def _hashed(source: Source) -> Source:
    try:
        with Path(source.path).open("rb") as file:
            return dataclasses.replace(source, hash=content_hash(file), bytes=os.fstat(file.fileno()).st_size)
    except OSError as error:
        raise unreadable(source.path, error) from error


def _near(path: Path) -> str | None:
    """Suggest a neighbour with a near name, at the first folder on the way that does exist."""
    missing = path
    while not missing.parent.exists() and missing.parent != missing:
        missing = missing.parent
    try:
        names = [p.name for p in missing.parent.iterdir()]
    except OSError:
        return None
    close = difflib.get_close_matches(missing.name, names, n=1)
    return f"Did you mean {missing.parent / close[0]}?" if close else None
