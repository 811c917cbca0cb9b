"""What `manage.py check` says of an environment: as a command of its own, and for most of it by its parts, in this process."""

import os
import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings
from django.core import checks
from django.core.exceptions import ImproperlyConfigured
from django.test import override_settings

ROOT = Path(__file__).resolve().parents[2]

PRODUCTION = {
    "DATABASE_URL": "postgres://web@localhost/nothing-is-asked-of-it",
    "SECRET_KEY": "mK2vQ8xW4nR7tY1uP5sD9fG3hJ6kL0zXcVbNm-qwertyuiop-ASDFGH",
    "FIELD_KEYS": "Wqk3sJt0pVbXcZ8nL5mR2yE7uH1dF4gA6iK9oP-Qw_Y=",
    "ALLOWED_HOSTS": "fund.example",
    "SITE_URL": "https://fund.example",
    "SMTP_URL": "smtp+tls://user:password@mail.example:587",
    "MAIL_FROM": "hello@fund.example",
    "STRIPE_SECRET_KEY": "sk_live_of_nobody",
    "STRIPE_WEBHOOK_SECRETS": "whsec_of_nobody",
}


def environment(tmp_path, **changed):
    """The production environment, changed; None takes a variable away."""
    variables = {"PATH": os.environ["PATH"], "DATA_DIR": str(tmp_path)} | PRODUCTION | changed
    # An empty value is what an unset variable means, and keeps a developer's .env from filling it in.
    return {name: value or "" for name, value in variables.items()}


def check(tmp_path, *options, **changed):
    """`manage.py check` itself."""
    return subprocess.run(
        [sys.executable, "manage.py", "check", *options],
        cwd=ROOT,
        env=environment(tmp_path, **changed),
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def found(tmp_path, monkeypatch):
    """`found(**changed)`: what the checks find, under the settings that settings.py makes of the changed environment."""

    def found(*, is_deployment=False, **changed):
        wanted = environment(tmp_path, **changed)
        with monkeypatch.context() as patch:
            for name in set(os.environ) - set(wanted):
                patch.delenv(name)
            for name, value in wanted.items():
                patch.setenv(name, value)
            made = runpy.run_path(str(ROOT / "defensefund/settings.py"))
        different = {
            name: value
            for name, value in made.items()
            # The database is not asked, and Django has connections to it open.
            if name.isupper() and name != "DATABASES" and getattr(settings, name, None) != value
        }
        with override_settings(**different):
            return [
                message.msg
                for message in checks.run_checks(include_deployment_checks=is_deployment)
            ]

    return found


DEPLOY = ("--deploy", "--fail-level", "WARNING")


def test_good_production_environment_has_nothing_to_mend(tmp_path):
    done = check(tmp_path, *DEPLOY)

    assert (done.returncode, done.stderr) == (0, "")
    assert "no issues" in done.stdout


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"SITE_URL": "http://fund.example"}, "SITE_URL does not start with https://"),
        ({"SITE_URL": "https://other.example"}, "ALLOWED_HOSTS does not name other.example"),
        ({"ALLOWED_HOSTS": "fund.example,*"}, "ALLOWED_HOSTS has a pattern"),
        ({"ALLOWED_HOSTS": "fund.example,.fund.example"}, "ALLOWED_HOSTS has a pattern"),
        ({"SMTP_URL": None}, "SMTP_URL is not set"),
        ({"MAIL_FROM": None}, "MAIL_FROM is not set"),
        ({"STRIPE_SECRET_KEY": None}, "STRIPE_SECRET_KEY is not set"),
        ({"STRIPE_SECRET_KEY": "sk_test_of_nobody"}, "STRIPE_SECRET_KEY is a test key"),
        ({"SECRET_KEY": "short"}, "SECRET_KEY"),
        ({"SECRET_KEY": PRODUCTION["FIELD_KEYS"]}, "SECRET_KEY and FIELD_KEYS are the same"),
        ({"DATABASE_URL": None}, "DATABASE_URL is not set"),
    ],
)
def test_what_is_missing_is_named(found, changed, said):
    assert [message for message in found(is_deployment=True, **changed) if said in message]


def test_check_for_production_fails_with_what_is_missing(tmp_path):
    done = check(tmp_path, *DEPLOY, MAIL_FROM=None)

    assert done.returncode == 1
    assert "MAIL_FROM is not set" in done.stderr


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"FIELD_KEYS": "not base64!"}, "FIELD_KEYS: key number 1 is not 32 bytes"),
        (
            {"FIELD_KEYS": PRODUCTION["FIELD_KEYS"] + ",c2hvcnQ="},
            "FIELD_KEYS: key number 2 is not 32 bytes",
        ),
        ({"FIELD_KEYS": ",".join([PRODUCTION["FIELD_KEYS"]] * 2)}, "the same key twice"),
        (
            {"STRIPE_API_BASE": "http://127.0.0.1:9"},
            "STRIPE_API_BASE is set together with a live STRIPE_SECRET_KEY",
        ),
    ],
)
def test_what_can_never_work_stops_every_start(found, changed, said):
    [message] = found(**changed)

    assert said in message
    assert PRODUCTION["FIELD_KEYS"] not in message


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"SECRET_KEY": None}, "SECRET_KEY is not set"),
        ({"FIELD_KEYS": None}, "FIELD_KEYS is not set"),
        ({"ALLOWED_HOSTS": None}, "ALLOWED_HOSTS is not set"),
        ({"STRIPE_WEBHOOK_SECRETS": None}, "STRIPE_WEBHOOK_SECRETS is not set"),
        ({"STRIPE_SECRET_KEY": "pk_live_x"}, "STRIPE_SECRET_KEY starts with none of"),
        ({"STRIPE_API_BASE": "https://api.example"}, "STRIPE_API_BASE may only name this machine"),
        ({"DATABASE_URL": "mysql://x/y"}, "DATABASE_URL must start with postgres://"),
        ({"SITE_URL": "fund.example"}, "SITE_URL is 'fund.example'"),
        ({"SMTP_URL": "mail.example"}, "SMTP_URL must look like"),
        ({"PORT": "http"}, "PORT is 'http'"),
        ({"HOST": "everywhere"}, "HOST is 'everywhere'"),
        ({"WEB_WORKERS": "0"}, "WEB_WORKERS is '0'"),
        ({"TRUSTED_PROXIES": "-1"}, "TRUSTED_PROXIES is '-1'"),
        ({"LANGUAGES": "es,xx"}, "LANGUAGES names 'xx'"),
    ],
)
def test_bad_setting_is_refused_with_a_sentence(found, changed, said):
    with pytest.raises(ImproperlyConfigured, match=re.escape(said)):
        found(**changed)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"SITE_URL": "fund.example"}, "SITE_URL is 'fund.example'"),
        ({"FIELD_KEYS": "not base64!"}, "FIELD_KEYS: key number 1 is not 32 bytes"),
    ],
)
def test_bad_setting_stops_the_start_with_its_sentence(tmp_path, changed, said):
    done = check(tmp_path, **changed)

    assert done.returncode == 1
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_demonstration_is_checked_clean_without_any_setting(tmp_path):
    done = check(tmp_path, **dict.fromkeys(PRODUCTION))

    assert (done.returncode, done.stderr) == (0, "")
