"""EML: a mail (RFC 5322)."""

from __future__ import annotations

from email import message_from_bytes, policy
from email.message import EmailMessage, MIMEPart

from rag_pipeline.documents.document import Document, Section
from rag_pipeline.documents.readers.base import ReadingOptions, stem_of
from rag_pipeline.documents.readers.html import parse, to_markdown
from rag_pipeline.metadata_values import MetadataValue
from rag_pipeline.text import clean

_SHOWN = ("From", "To", "Cc", "Date")


def read(name: str, content: bytes, _options: ReadingOptions) -> Document:
    """Read who wrote to whom and when, and the text; of attachments, the names."""
    message = message_from_bytes(content, policy=policy.default)
    assert isinstance(message, EmailMessage)
    headers = {key: clean(str(message[key])) for key in _SHOWN if message[key]}
    parts = ["\n".join(f"{key}: {value}" for key, value in headers.items()), _body(message)]
    attached = [attachment.get_filename() or "unnamed" for attachment in message.iter_attachments()]
    if attached:
        parts.append(f"Attachments: {', '.join(clean(file) for file in attached)}")
    title = clean(" ".join(str(message["Subject"] or "").split())) or stem_of(name)
    metadata: dict[str, MetadataValue] = {key.lower(): value for key, value in headers.items()}
    text = "\n\n".join(part for part in parts if part.strip()) if any(parts[1:]) or headers else ""
    return Document(title, (Section((), text),), metadata)


def _body(message: EmailMessage) -> str:
    body = message.get_body(preferencelist=("plain", "html"))
    if body is None:
        return ""
    text = _content(body)
    return to_markdown(parse(text)) if body.get_content_type() == "text/html" else clean(text).strip()


def _content(body: MIMEPart) -> str:
    from rag_pipeline.documents.encodings import decode

    try:
        return str(body.get_content())
    except (LookupError, UnicodeDecodeError):
        payload = body.get_payload(decode=True)
        return decode(payload) if isinstance(payload, bytes) else ""
