"""Every variable that settings.py reads is explained twice, and nothing else is."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def read_by_settings():
    """Every name in `env.str("NAME")`, `env_list("NAME")`, `generated_secret("NAME")` and their like."""
    names = set()
    for node in ast.walk(ast.parse((ROOT / "defensefund/settings.py").read_text())):
        if not isinstance(node, ast.Call) or not node.args:
            continue
        called = ast.unparse(node.func)
        first = node.args[0]
        reads = called.startswith(("env.", "env_")) or called == "generated_secret"
        if reads and isinstance(first, ast.Constant):
            names.add(first.value)
    return names


def test_settings_are_read_by_name():
    assert {"DATABASE_URL", "STRIPE_SECRET_KEY", "PORT", "FIELD_KEYS"} <= read_by_settings()


def test_env_example_has_every_setting_and_no_other():
    text = (ROOT / ".env.example").read_text()

    assert sorted(re.findall(r"^([A-Z_]+)=", text, re.M)) == sorted(read_by_settings())


def test_env_example_explains_nothing_away():
    """A secret in the example would be a secret of every installation."""
    text = (ROOT / ".env.example").read_text()

    assert not re.search(
        r"^(SECRET_KEY|FIELD_KEYS|STRIPE_\w*SECRET\w*|DATABASE_URL|SMTP_URL)=.", text, re.M
    )


def test_readme_has_every_setting_and_no_other():
    settings = (ROOT / "README.md").read_text().split("\n## Settings\n")[1].split("\n## ")[0]

    assert sorted(re.findall(r"^\| `([A-Z_]+)` \|", settings, re.M)) == sorted(read_by_settings())


def test_nothing_but_settings_reads_the_environment():
    readers = {
        str(path.relative_to(ROOT))
        for folder in ("appeals", "donations", "defensefund")
        for path in (ROOT / folder).rglob("*.py")
        # Most files do not even hold the letters.
        if "environ" in (text := path.read_text()) or "getenv" in text
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Attribute) and ast.unparse(node) in {"os.environ", "os.getenv"}
    }

    assert readers == {"defensefund/wsgi.py"}  # it names the settings module
