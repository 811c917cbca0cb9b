"""The run script, in a folder with a space, with a Python that only pretends to install."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

# Answers like python3.13: -c is real, a venv gets a copy of this file, pip takes its time and notes that it was called.
PYTHON = f"""#!/bin/sh
case "$1 ${{2:-}}" in
    "-c "*) exec "{sys.executable}" "$@" ;;
    "-m venv") mkdir -p "$4/bin"; cp "$0" "$4/bin/python"; echo "venv" >> "$NOTES" ;;
    "-m pip")
        echo "pip begins" >> "$NOTES"
        sleep "${{PIP_SECONDS:-0}}"
        [ -z "${{PIP_FAILS:-}}" ] || {{ echo "no such host" >&2; exit 1; }}
        echo "pip ends" >> "$NOTES" ;;
    "-m pytest") shift 2; echo "in $PWD:" "$@" ;;
    *) exec "{sys.executable}" "$@" ;;
esac
"""
# Too old, and without venv.
OLD_PYTHON = f"""#!/bin/sh
case "$1 ${{2:-}}" in
    *version_info* | "-m "*) exit 1 ;;
esac
exec "{sys.executable}" "$@"
"""
MANAGE = "import os, sys; print(os.getcwd(), sys.argv[1:])"
WHOLE = ["venv", "pip begins", "pip ends"]


class Checkout:
    """A copy of the project's entry point, with its pretended Python first on the PATH."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "with a space"
        self.folder.mkdir()
        shutil.copy(ROOT / "run", self.folder)
        (self.folder / "manage.py").write_text(MANAGE)
        self.change_lock("one==1\n")
        programs = folder / "programs"
        programs.mkdir()
        (programs / "python3.13").write_text(PYTHON)
        (programs / "python3.13").chmod(0o755)
        self.notes = folder / "notes"
        self.environment = {"PATH": f"{programs}:{os.defpath}", "NOTES": str(self.notes)}

    def change_lock(self, text: str) -> None:
        (self.folder / "requirements.lock").write_text(text)

    def start(self, *words: str, cwd: Path = Path("/"), **environment: str) -> subprocess.Popen:
        return subprocess.Popen(
            [self.folder / "run", *words],
            cwd=cwd,
            env=self.environment | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def run(self, *words: str, cwd: Path = Path("/"), **environment: str) -> tuple[int, str, str]:
        process = self.start(*words, cwd=cwd, **environment)
        out, err = process.communicate(timeout=20)
        return process.returncode, out, err

    def noted(self) -> list[str]:
        return self.notes.read_text().splitlines() if self.notes.exists() else []


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path)


def test_script_is_plain_sh():
    subprocess.run(["sh", "-n", ROOT / "run"], check=True)
    assert os.access(ROOT / "run", os.X_OK)


def test_script_leaves_the_source_of_packages_to_pip():
    assert "http" not in (ROOT / "run").read_text()


def test_first_run_installs_and_hands_over_the_words_and_the_folder(checkout, tmp_path):
    code, out, err = checkout.run("import_statement", "bank one", "a file.xml", cwd=tmp_path)

    assert (code, out) == (0, f"{tmp_path} ['import_statement', 'bank one', 'a file.xml']\n")
    assert "Installing the packages" in err
    assert checkout.noted() == WHOLE


def test_second_run_installs_nothing(checkout):
    checkout.run("help")

    assert checkout.run("help") == (0, "/ ['help']\n", "")
    assert checkout.noted() == WHOLE


def test_without_words_it_starts_everything(checkout):
    assert checkout.run()[1] == "/ ['start']\n"


def test_tests_run_in_the_project_on_two_processes(checkout):
    _, out, _ = checkout.run("test", "tests/a b.py", "-k", "x or y")

    assert out == f"in {checkout.folder}: -n 2 --dist worksteal tests/a b.py -k x or y\n"


def test_changed_lock_is_installed_into_the_same_environment(checkout):
    checkout.run("help")
    checkout.change_lock("one==2\n")

    code, _, err = checkout.run("help")

    assert code == 0
    assert "The lock has changed" in err
    assert checkout.noted() == [*WHOLE, "pip begins", "pip ends"]


def test_failed_install_gets_a_sentence_and_is_begun_anew(checkout):
    code, out, err = checkout.run("help", PIP_FAILS="yes")
    assert (code, out) == (1, "")
    assert "no such host" in err
    assert "The packages could not be installed" in err

    assert checkout.run("help")[0] == 0
    assert checkout.noted() == ["venv", "pip begins", *WHOLE]


def test_killed_install_is_begun_anew(checkout):
    process = checkout.start("help", PIP_SECONDS="20")
    end = time.monotonic() + 10
    while "pip begins" not in checkout.noted():
        assert time.monotonic() < end
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()

    assert checkout.run("help")[0] == 0
    assert checkout.noted() == ["venv", "pip begins", *WHOLE]


def test_change_killed_half_way_is_begun_anew(checkout):
    checkout.run("help")
    checkout.change_lock("one==2\n")
    checkout.run("help", PIP_FAILS="yes")

    assert checkout.run("help")[0] == 0
    assert checkout.noted() == [*WHOLE, "pip begins", *WHOLE]


def test_two_first_runs_at_once_install_once(checkout):
    first, second = (checkout.start("help", PIP_SECONDS="1") for _ in range(2))

    assert [first.communicate()[0], second.communicate()[0]] == ["/ ['help']\n"] * 2
    assert checkout.noted() == WHOLE


def test_environment_whose_python_is_gone_is_made_anew(checkout):
    checkout.run("help")
    (checkout.folder / ".venv" / "bin" / "python").unlink()

    assert checkout.run("help")[0] == 0
    assert checkout.noted() == WHOLE * 2


@pytest.mark.skipif(
    any(
        Path(folder, f"python3.{minor}").exists()
        for folder in ("/usr/local/bin", "/opt/homebrew/bin")
        for minor in (12, 13, 14)
    ),
    reason="this machine has a Python that ./run finds by its place",
)
def test_old_python_alone_gets_a_sentence(checkout, tmp_path):
    programs = tmp_path / "old"
    programs.mkdir()
    for name in ("sh", "dirname", "cmp", "df", "awk"):
        (programs / name).symlink_to(str(shutil.which(name)))
    (programs / "python3").write_text(OLD_PYTHON)
    (programs / "python3").chmod(0o755)

    code, out, err = checkout.run("help", PATH=str(programs), PYENV_ROOT="/nowhere")

    assert (code, out) == (1, "")
    assert "Please install Python 3.13" in err
    assert not (checkout.folder / ".venv").exists()


@pytest.mark.skipif(
    not Path("/usr/bin/python3").exists(), reason="this machine has no Python of its own"
)
def test_shim_that_leads_nowhere_does_not_stand_in_the_way(checkout, tmp_path):
    shims = tmp_path / "shims"
    shims.mkdir()
    (shims / "python3").write_text("#!/bin/sh\nexit 127\n")
    (shims / "python3").chmod(0o755)

    code, out, err = checkout.run("help", PATH=f"{shims}:{checkout.environment['PATH']}")

    assert (code, out) == (0, "/ ['help']\n")
    assert err == "run: Installing the packages into .venv; this happens once.\n"
    assert checkout.noted() == WHOLE


def test_who_reads_no_further_gets_no_traceback():
    command = [sys.executable, "manage.py", "help", "--commands"]
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.stderr is not None
        said = process.stderr.read()
        assert process.wait(timeout=60) == 1

    assert said == ""
