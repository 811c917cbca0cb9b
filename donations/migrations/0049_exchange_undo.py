"""An exchange is taken back by two people, as all else that two people decided; those that one took back stay as they are."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from defensefund.roles import sync_groups
from defensefund.tables import Together

STEPS = """
CREATE OR REPLACE FUNCTION donations_exchange_steps() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'an exchange is refused or taken back, never deleted'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'exchange_stays';
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF NEW.approved_at IS NOT NULL OR NEW.refused_at IS NOT NULL OR NEW.undo_requested_at IS NOT NULL
           OR NEW.undone_at IS NOT NULL OR NEW.undoing_reason <> '' THEN
            RAISE EXCEPTION 'an exchange starts unbooked'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'exchange_starts_unbooked';
        END IF;
        IF NEW.given_currency <> (SELECT currency FROM donations_bankaccount WHERE id = NEW.given_from_id)
           OR NEW.received_currency <> (SELECT currency FROM donations_bankaccount WHERE id = NEW.received_into_id) THEN
            RAISE EXCEPTION 'each side of an exchange has its account''s currency'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'exchange_currencies_of_accounts';
        END IF;
        RETURN NEW;
    END IF;
    IF (NEW.number, NEW.fund_id, NEW.given, NEW.given_currency, NEW.given_from_id, NEW.received,
        NEW.received_currency, NEW.received_into_id, NEW.market, NEW.exchanged_on, NEW.sha256, NEW.size,
        NEW.content_type, NEW.recorded_by_id, NEW.recorded_at)
       IS DISTINCT FROM
       (OLD.number, OLD.fund_id, OLD.given, OLD.given_currency, OLD.given_from_id, OLD.received,
        OLD.received_currency, OLD.received_into_id, OLD.market, OLD.exchanged_on, OLD.sha256, OLD.size,
        OLD.content_type, OLD.recorded_by_id, OLD.recorded_at)
       OR (OLD.approved_at IS NOT NULL AND
           (NEW.approved_at, NEW.approved_by_id) IS DISTINCT FROM (OLD.approved_at, OLD.approved_by_id))
       OR (OLD.refused_at IS NOT NULL AND
           (NEW.refused_at, NEW.refused_by_id, NEW.refusal_reason)
           IS DISTINCT FROM (OLD.refused_at, OLD.refused_by_id, OLD.refusal_reason))
       OR (OLD.undone_at IS NOT NULL AND
           (NEW.undone_at, NEW.undone_by_id, NEW.undo_reason, NEW.undo_requested_by_id, NEW.undo_requested_at)
           IS DISTINCT FROM (OLD.undone_at, OLD.undone_by_id, OLD.undo_reason, OLD.undo_requested_by_id, OLD.undo_requested_at))
       -- Of those that one person took back, before it took two.
       OR NEW.undoing_reason <> OLD.undoing_reason THEN
        RAISE EXCEPTION 'an exchange is booked as it was recorded, or refused, once'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'exchange_stays';
    END IF;
    IF (NEW.undone_at IS NOT NULL OR (OLD.undo_requested_at IS NOT NULL AND NEW.undo_requested_at IS NOT NULL))
       AND (NEW.undo_reason, NEW.undo_requested_by_id, NEW.undo_requested_at)
           IS DISTINCT FROM (OLD.undo_reason, OLD.undo_requested_by_id, OLD.undo_requested_at) THEN
        RAISE EXCEPTION 'an exchange is taken back as it was asked for'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'exchange_undone_as_asked';
    END IF;
    RETURN NEW;
END $$;
"""
STEPS_BACK = """
CREATE OR REPLACE FUNCTION donations_exchange_steps() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'an exchange is refused or taken back, never deleted'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'exchange_stays';
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF NEW.approved_at IS NOT NULL OR NEW.refused_at IS NOT NULL OR NEW.undone_at IS NOT NULL THEN
            RAISE EXCEPTION 'an exchange starts unbooked'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'exchange_starts_unbooked';
        END IF;
        IF NEW.given_currency <> (SELECT currency FROM donations_bankaccount WHERE id = NEW.given_from_id)
           OR NEW.received_currency <> (SELECT currency FROM donations_bankaccount WHERE id = NEW.received_into_id) THEN
            RAISE EXCEPTION 'each side of an exchange has its account''s currency'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'exchange_currencies_of_accounts';
        END IF;
        RETURN NEW;
    END IF;
    IF (NEW.number, NEW.fund_id, NEW.given, NEW.given_currency, NEW.given_from_id, NEW.received,
        NEW.received_currency, NEW.received_into_id, NEW.market, NEW.exchanged_on, NEW.sha256, NEW.size,
        NEW.content_type, NEW.recorded_by_id, NEW.recorded_at)
       IS DISTINCT FROM
       (OLD.number, OLD.fund_id, OLD.given, OLD.given_currency, OLD.given_from_id, OLD.received,
        OLD.received_currency, OLD.received_into_id, OLD.market, OLD.exchanged_on, OLD.sha256, OLD.size,
        OLD.content_type, OLD.recorded_by_id, OLD.recorded_at)
       OR (OLD.approved_at IS NOT NULL AND
           (NEW.approved_at, NEW.approved_by_id) IS DISTINCT FROM (OLD.approved_at, OLD.approved_by_id))
       OR (OLD.refused_at IS NOT NULL AND
           (NEW.refused_at, NEW.refused_by_id, NEW.refusal_reason)
           IS DISTINCT FROM (OLD.refused_at, OLD.refused_by_id, OLD.refusal_reason))
       OR (OLD.undone_at IS NOT NULL AND
           (NEW.undone_at, NEW.undone_by_id, NEW.undoing_reason)
           IS DISTINCT FROM (OLD.undone_at, OLD.undone_by_id, OLD.undoing_reason)) THEN
        RAISE EXCEPTION 'an exchange is booked as it was recorded, or refused, once'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'exchange_stays';
    END IF;
    RETURN NEW;
END $$;
"""


def give_the_right(apps, schema_editor):
    """As the table of groups has it: approvers take exchanges back."""
    sync_groups()


class Migration(migrations.Migration):
    dependencies = [
        ("donations", "0048_past_lines"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        Together(
            [
                migrations.AlterModelOptions(
                    name="exchange",
                    options={
                        "ordering": ["-pk"],
                        "permissions": [
                            (
                                "record_exchange",
                                "Can record an exchange, and ask that one be taken back",
                            ),
                            ("approve_exchange", "Can approve or refuse an exchange"),
                            ("undo_exchange", "Can take back an exchange"),
                        ],
                        "verbose_name": "exchange",
                        "verbose_name_plural": "exchanges",
                    },
                ),
                migrations.RemoveConstraint(
                    model_name="exchange",
                    name="exchange_undoing_complete",
                ),
                migrations.AddField(
                    model_name="exchange",
                    name="undo_reason",
                    field=models.TextField(
                        blank=True, db_default="", verbose_name="why it is taken back"
                    ),
                ),
                migrations.AddField(
                    model_name="exchange",
                    name="undo_requested_at",
                    field=models.DateTimeField(null=True, verbose_name="taking back asked for at"),
                ),
                migrations.AddField(
                    model_name="exchange",
                    name="undo_requested_by",
                    field=models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="taking back asked for by",
                    ),
                ),
                migrations.AddConstraint(
                    model_name="exchange",
                    constraint=models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("undo_reason", ""),
                                ("undo_requested_at", None),
                                ("undo_requested_by", None),
                            ),
                            models.Q(
                                ("approved_at__isnull", False),
                                ("undo_requested_at__isnull", False),
                                ("undo_requested_by__isnull", False),
                                models.Q(("undo_reason", ""), _negated=True),
                            ),
                            _connector="OR",
                        ),
                        name="exchange_undo_asked_whole",
                    ),
                ),
                migrations.AddConstraint(
                    model_name="exchange",
                    constraint=models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("undone_at", None), ("undone_by", None)),
                            models.Q(
                                ("undone_at__isnull", False),
                                ("undone_by__isnull", False),
                                ("approved_at__isnull", False),
                                ("undo_requested_by__isnull", False),
                                models.Q(
                                    ("undone_by", models.F("undo_requested_by")), _negated=True
                                ),
                            ),
                            models.Q(
                                ("undone_at__isnull", False),
                                ("undone_by__isnull", False),
                                ("approved_at__isnull", False),
                                ("undo_requested_by", None),
                                models.Q(("undoing_reason", ""), _negated=True),
                            ),
                            _connector="OR",
                        ),
                        name="exchange_undone_by_another_person",
                    ),
                ),
            ]
        ),
        migrations.RunSQL(STEPS, STEPS_BACK),
        migrations.RunPython(give_the_right, migrations.RunPython.noop),
    ]
