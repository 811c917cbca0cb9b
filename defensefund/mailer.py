"""Where letters go, as the setting SMTP_URL writes it."""

from urllib.parse import unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured


def mailer(text: str) -> dict[str, object]:
    """One of Django's MAILERS for "smtp+tls://user:password@host:587"; without an address letters go to the log.

    Raises ImproperlyConfigured with a sentence.
    """
    if not text:
        return {"BACKEND": "django.core.mail.backends.console.EmailBackend"}
    url = urlsplit(text)
    if url.scheme not in {"smtp", "smtps", "smtp+tls"} or not url.hostname:
        raise ImproperlyConfigured(
            "SMTP_URL must look like smtp+tls://user:password@host:587 (smtps:// for TLS from the start, smtp:// without)."
        )
    return {
        "BACKEND": "django.core.mail.backends.smtp.EmailBackend",
        "OPTIONS": {
            "host": url.hostname,
            "port": url.port or {"smtp": 25, "smtps": 465, "smtp+tls": 587}[url.scheme],
            "username": unquote(url.username or ""),
            "password": unquote(url.password or ""),
            "use_tls": url.scheme == "smtp+tls",
            "use_ssl": url.scheme == "smtps",
            "timeout": 20,
        },
    }
