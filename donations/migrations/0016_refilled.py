"""A frozen fund that later gifts have brought to zero or above is freed by two people, with nothing to cover."""

import django.db.models.deletion
from django.db import migrations, models

from defensefund.tables import Together

# The freeze is the ledger's own, and the web's role may not touch it: the decision itself lifts it, and only of a fund that
# lacks nothing. Its row is held as by whoever takes money out of it, so that no refund comes in between.
LIFT = """
CREATE FUNCTION donations_fundcover_lift() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    refilled bigint;
BEGIN
    SELECT id INTO refilled FROM donations_account
    WHERE fund_id = NEW.target_id AND currency = NEW.currency AND frozen_at IS NOT NULL FOR NO KEY UPDATE;
    IF refilled IS NULL OR donations_free(refilled) < 0 THEN
        RAISE EXCEPTION 'only a frozen fund that is at zero or above is freed without a cover'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'cover_lifts_what_is_refilled';
    END IF;
    UPDATE donations_account SET frozen_at = NULL WHERE id = refilled;
    RETURN NULL;
END $$;
CREATE TRIGGER cover_lift AFTER UPDATE ON donations_fundcover
    FOR EACH ROW WHEN (NEW.source_id IS NULL AND OLD.approved_at IS NULL AND NEW.approved_at IS NOT NULL)
    EXECUTE FUNCTION donations_fundcover_lift();
"""
LIFT_BACK = "DROP FUNCTION donations_fundcover_lift CASCADE;"


class Migration(migrations.Migration):
    dependencies = [("donations", "0015_transfers_less")]
    operations = [
        Together(
            [
                migrations.AlterField(
                    model_name="fundcover",
                    name="source",
                    field=models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="donations.fund",
                        verbose_name="from",
                    ),
                ),
                migrations.RemoveConstraint(model_name="fundcover", name="cover_amount_positive"),
                migrations.AddConstraint(
                    model_name="fundcover",
                    constraint=models.CheckConstraint(
                        condition=models.Q(("amount__gt", 0), ("source__isnull", False))
                        | models.Q(("amount", 0), ("source", None)),
                        name="cover_moves_money_or_lifts",
                    ),
                ),
                migrations.AlterField(
                    model_name="account",
                    name="frozen_at",
                    field=models.DateTimeField(
                        help_text="Set by the database when a fact took the account below zero; lifted by two people's decision.",
                        null=True,
                        verbose_name="frozen at",
                    ),
                ),
            ]
        ),
        migrations.RunSQL(LIFT, LIFT_BACK),
    ]
