"""All settings. Every variable stands in .env.example and in the README; a bad one stops the start with a sentence."""

import base64
import ipaddress
import os
import secrets
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import environ
from babel.core import Locale, UnknownLocaleError
from django.core.exceptions import ImproperlyConfigured
from django.utils.csp import CSP

from defensefund import postgres
from defensefund.mailer import mailer
from defensefund.refund_limits import read_limits
from defensefund.reminders import Reminders

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()
environ.Env.read_env(BASE_DIR / ".env")


def env_list(name: str, default: str = "") -> list[str]:
    text = env.str(name, default="") or default
    return [item.strip() for item in text.split(",") if item.strip()]


def env_bool(name: str, default: bool) -> bool:
    text = env.str(name, default="").strip().lower()
    if text in {"", "1", "true", "yes", "on", "0", "false", "no", "off"}:
        return text in {"1", "true", "yes", "on"} if text else default
    raise ImproperlyConfigured(f"{name} is {text!r}: write true or false.")


def env_port(name: str, default: int) -> int:
    text = env.str(name, default="").strip()
    if not text:
        return default
    if not text.isdecimal() or not 1 <= int(text) <= 65535:
        raise ImproperlyConfigured(f"{name} is {text!r}: write a port number from 1 to 65535.")
    return int(text)


def env_count(name: str, default: int, *, least: int = 1) -> int:
    text = env.str(name, default="").strip()
    if not text:
        return default
    if not text.isdecimal() or not least <= int(text) <= 64:
        raise ImproperlyConfigured(f"{name} is {text!r}: write a number from {least} to 64.")
    return int(text)


# Where everything lives that is not code: embedded database, documents, collected static files, generated keys.
DATA_DIR = Path(env.str("DATA_DIR", default="") or BASE_DIR / ".data").resolve()

DATABASE_URL = env.str("DATABASE_URL", default="")
# Without a database of its own the installation is a demonstration on this machine:
# sample data, generated keys, loopback only.
EMBEDDED = not DATABASE_URL


def generated_secret(name: str) -> str:
    """A key made once and kept under DATA_DIR, for the embedded default only; production names its own."""
    if not EMBEDDED:
        raise ImproperlyConfigured(
            f"{name} is not set. With DATABASE_URL set every key must be named: see README, Settings."
        )
    path = DATA_DIR / "keys" / name.lower()
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        new = path.with_name(f"{path.name}.{os.getpid()}")
        new.touch(mode=0o600)
        new.write_text(base64.urlsafe_b64encode(secrets.token_bytes(32)).decode())
        try:
            os.link(new, path)  # the first of several processes wins, all read the same key
        except FileExistsError:
            pass
        finally:
            new.unlink()
    return path.read_text().strip()


DEBUG = False
SECRET_KEY = env.str("SECRET_KEY", default="") or generated_secret("SECRET_KEY")

# Where the web process listens: this machine only, unless a proxy on another one stands before it.
HOST = env.str("HOST", default="") or "127.0.0.1"
try:
    _address = ipaddress.ip_address(HOST)
except ValueError as error:
    raise ImproperlyConfigured(
        f"HOST is {HOST!r}: write the address to listen on, like 127.0.0.1 or 0.0.0.0."
    ) from error
if EMBEDDED and not _address.is_loopback:
    raise ImproperlyConfigured(
        f"HOST is {HOST!r}, but without DATABASE_URL this is a demonstration with known logins: it listens on 127.0.0.1 only."
    )
PORT = env_port("PORT", 8000)
# Web processes: about one a core; each takes 100 to 160 MB.
WEB_WORKERS = env_count("WEB_WORKERS", 2)
# How many reverse proxies of ours stand before it and add to X-Forwarded-For; with 0 that header is not read.
TRUSTED_PROXIES = env_count("TRUSTED_PROXIES", 0, least=0)
# How the outside reaches us: links in mails, redirects back from Stripe.
SITE_URL = (env.str("SITE_URL", default="") or f"http://127.0.0.1:{PORT}").rstrip("/")
if urlsplit(SITE_URL).scheme not in {"http", "https"} or not urlsplit(SITE_URL).hostname:
    raise ImproperlyConfigured(f"SITE_URL is {SITE_URL!r}: write it like https://fund.example.")
ALLOWED_HOSTS = env_list("ALLOWED_HOSTS", "127.0.0.1,localhost,[::1]" if EMBEDDED else "")
if not ALLOWED_HOSTS:
    raise ImproperlyConfigured("ALLOWED_HOSTS is not set: name the hosts this site answers to.")
FUND_NAME = env.str("FUND_NAME", default="") or "Fondo de Defensa Solidario"

# --- Languages and currencies -------------------------------------------------------------------

LANGUAGE_NAMES = {"es": "Español", "en": "English", "pt": "Português", "fr": "Français"}
_codes = env_list("LANGUAGES", "es,en,pt,fr")
for _code in _codes:
    try:
        Locale.parse(_code)
    except (UnknownLocaleError, ValueError) as error:
        raise ImproperlyConfigured(f"LANGUAGES names {_code!r}, which is no language.") from error
    if _code not in LANGUAGE_NAMES:
        raise ImproperlyConfigured(
            f"LANGUAGES names {_code!r}; there are texts for {', '.join(LANGUAGE_NAMES)}."
        )
LANGUAGES = [(code, LANGUAGE_NAMES[code]) for code in _codes]
LANGUAGE_CODE = _codes[0]
FORMAT_MODULE_PATH = "defensefund.formats"
LOCALE_PATHS = [BASE_DIR / "defensefund" / "locale"]
USE_I18N = True
USE_TZ = True
# Days in the books are days in UTC, so that a gift is in one period wherever it came from.
TIME_ZONE = "UTC"

# Checked against the currencies' own table when the apps load (donations/checks.py).
CURRENCIES = env_list("CURRENCIES", "EUR,USD,GBP,ARS,BRL,CLP,UYU")

# --- Promises -----------------------------------------------------------------------------------

# Days before a part is due, days between reminders, how many at most.
PLEDGE_REMINDERS = Reminders.read(env_list("PLEDGE_REMINDERS", "3,14,3"))

# Up to how much of one donation one person may send back alone; nothing in a currency that is not named.
_alone = "EUR:100,USD:100,GBP:100,ARS:150000,BRL:600,CLP:100000,UYU:4000"
REFUND_LIMITS = read_limits("REFUND_LIMITS", env_list("REFUND_LIMITS", _alone))
# Up to how much is sent back by the system itself when the card's bank warns of fraud.
_fraud = "EUR:500,USD:500,GBP:500,ARS:750000,BRL:3000,CLP:500000,UYU:20000"
FRAUD_REFUND_LIMITS = read_limits("FRAUD_REFUND_LIMITS", env_list("FRAUD_REFUND_LIMITS", _fraud))

# --- Stripe -------------------------------------------------------------------------------------

STRIPE_SECRET_KEY = env.str("STRIPE_SECRET_KEY", default="")
STRIPE_WEBHOOK_SECRETS = env_list("STRIPE_WEBHOOK_SECRETS")
STRIPE_API_BASE = env.str("STRIPE_API_BASE", default="")
# The account events may name; empty: none.
STRIPE_ACCOUNT = env.str("STRIPE_ACCOUNT", default="")
STRIPE_SANDBOX = not STRIPE_SECRET_KEY
# The stand-in for Stripe on an installation with a database of its own: for trying out, never for real gifts.
ALLOW_SANDBOX = env_bool("ALLOW_SANDBOX", False)
STRIPE_LIVEMODE = STRIPE_SECRET_KEY.startswith(("sk_live_", "rk_live_"))
if STRIPE_SANDBOX:
    STRIPE_SECRET_KEY = "sk_test_sandbox"  # noqa: S105  a name for the stand-in, opens nothing
    STRIPE_WEBHOOK_SECRETS = STRIPE_WEBHOOK_SECRETS or ["whsec_sandbox"]
elif not STRIPE_SECRET_KEY.startswith(("sk_live_", "rk_live_", "sk_test_", "rk_test_")):
    raise ImproperlyConfigured(
        "STRIPE_SECRET_KEY starts with none of sk_live_, rk_live_, sk_test_, rk_test_: copy it again from Stripe's dashboard."
    )
elif not STRIPE_WEBHOOK_SECRETS:
    raise ImproperlyConfigured(
        "STRIPE_WEBHOOK_SECRETS is not set: with a Stripe key, name the endpoint's signing secret (whsec_…)."
    )
if STRIPE_API_BASE and urlsplit(STRIPE_API_BASE).hostname not in {"127.0.0.1", "localhost", "::1"}:
    raise ImproperlyConfigured("STRIPE_API_BASE may only name this machine (127.0.0.1).")
# What the contract with Stripe says a payment by card costs; checked when the apps load (donations/checks.py).
CARD_FEES = env_list("CARD_FEES")

# --- Applications -------------------------------------------------------------------------------

INSTALLED_APPS = [
    "defensefund.apps.StaffAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "django_otp",
    "axes",
    "defensefund.apps.QueueConfig",
    "defensefund",
    "appeals",
    "donations",
    "donations.sandbox",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "defensefund.middleware.AnswerHeaders",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.middleware.csp.ContentSecurityPolicyMiddleware",
    "donations.stripe_views.StripeEntrance",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django_otp.middleware.OTPMiddleware",
    "defensefund.middleware.StaffSession",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "axes.middleware.AxesMiddleware",
    "defensefund.middleware.FormsOnly",
]

ROOT_URLCONF = "defensefund.urls"
WSGI_APPLICATION = "defensefund.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "defensefund.context.site",
            ],
        },
    },
]

# --- Database -----------------------------------------------------------------------------------


def database() -> dict[str, object]:
    if EMBEDDED:
        settings: dict[str, object] = dict(postgres.address(DATA_DIR / "postgres"))
    else:
        url = urlsplit(DATABASE_URL)
        if url.scheme not in {"postgres", "postgresql"}:
            raise ImproperlyConfigured(
                "DATABASE_URL must start with postgres:// (PostgreSQL 15 or newer is the one database this runs on)."
            )
        settings = environ.Env.db_url_config(DATABASE_URL)
    settings["ENGINE"] = "django.db.backends.postgresql"
    options = settings.setdefault("OPTIONS", {})
    assert isinstance(options, dict)
    # A pool in each process: worth five to eight times on a one-query page, more than the server.
    options["pool"] = {"min_size": 1, "max_size": 8, "timeout": 10}
    settings["CONN_HEALTH_CHECKS"] = True
    return settings


DATABASES = {"default": database()}

# --- Jobs ---------------------------------------------------------------------------------------

# Each app's jobs.py holds its tasks (defensefund/jobs.py says how they are run).
PROCRASTINATE_AUTODISCOVER_MODULE_NAME = "jobs"

# --- Mail ---------------------------------------------------------------------------------------

DEFAULT_FROM_EMAIL = env.str("MAIL_FROM", default="") or "fund@localhost"
SERVER_EMAIL = DEFAULT_FROM_EMAIL

MAILERS = {"default": mailer(env.str("SMTP_URL", default=""))}

# --- Security -----------------------------------------------------------------------------------

# Personal fields are encrypted with the first key and read with any: "new,old" rotates.
FIELD_KEYS = env_list("FIELD_KEYS") or [generated_secret("FIELD_KEYS")]

AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "defensefund.rights.RightsBackend",
]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
LOGIN_URL = "admin:login"
LOGIN_REDIRECT_URL = "admin:index"

# Wrong passwords and codes (defensefund/lockout.py): six from one network for one login name, then a pause.
AXES_HANDLER = "defensefund.lockout.StaffLockout"
AXES_FAILURE_LIMIT = 6
AXES_COOLOFF_TIME = timedelta(minutes=15)
# What is refused meanwhile does not count, so nobody can keep an account shut by going on.
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_USERNAME_CALLABLE = "defensefund.lockout.login_name"
AXES_CLIENT_IP_CALLABLE = "defensefund.lockout.network"
AXES_LOCKOUT_CALLABLE = "defensefund.lockout.locked_out"
AXES_RESET_ON_SUCCESS = True
AXES_SENSITIVE_PARAMETERS = ["username", "ip_address", "code", "proof", "csrfmiddlewaretoken"]
AXES_DISABLE_ACCESS_LOG = True
AXES_ENABLE_ADMIN = False
AXES_VERBOSE = False

SESSION_COOKIE_AGE = 8 * 3600
SESSION_EXPIRE_AT_BROWSER_CLOSE = True
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_HTTPONLY = True
X_FRAME_OPTIONS = "DENY"
# Other sites learn nothing. With "no-referrer" browsers send `Origin: null` with our own forms, and Django refuses them.
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
if SITE_URL.startswith("https://"):
    SECURE_SSL_REDIRECT = True
    # Stripe counts a redirect as a failed delivery; the health check is asked over plain HTTP from inside.
    SECURE_REDIRECT_EXEMPT = [r"^stripe/webhook/$", r"^healthz$"]
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SECURE_HSTS_SECONDS = 31536000
    SECURE_HSTS_INCLUDE_SUBDOMAINS = True
    SECURE_HSTS_PRELOAD = True
    SESSION_COOKIE_SECURE = True
    CSRF_COOKIE_SECURE = True
    SESSION_COOKIE_NAME = "__Host-sessionid"
    CSRF_COOKIE_NAME = "__Host-csrftoken"
    CSRF_TRUSTED_ORIGINS = [SITE_URL]

# Chromium applies form-action to the redirect after a POST too, so Stripe's pages are listed: for payments, for the
# cards of monthly gifts, and for a month that failed.
STRIPE_PAGES = ("checkout", "billing", "invoice")
SECURE_CSP = {
    "default-src": [CSP.NONE],
    "script-src": [CSP.SELF],
    "style-src": [CSP.SELF],
    "img-src": [CSP.SELF, "data:"],
    "font-src": [CSP.SELF],
    "connect-src": [CSP.SELF],
    "form-action": [CSP.SELF, *(f"https://{page}.stripe.com" for page in STRIPE_PAGES)],
    "frame-ancestors": [CSP.NONE],
    "base-uri": [CSP.NONE],
}

DATA_UPLOAD_MAX_MEMORY_SIZE = 12 * 1024 * 1024

# A form for gifts that is sent sooner after it was opened was sent by a program.
FORM_LEAST_SECONDS = 2

# --- Files --------------------------------------------------------------------------------------

STATIC_URL = "/static/"
STATIC_ROOT = DATA_DIR / "static"
# Documents of legal costs: outside the web root, streamed by a view that asks who wants them.
MEDIA_ROOT = DATA_DIR / "documents"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
FILE_UPLOAD_PERMISSIONS = 0o600

# --- Logs: what happened, never to whom ---------------------------------------------------------

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"plain": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"}},
    # The path of a request that failed can hold a supporter's private link.
    "filters": {"links": {"()": "defensefund.log_links.WithoutLinks"}},
    "handlers": {
        "console": {"class": "logging.StreamHandler", "formatter": "plain", "filters": ["links"]}
    },
    "root": {"handlers": ["console"], "level": "INFO"},
    "loggers": {
        # Forged webhooks and guessed addresses would fill the disk: only 5xx are logged.
        "django.request": {"level": "ERROR"},
        "django.server": {"handlers": ["console"], "level": "WARNING", "propagate": False},
        "pikepdf": {"level": "WARNING"},
        "stripe": {"level": "WARNING"},
        "procrastinate": {"level": "WARNING"},
        "axes": {"level": "WARNING"},
    },
}
