"""How files that came from outside leave the office: as a download alone, and inert should a browser open it after all."""

from typing import Any

from django.http import FileResponse

# A browser takes the file for what it is called, runs nothing in it, and lets no other site load it.
INERT = {
    "Content-Security-Policy": "sandbox; default-src 'none'",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def download(file: Any, *, name: str, content_type: str) -> FileResponse:
    """`file`, opened and checked, to be saved as `name`."""
    return FileResponse(
        file, as_attachment=True, filename=name, content_type=content_type, headers=INERT
    )
