"""READ: what the migrations wrote of triggers and functions, and whether the database still has it; for proofs.prove_guards."""

import importlib
import pkgutil
import re
from hashlib import sha256

from django.db.migrations import RunSQL

from . import migrations

GUARDS = """
SELECT wanted.name, NOT EXISTS (
    SELECT 1 FROM pg_trigger t WHERE t.tgname = wanted.name AND t.tgrelid = to_regclass(wanted.table_name)
    AND strpos(wanted.states, t.tgenabled::text) > 0) AS wrong
FROM unnest(%s::text[], %s::text[], %s::text[]) AS wanted (name, table_name, states)
UNION ALL
SELECT rule, NOT EXISTS (
    SELECT 1 FROM pg_constraint WHERE conname = rule AND conrelid = 'donations_entry'::regclass AND convalidated)
FROM unnest(ARRAY['entry_amount_positive', 'entry_amount_exact', 'entry_between_two_accounts', 'entry_kind_known',
                  'entry_currency_of_debit', 'entry_currency_of_credit']) AS rule
UNION ALL
SELECT wanted.name || '()', NOT EXISTS (
    SELECT 1 FROM pg_proc p WHERE p.proname = wanted.name AND p.pronamespace = 'public'::regnamespace
    AND encode(sha256(convert_to(p.prosrc, 'UTF8')), 'hex') = wanted.hash)
FROM unnest(%s::text[], %s::text[]) AS wanted (name, hash)
"""

FUNCTION = re.compile(r"CREATE (?:OR REPLACE )?FUNCTION (\w+)\(.*?AS \$\$(.*?)\$\$", re.DOTALL)
TRIGGER = re.compile(r"CREATE (?:CONSTRAINT )?TRIGGER (\w+)\s[^;]*?\sON (\w+)")
ALWAYS = re.compile(r"ENABLE ALWAYS TRIGGER (\w+)")
DROPPED = re.compile(r"^DROP (?:FUNCTION|TRIGGER) (\w+)", re.MULTILINE)


def guards_written() -> list[list[str]]:
    """The parameters of GUARDS: triggers, their tables and states, functions and the hashes of their texts."""
    written = _written_sql()
    always = set(ALWAYS.findall(written))
    triggers = _standing(TRIGGER, written)
    # A trigger marked ALWAYS (A) also works for a session that plays replica; the others (O) may be so marked.
    states = ["A" if name in always else "AO" for name in triggers]
    # Of a function written anew by a later migration the last text counts.
    functions = _standing(FUNCTION, written)
    hashes = [sha256(body.encode()).hexdigest() for body in functions.values()]
    return [list(triggers), list(triggers.values()), states, list(functions), hashes]


def _standing(what: re.Pattern[str], written: str) -> dict[str, str]:
    """By name, what was made and not dropped since."""
    dropped = {found[1]: found.start() for found in DROPPED.finditer(written)}
    made = what.finditer(written)
    return {found[1]: found[2] for found in made if found.start() > dropped.get(found[1], -1)}


def _written_sql() -> str:
    """The SQL of all our migrations, in their order."""
    texts = []
    for module in sorted(pkgutil.iter_modules(migrations.__path__), key=lambda found: found.name):
        migration = importlib.import_module(f"{migrations.__name__}.{module.name}").Migration
        for operation in migration.operations:
            if isinstance(operation, RunSQL) and isinstance(operation.sql, str):
                texts.append(operation.sql)
    return "\n".join(texts)
