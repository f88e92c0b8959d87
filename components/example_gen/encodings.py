"""Saying what text is when it is not UTF-8."""

import codecs

from pipeline.errors import DataError

UTF8_MARK = codecs.BOM_UTF8
_WIDE = {
    codecs.BOM_UTF32_LE: "UTF-32",
    codecs.BOM_UTF32_BE: "UTF-32",
    codecs.BOM_UTF16_LE: "UTF-16",
    codecs.BOM_UTF16_BE: "UTF-16",
}


def wide_encoding(data: bytes) -> str | None:
    """Name the UTF-16 or UTF-32 that a file's first bytes give away, by mark or by a zero in every other byte."""
    for mark, name in _WIDE.items():
        if data.startswith(mark):
            return name
    sample = data[:400]
    if len(sample) >= 8 and max(sample[0::2].count(0), sample[1::2].count(0)) > 0.4 * len(sample) / 2:
        return "UTF-16"
    return None


def narrow_encoding(data: bytes) -> str:
    """Guess the one-byte encoding of bytes that are not UTF-8."""
    try:
        data.decode("cp1252")
    except UnicodeDecodeError:
        return "Latin-1 (ISO-8859-1)"
    return "Windows-1252 (cp1252)" if any(0x80 <= byte < 0xA0 for byte in data) else "Latin-1 (ISO-8859-1)"


def not_utf8(where: str, path: str, data: bytes, offset: int) -> DataError:
    """Return the error for a piece of text whose byte at ``offset`` is no UTF-8."""
    guess = wide_encoding(data) or narrow_encoding(data)
    name = {"UTF-16": "utf-16", "UTF-32": "utf-32"}.get(guess, "cp1252" if "1252" in guess else "latin1")
    begin = max(0, offset - 12)
    excerpt = data[begin : offset + 8].decode("latin1" if name.startswith("utf") else name, "replace")
    return DataError(
        "A data file is not UTF-8 text.",
        got=f"byte 0x{data[offset]:02x} in {excerpt!r}; it looks like {guess}",
        expected="UTF-8",
        where=where,
        hint=f"Convert it: iconv -f {name} -t utf-8 {path} > converted.csv",
    )
