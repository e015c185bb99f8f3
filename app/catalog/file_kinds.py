"""What a file is, by what stands in it: its name and its header say whatever the sender likes. Pure."""

from dataclasses import dataclass

#: one file of evidence
MOST_BYTES = 5 * 1024 * 1024


@dataclass(frozen=True)
class FileKind:
    content_type: str
    extension: str


PDF = FileKind("application/pdf", "pdf")
PNG = FileKind("image/png", "png")
JPEG = FileKind("image/jpeg", "jpg")

_PNG_BEGINS = b"\x89PNG\r\n\x1a\n"
_JPEG_BEGINS = b"\xff\xd8\xff"


def kind_of(content: bytes) -> FileKind | None:
    """PDF, PNG or JPEG, or None for anything else.

    A PNG begins with its signature and its header chunk, a JPEG with a start marker and the next one, a PDF with its
    version and, as readers look for it, %%EOF within its last kilobyte.
    """
    if content.startswith(_PNG_BEGINS) and content[12:16] == b"IHDR":
        return PNG
    if content.startswith(_JPEG_BEGINS) and len(content) > 4:
        return JPEG
    if content.startswith(b"%PDF-1.") or content.startswith(b"%PDF-2."):
        return PDF if b"%%EOF" in content[-1024:] else None
    return None
