from django.db import migrations

from defensefund.roles import GROUPS, sync_groups


def forward(apps, schema_editor):
    sync_groups()


def backward(apps, schema_editor):
    apps.get_model("auth", "Group").objects.filter(name__in=GROUPS).delete()


class Migration(migrations.Migration):
    """Makes the groups as roles.py has them; it writes only to tables of auth and contenttypes, so the state
    of our own tables does not matter. A later change of roles.py is brought in by a migration like this one."""

    replaces = [("defensefund", "0003_groups")]
    dependencies = [
        ("defensefund", "0003_counters"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]
    operations = [migrations.RunPython(forward, backward)]
