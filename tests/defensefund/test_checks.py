import os
import subprocess
import sys
from pathlib import Path

import pytest

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


def check(tmp_path, *options, **changed):
    """`manage.py check` with the production environment, changed; None takes a variable away."""
    environment = {"PATH": os.environ["PATH"], "DATA_DIR": str(tmp_path)} | PRODUCTION | changed
    # An empty value is what an unset variable means, and keeps a developer's .env from filling it in.
    environment = {name: value or "" for name, value in environment.items()}
    return subprocess.run(
        [sys.executable, "manage.py", "check", *options],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


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
def test_what_is_missing_is_named(tmp_path, changed, said):
    done = check(tmp_path, *DEPLOY, **changed)

    assert done.returncode == 1
    assert said in done.stderr


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
def test_what_can_never_work_stops_every_start(tmp_path, changed, said):
    done = check(tmp_path, **changed)

    assert done.returncode == 1
    assert said in done.stderr
    assert PRODUCTION["FIELD_KEYS"] not in done.stderr


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
def test_bad_setting_stops_the_start_with_a_sentence(tmp_path, changed, said):
    done = check(tmp_path, **changed)

    assert done.returncode == 1
    assert said in done.stderr


def test_demonstration_is_checked_clean_without_any_setting(tmp_path):
    done = check(tmp_path, **dict.fromkeys(PRODUCTION))

    assert (done.returncode, done.stderr) == (0, "")
