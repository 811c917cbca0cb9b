"""What frees a frozen fund, for databases made by the earlier migrations: a new one has it from 0002_ledger."""

from importlib import import_module

from django.db import migrations

ledger = import_module("donations.migrations.0002_ledger")


class Migration(migrations.Migration):
    dependencies = [("donations", "0013_past")]
    operations = [migrations.RunSQL(ledger.ENTRY_POST, migrations.RunSQL.noop)]
