from django.db import migrations

FORWARD = """
CREATE TRIGGER sandbox_delivery_wake AFTER INSERT ON sandbox_sandboxdelivery
    FOR EACH STATEMENT EXECUTE FUNCTION donations_wake('deliver_webhooks');
"""
BACKWARD = "DROP TRIGGER sandbox_delivery_wake ON sandbox_sandboxdelivery;"


class Migration(migrations.Migration):
    dependencies = [("sandbox", "0001_initial"), ("donations", "0002_ledger_rules")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
