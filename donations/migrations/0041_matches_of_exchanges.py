"""The two bank lines of an exchange; and no indexes of links that are empty in nearly every match."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

STAYS = """
CREATE OR REPLACE FUNCTION donations_statementmatch_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.line_id, NEW.amount, NEW.source, NEW.payout_id, NEW.disbursement_id, NEW.donation_id, NEW.deposit_id,
        NEW.refund_request_id, NEW.exchange_id, NEW.confirmed_by_id, NEW.confirmed_at)
       IS DISTINCT FROM
       (OLD.line_id, OLD.amount, OLD.source, OLD.payout_id, OLD.disbursement_id, OLD.donation_id, OLD.deposit_id,
        OLD.refund_request_id, OLD.exchange_id, OLD.confirmed_by_id, OLD.confirmed_at)
       OR (OLD.undone_at IS NOT NULL AND (NEW.undone_at, NEW.undone_by_id)
           IS DISTINCT FROM (OLD.undone_at, OLD.undone_by_id)) THEN
        RAISE EXCEPTION 'a match is taken back, never changed'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'match_stays';
    END IF;
    RETURN NEW;
END $$;
"""
STAYS_BACK = """
CREATE OR REPLACE FUNCTION donations_statementmatch_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.line_id, NEW.amount, NEW.source, NEW.payout_id, NEW.disbursement_id, NEW.donation_id, NEW.deposit_id,
        NEW.refund_request_id, NEW.confirmed_by_id, NEW.confirmed_at)
       IS DISTINCT FROM
       (OLD.line_id, OLD.amount, OLD.source, OLD.payout_id, OLD.disbursement_id, OLD.donation_id, OLD.deposit_id,
        OLD.refund_request_id, OLD.confirmed_by_id, OLD.confirmed_at)
       OR (OLD.undone_at IS NOT NULL AND (NEW.undone_at, NEW.undone_by_id)
           IS DISTINCT FROM (OLD.undone_at, OLD.undone_by_id)) THEN
        RAISE EXCEPTION 'a match is taken back, never changed'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'match_stays';
    END IF;
    RETURN NEW;
END $$;
"""


def once(thing):
    return models.UniqueConstraint(
        condition=models.Q((f"{thing}__isnull", False), ("undone_at", None)),
        fields=[thing],
        name=f"match_{thing}_once",
    )


# Dropping a link's index drops every index of that column alone, and with it the rule that a thing is matched once: so the
# rules go before and come again after.
LINKS = ["payout", "disbursement", "donation", "deposit", "refund_request"]


class Migration(migrations.Migration):
    dependencies = [
        ("donations", "0040_policy_of_requests"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        *(migrations.RemoveConstraint("statementmatch", f"match_{thing}_once") for thing in LINKS),
        migrations.RemoveConstraint(
            model_name="statementmatch",
            name="match_is_one_thing",
        ),
        migrations.AddField(
            model_name="statementmatch",
            name="exchange",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="matches",
                to="donations.exchange",
                verbose_name="exchange of currencies",
            ),
        ),
        migrations.AlterField(
            model_name="statementline",
            name="account",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="lines",
                to="donations.bankaccount",
                verbose_name="bank account",
            ),
        ),
        migrations.AlterField(
            model_name="statementmatch",
            name="confirmed_by",
            field=models.ForeignKey(
                db_index=False,
                help_text="Empty when reference, amount and currency agreed at the import.",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
                verbose_name="confirmed by",
            ),
        ),
        migrations.AlterField(
            model_name="statementmatch",
            name="deposit",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="matches",
                to="donations.cashdeposit",
                verbose_name="cash brought to the bank",
            ),
        ),
        migrations.AlterField(
            model_name="statementmatch",
            name="disbursement",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="matches",
                to="donations.disbursement",
                verbose_name="disbursement",
            ),
        ),
        migrations.AlterField(
            model_name="statementmatch",
            name="donation",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="matches",
                to="donations.donation",
                verbose_name="donation",
            ),
        ),
        migrations.AlterField(
            model_name="statementmatch",
            name="payout",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="matches",
                to="donations.payout",
                verbose_name="payout",
            ),
        ),
        migrations.AlterField(
            model_name="statementmatch",
            name="refund_request",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="matches",
                to="donations.refundrequest",
                verbose_name="refund",
            ),
        ),
        migrations.AlterField(
            model_name="statementmatch",
            name="undone_by",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
                verbose_name="undone by",
            ),
        ),
        *(migrations.AddConstraint("statementmatch", once(thing)) for thing in LINKS),
        migrations.AddIndex(
            model_name="statementmatch",
            index=models.Index(
                condition=models.Q(("payout__isnull", False)),
                fields=["payout"],
                name="match_of_payout",
            ),
        ),
        migrations.AddIndex(
            model_name="statementmatch",
            index=models.Index(
                condition=models.Q(("disbursement__isnull", False)),
                fields=["disbursement"],
                name="match_of_disbursement",
            ),
        ),
        migrations.AddIndex(
            model_name="statementmatch",
            index=models.Index(
                condition=models.Q(("donation__isnull", False)),
                fields=["donation"],
                name="match_of_donation",
            ),
        ),
        migrations.AddIndex(
            model_name="statementmatch",
            index=models.Index(
                condition=models.Q(("deposit__isnull", False)),
                fields=["deposit"],
                name="match_of_deposit",
            ),
        ),
        migrations.AddIndex(
            model_name="statementmatch",
            index=models.Index(
                condition=models.Q(("refund_request__isnull", False)),
                fields=["refund_request"],
                name="match_of_refund_request",
            ),
        ),
        migrations.AddIndex(
            model_name="statementmatch",
            index=models.Index(
                condition=models.Q(("exchange__isnull", False)),
                fields=["exchange"],
                name="match_of_exchange",
            ),
        ),
        migrations.AddConstraint(
            model_name="statementmatch",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("deposit", None),
                        ("disbursement", None),
                        ("donation", None),
                        ("exchange", None),
                        ("payout", None),
                        ("refund_request", None),
                        models.Q(("explanation", ""), _negated=True),
                    ),
                    models.Q(
                        ("deposit", None),
                        ("disbursement", None),
                        ("donation", None),
                        ("exchange", None),
                        ("refund_request", None),
                        ("explanation", ""),
                        ("payout__isnull", False),
                    ),
                    models.Q(
                        ("deposit", None),
                        ("donation", None),
                        ("exchange", None),
                        ("payout", None),
                        ("refund_request", None),
                        ("disbursement__isnull", False),
                        ("explanation", ""),
                    ),
                    models.Q(
                        ("deposit", None),
                        ("disbursement", None),
                        ("exchange", None),
                        ("payout", None),
                        ("refund_request", None),
                        ("donation__isnull", False),
                        ("explanation", ""),
                    ),
                    models.Q(
                        ("disbursement", None),
                        ("donation", None),
                        ("exchange", None),
                        ("payout", None),
                        ("refund_request", None),
                        ("deposit__isnull", False),
                        ("explanation", ""),
                    ),
                    models.Q(
                        ("deposit", None),
                        ("disbursement", None),
                        ("donation", None),
                        ("exchange", None),
                        ("payout", None),
                        ("explanation", ""),
                        ("refund_request__isnull", False),
                    ),
                    models.Q(
                        ("deposit", None),
                        ("disbursement", None),
                        ("donation", None),
                        ("payout", None),
                        ("refund_request", None),
                        ("exchange__isnull", False),
                        ("explanation", ""),
                    ),
                    _connector="OR",
                ),
                name="match_is_one_thing",
            ),
        ),
        migrations.AddConstraint(
            model_name="statementmatch",
            constraint=models.UniqueConstraint(
                condition=models.Q(
                    ("exchange__isnull", False), ("undone_at", None), ("amount__lt", 0)
                ),
                fields=("exchange",),
                name="match_exchange_once_out",
            ),
        ),
        migrations.AddConstraint(
            model_name="statementmatch",
            constraint=models.UniqueConstraint(
                condition=models.Q(
                    ("exchange__isnull", False), ("undone_at", None), ("amount__gt", 0)
                ),
                fields=("exchange",),
                name="match_exchange_once_in",
            ),
        ),
        migrations.RunSQL(STAYS, STAYS_BACK),
    ]
