"""A transfer between own accounts that arrives less a bank's fee is one match, with what was kept of it."""

from decimal import Decimal

from django.db import migrations, models

from defensefund.tables import Together

SIDE = """
CREATE OR REPLACE FUNCTION donations_match_of_its_side() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (
        SELECT 1 FROM donations_owntransfer t JOIN donations_statementline l ON l.id = NEW.line_id
        WHERE t.id = NEW.own_transfer_id
          AND ((l.account_id = t.left_from_id AND NEW.amount = -t.amount - NEW.withheld)
               OR (l.account_id = t.arrives_at_id AND NEW.amount = t.amount - NEW.withheld AND NEW.amount > 0))) THEN
        RAISE EXCEPTION 'this line is no side of that transfer'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'own_transfer_match_of_its_side';
    END IF;
    RETURN NEW;
END $$;
"""
SIDE_BACK = """
CREATE OR REPLACE FUNCTION donations_match_of_its_side() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (
        SELECT 1 FROM donations_owntransfer t JOIN donations_statementline l ON l.id = NEW.line_id
        WHERE t.id = NEW.own_transfer_id
          AND ((l.account_id = t.left_from_id AND NEW.amount = -t.amount)
               OR (l.account_id = t.arrives_at_id AND NEW.amount = t.amount))) THEN
        RAISE EXCEPTION 'this line is no side of that transfer'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'own_transfer_match_of_its_side';
    END IF;
    RETURN NEW;
END $$;
"""


class Migration(migrations.Migration):
    dependencies = [("donations", "0014_lift")]
    operations = [
        Together(
            [
                migrations.RemoveConstraint(
                    model_name="statementmatch", name="match_withheld_of_a_payout"
                ),
                migrations.AlterField(
                    model_name="statementmatch",
                    name="withheld",
                    field=models.DecimalField(
                        db_default=Decimal("0"),
                        decimal_places=3,
                        default=Decimal("0"),
                        help_text="What a bank kept of a payout, or of a transfer between own accounts, on its way: its fee, booked apart from the line.",
                        max_digits=21,
                        verbose_name="withheld",
                    ),
                ),
                migrations.AddConstraint(
                    model_name="statementmatch",
                    constraint=models.CheckConstraint(
                        name="match_withheld_on_its_way",
                        condition=models.Q(withheld=0)
                        | models.Q(withheld__gt=0, payout__isnull=False)
                        | models.Q(withheld__gt=0, own_transfer__isnull=False),
                    ),
                ),
            ]
        ),
        migrations.RunSQL(SIDE, SIDE_BACK),
    ]
