"""What a court did with bail can be taken back, by two people."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

UNDO = """
CREATE OR REPLACE FUNCTION donations_bailoutcome_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND OLD.undone_at IS NULL
       AND (NEW.number, NEW.cost_id, NEW.kind, NEW.amount, NEW.currency, NEW.happened_on, NEW.bank_account_id,
            NEW.document_id, NEW.by_id, NEW.at)
           IS NOT DISTINCT FROM
           (OLD.number, OLD.cost_id, OLD.kind, OLD.amount, OLD.currency, OLD.happened_on, OLD.bank_account_id,
            OLD.document_id, OLD.by_id, OLD.at)
       AND (NEW.undone_at IS NULL OR (NEW.undo_reason, NEW.undo_requested_by_id, NEW.undo_requested_at)
            IS NOT DISTINCT FROM (OLD.undo_reason, OLD.undo_requested_by_id, OLD.undo_requested_at)) THEN
        RETURN NEW;
    END IF;
    IF TG_OP <> 'INSERT' THEN
        RAISE EXCEPTION 'what a court did with bail is never changed: it is taken back, by two people'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'bail_outcome_stays';
    END IF;
    IF NEW.undo_requested_at IS NOT NULL OR NOT EXISTS (SELECT 1 FROM donations_legalcost
                   WHERE id = NEW.cost_id AND kind = 'bail' AND currency = NEW.currency)
       OR EXISTS (SELECT 1 FROM donations_bankaccount
                  WHERE id = NEW.bank_account_id AND currency <> NEW.currency)
       OR EXISTS (SELECT 1 FROM donations_costdocument
                  WHERE id = NEW.document_id AND cost_id <> NEW.cost_id) THEN
        RAISE EXCEPTION 'bail has its cost''s currency, account and document'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'bail_outcome_of_its_cost';
    END IF;
    RETURN NEW;
END $$;

CREATE OR REPLACE FUNCTION donations_allocation_of_open_cost() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    cost record;
BEGIN
    -- Held until the end of the transaction, so that a cost does not end, nor bail come back, meanwhile.
    SELECT owed, ended_on INTO cost FROM donations_legalcost WHERE id = NEW.cost_id FOR NO KEY UPDATE;
    IF cost.ended_on IS NOT NULL THEN
        RAISE EXCEPTION 'this cost has ended'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'allocation_of_open_cost';
    END IF;
    -- A deposit that came back is not owed again.
    IF donations_set_aside(NEW.cost_id) + coalesce((
           SELECT sum(amount) FROM donations_bailoutcome
           WHERE cost_id = NEW.cost_id AND kind = 'returned' AND undone_at IS NULL), 0) > cost.owed THEN
        RAISE EXCEPTION 'more is set aside than is still owed'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'allocation_within_owed';
    END IF;
    RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION donations_others_need(source bigint, code text, inside boolean) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT EXISTS (
        SELECT 1 FROM donations_legalcost l
        JOIN appeals_case c ON c.id = l.case_id
        JOIN donations_fund f ON f.id = $1
        WHERE l.currency = $2 AND l.ended_on IS NULL AND f.kind <> 'general'
          AND (c.appeal_id = ANY (donations_fund_appeals($1))) = $3
          AND l.case_id IS DISTINCT FROM f.case_id AND l.defendant_id IS DISTINCT FROM f.defendant_id
          AND c.appeal_id IS DISTINCT FROM f.appeal_id
          AND l.owed > coalesce((SELECT sum(CASE WHEN is_release THEN -amount ELSE amount END)
                                 FROM donations_allocation WHERE cost_id = l.id), 0)
                     + coalesce((SELECT sum(amount) FROM donations_bailoutcome
                                 WHERE cost_id = l.id AND kind = 'returned' AND undone_at IS NULL), 0))
$$;
"""
UNDO_BACK = """
CREATE OR REPLACE FUNCTION donations_bailoutcome_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'INSERT' THEN
        RAISE EXCEPTION 'what a court did with bail is never changed'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'bail_outcome_stays';
    END IF;
    IF NOT EXISTS (SELECT 1 FROM donations_legalcost
                   WHERE id = NEW.cost_id AND kind = 'bail' AND currency = NEW.currency)
       OR EXISTS (SELECT 1 FROM donations_bankaccount
                  WHERE id = NEW.bank_account_id AND currency <> NEW.currency)
       OR EXISTS (SELECT 1 FROM donations_costdocument
                  WHERE id = NEW.document_id AND cost_id <> NEW.cost_id) THEN
        RAISE EXCEPTION 'bail has its cost''s currency, account and document'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'bail_outcome_of_its_cost';
    END IF;
    RETURN NEW;
END $$;

CREATE OR REPLACE FUNCTION donations_allocation_of_open_cost() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    cost record;
BEGIN
    -- Held until the end of the transaction, so that a cost does not end, nor bail come back, meanwhile.
    SELECT owed, ended_on INTO cost FROM donations_legalcost WHERE id = NEW.cost_id FOR NO KEY UPDATE;
    IF cost.ended_on IS NOT NULL THEN
        RAISE EXCEPTION 'this cost has ended'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'allocation_of_open_cost';
    END IF;
    -- A deposit that came back is not owed again.
    IF donations_set_aside(NEW.cost_id) + coalesce((
           SELECT sum(amount) FROM donations_bailoutcome
           WHERE cost_id = NEW.cost_id AND kind = 'returned'), 0) > cost.owed THEN
        RAISE EXCEPTION 'more is set aside than is still owed'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'allocation_within_owed';
    END IF;
    RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION donations_others_need(source bigint, code text, inside boolean) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT EXISTS (
        SELECT 1 FROM donations_legalcost l
        JOIN appeals_case c ON c.id = l.case_id
        JOIN donations_fund f ON f.id = $1
        WHERE l.currency = $2 AND l.ended_on IS NULL AND f.kind <> 'general'
          AND (c.appeal_id = ANY (donations_fund_appeals($1))) = $3
          AND l.case_id IS DISTINCT FROM f.case_id AND l.defendant_id IS DISTINCT FROM f.defendant_id
          AND c.appeal_id IS DISTINCT FROM f.appeal_id
          AND l.owed > coalesce((SELECT sum(CASE WHEN is_release THEN -amount ELSE amount END)
                                 FROM donations_allocation WHERE cost_id = l.id), 0)
                     + coalesce((SELECT sum(amount) FROM donations_bailoutcome
                                 WHERE cost_id = l.id AND kind = 'returned'), 0))
$$;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("donations", "0057_open_differences"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AlterModelOptions(
            name="bailoutcome",
            options={
                "ordering": ["-pk"],
                "permissions": [
                    ("record_bailoutcome", "Can record what a court did with bail"),
                    ("undo_bailoutcome", "Can take back what was wrongly recorded of bail"),
                ],
                "verbose_name": "outcome of a deposit of bail",
                "verbose_name_plural": "outcomes of deposits of bail",
            },
        ),
        migrations.AddField(
            model_name="bailoutcome",
            name="undo_reason",
            field=models.TextField(blank=True, db_default="", verbose_name="why it is taken back"),
        ),
        migrations.AddField(
            model_name="bailoutcome",
            name="undo_requested_at",
            field=models.DateTimeField(null=True, verbose_name="taking back asked for at"),
        ),
        migrations.AddField(
            model_name="bailoutcome",
            name="undo_requested_by",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
                verbose_name="taking back asked for by",
            ),
        ),
        migrations.AddField(
            model_name="bailoutcome",
            name="undone_at",
            field=models.DateTimeField(null=True, verbose_name="taken back at"),
        ),
        migrations.AddField(
            model_name="bailoutcome",
            name="undone_by",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
                verbose_name="taken back by",
            ),
        ),
        migrations.AddConstraint(
            model_name="bailoutcome",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("undo_reason", ""),
                        ("undo_requested_at", None),
                        ("undo_requested_by", None),
                    ),
                    models.Q(
                        ("undo_requested_at__isnull", False),
                        ("undo_requested_by__isnull", False),
                        models.Q(("undo_reason", ""), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="bail_outcome_undo_asked_whole",
            ),
        ),
        migrations.AddConstraint(
            model_name="bailoutcome",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("undone_at", None), ("undone_by", None)),
                    models.Q(
                        ("undone_at__isnull", False),
                        ("undone_by__isnull", False),
                        ("undo_requested_by__isnull", False),
                        models.Q(("undone_by", models.F("undo_requested_by")), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="bail_outcome_undone_by_another_person",
            ),
        ),
        migrations.RunSQL(UNDO, UNDO_BACK),
    ]
