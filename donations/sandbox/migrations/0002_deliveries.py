"""A delivery wakes the worker that makes it."""

from django.db import migrations

WAKE = """
CREATE TRIGGER sandbox_delivery_wake AFTER INSERT ON sandbox_sandboxdelivery
    FOR EACH STATEMENT EXECUTE FUNCTION donations_wake('deliver_webhooks');
"""
WAKE_BACK = "DROP TRIGGER sandbox_delivery_wake ON sandbox_sandboxdelivery;"


class Migration(migrations.Migration):
    replaces = [
        ("sandbox", "0002_wake"),
        ("sandbox", "0003_links_and_clock"),
        ("sandbox", "0004_faults"),
    ]
    dependencies = [("sandbox", "0001_initial"), ("donations", "0002_ledger")]
    operations = [migrations.RunSQL(WAKE, WAKE_BACK)]
