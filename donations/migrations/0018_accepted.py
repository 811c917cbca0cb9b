"""A payout whose movements Stripe never tells is accepted by somebody, once, with a reason that stays."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from defensefund.tables import Together

STAYS = """
CREATE FUNCTION donations_payout_acceptance() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.accepted_at IS NOT NULL AND (NEW.accepted_by_id, NEW.accepted_at, NEW.accepted_reason)
       IS DISTINCT FROM (OLD.accepted_by_id, OLD.accepted_at, OLD.accepted_reason) THEN
        RAISE EXCEPTION 'who accepted a payout, and why, is never changed'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'payout_acceptance_stays';
    END IF;
    IF OLD.accepted_at IS NULL AND NEW.accepted_at IS NOT NULL
       AND (NEW.itemised_at IS NOT NULL OR NEW.returned_at IS NOT NULL) THEN
        RAISE EXCEPTION 'only a payout without its movements is accepted'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'payout_accepted_without_movements';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER payout_acceptance BEFORE UPDATE ON donations_payout
    FOR EACH ROW EXECUTE FUNCTION donations_payout_acceptance();
"""
STAYS_BACK = "DROP FUNCTION donations_payout_acceptance CASCADE;"


class Migration(migrations.Migration):
    dependencies = [
        ("donations", "0017_collections"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        Together(
            [
                migrations.AlterModelOptions(
                    name="payout",
                    options={
                        "ordering": ["-pk"],
                        "permissions": [
                            ("accept_payout", "Can accept a payout without its movements")
                        ],
                        "verbose_name": "payout",
                        "verbose_name_plural": "payouts",
                    },
                ),
                migrations.AddField(
                    model_name="payout",
                    name="accepted_at",
                    field=models.DateTimeField(null=True, verbose_name="accepted at"),
                ),
                migrations.AddField(
                    model_name="payout",
                    name="accepted_by",
                    field=models.ForeignKey(
                        help_text="Who looked at it and said why Stripe never tells its movements.",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="accepted by",
                    ),
                ),
                migrations.AddField(
                    model_name="payout",
                    name="accepted_reason",
                    field=models.TextField(blank=True, verbose_name="why it was accepted"),
                ),
                migrations.AddConstraint(
                    model_name="payout",
                    constraint=models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("accepted_at", None),
                                ("accepted_by", None),
                                ("accepted_reason", ""),
                            ),
                            models.Q(
                                ("accepted_at__isnull", False),
                                ("accepted_by__isnull", False),
                                models.Q(("accepted_reason", ""), _negated=True),
                            ),
                            _connector="OR",
                        ),
                        name="payout_acceptance_complete",
                    ),
                ),
            ]
        ),
        migrations.RunSQL(STAYS, STAYS_BACK),
    ]
