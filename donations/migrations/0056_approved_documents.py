"""An approval is of all documents of the cost; and objections to emergencies, kept until they are answered."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

# Of what is asked for and not paid yet, the approvals given so far were of one document: they are given anew.
CONTENT = """
CREATE OR REPLACE FUNCTION donations_disbursement_content() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND (OLD.paid_at IS NOT NULL OR OLD.refused_at IS NOT NULL)
       AND (NEW.cost_id, NEW.amount, NEW.currency, NEW.payee_account_id, NEW.bank_account_id, NEW.document_id)
           IS NOT DISTINCT FROM
           (OLD.cost_id, OLD.amount, OLD.currency, OLD.payee_account_id, OLD.bank_account_id, OLD.document_id) THEN
        -- What was decided under an earlier way of hashing keeps its hash.
        NEW.content_hash := OLD.content_hash;
    ELSE
        NEW.content_hash := encode(sha256(convert_to(concat_ws('|', NEW.cost_id, NEW.amount, NEW.currency,
            (SELECT p.number || '|' || a.payee_hash || '|' || a.account_hash FROM donations_payeeaccount a
             JOIN donations_payee p ON p.id = a.payee_id WHERE a.id = NEW.payee_account_id),
            NEW.bank_account_id,
            (SELECT sha256 FROM donations_costdocument WHERE id = NEW.document_id),
            (SELECT string_agg(kind || ' ' || sha256, ',' ORDER BY sha256) FROM donations_costdocument
             WHERE cost_id = NEW.cost_id)), 'UTF8')), 'hex');
    END IF;
    IF TG_OP = 'UPDATE' AND NEW.content_hash <> OLD.content_hash THEN
        IF OLD.paid_at IS NOT NULL THEN
            RAISE EXCEPTION 'a paid disbursement is not changed'
                USING ERRCODE = 'restrict_violation', CONSTRAINT = 'disbursement_paid_is_final';
        END IF;
        -- The approval was for something else.
        NEW.approved_by_id := NULL;
        NEW.approved_at := NULL;
        NEW.approved_hash := '';
    END IF;
    IF TG_OP = 'UPDATE' AND OLD.paid_at IS NOT NULL
       AND (NEW.paid_at, NEW.paid_on, NEW.paid_by_id, NEW.approved_by_id, NEW.requested_by_id)
           IS DISTINCT FROM (OLD.paid_at, OLD.paid_on, OLD.paid_by_id, OLD.approved_by_id, OLD.requested_by_id) THEN
        RAISE EXCEPTION 'a paid disbursement is not changed'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'disbursement_paid_is_final';
    END IF;
    IF NEW.approved_at IS NOT NULL THEN
        NEW.voided_by_document_id := NULL;
    END IF;
    RETURN NEW;
END $$;
UPDATE donations_disbursement SET content_hash = '' WHERE paid_at IS NULL AND refused_at IS NULL;

-- After a document came, or became of another kind, what was approved before is not what stands there.
CREATE FUNCTION donations_costdocument_voids() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE donations_disbursement
    SET voided_by_document_id = CASE WHEN approved_at IS NULL THEN voided_by_document_id ELSE NEW.id END,
        approved_by_id = NULL, approved_at = NULL, approved_hash = ''
    WHERE cost_id = NEW.cost_id AND paid_at IS NULL AND refused_at IS NULL;
    RETURN NULL;
END $$;
CREATE TRIGGER cost_document_voids AFTER INSERT OR UPDATE ON donations_costdocument
    FOR EACH ROW EXECUTE FUNCTION donations_costdocument_voids();
"""
CONTENT_BACK = """
DROP TRIGGER cost_document_voids ON donations_costdocument;
DROP FUNCTION donations_costdocument_voids();
CREATE OR REPLACE FUNCTION donations_disbursement_content() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND (OLD.paid_at IS NOT NULL OR OLD.refused_at IS NOT NULL)
       AND (NEW.cost_id, NEW.amount, NEW.currency, NEW.payee_account_id, NEW.bank_account_id, NEW.document_id)
           IS NOT DISTINCT FROM
           (OLD.cost_id, OLD.amount, OLD.currency, OLD.payee_account_id, OLD.bank_account_id, OLD.document_id) THEN
        -- What was decided under an earlier way of hashing keeps its hash.
        NEW.content_hash := OLD.content_hash;
    ELSE
        NEW.content_hash := encode(sha256(convert_to(concat_ws('|', NEW.cost_id, NEW.amount, NEW.currency,
            (SELECT p.number || '|' || a.payee_hash || '|' || a.account_hash FROM donations_payeeaccount a
             JOIN donations_payee p ON p.id = a.payee_id WHERE a.id = NEW.payee_account_id),
            NEW.bank_account_id,
            (SELECT sha256 FROM donations_costdocument WHERE id = NEW.document_id)), 'UTF8')), 'hex');
    END IF;
    IF TG_OP = 'UPDATE' AND NEW.content_hash <> OLD.content_hash THEN
        IF OLD.paid_at IS NOT NULL THEN
            RAISE EXCEPTION 'a paid disbursement is not changed'
                USING ERRCODE = 'restrict_violation', CONSTRAINT = 'disbursement_paid_is_final';
        END IF;
        -- The approval was for something else.
        NEW.approved_by_id := NULL;
        NEW.approved_at := NULL;
        NEW.approved_hash := '';
    END IF;
    IF TG_OP = 'UPDATE' AND OLD.paid_at IS NOT NULL
       AND (NEW.paid_at, NEW.paid_on, NEW.paid_by_id, NEW.approved_by_id, NEW.requested_by_id)
           IS DISTINCT FROM (OLD.paid_at, OLD.paid_on, OLD.paid_by_id, OLD.approved_by_id, OLD.requested_by_id) THEN
        RAISE EXCEPTION 'a paid disbursement is not changed'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'disbursement_paid_is_final';
    END IF;
    RETURN NEW;
END $$;
UPDATE donations_disbursement SET content_hash = '' WHERE paid_at IS NULL AND refused_at IS NULL;
"""

OBJECTION = """
CREATE FUNCTION donations_objection_steps() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.answered_at IS NOT NULL OR NOT EXISTS (
            SELECT 1 FROM donations_disbursement
            WHERE id = NEW.disbursement_id AND paid_at IS NOT NULL AND emergency_reason <> '') THEN
            RAISE EXCEPTION 'an objection is to a payment made in an emergency, and is answered afterwards'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'objection_to_an_emergency';
        END IF;
        RETURN NEW;
    END IF;
    IF TG_OP = 'DELETE' OR OLD.answered_at IS NOT NULL
       OR (NEW.disbursement_id, NEW.reason, NEW.by_id, NEW.at)
          IS DISTINCT FROM (OLD.disbursement_id, OLD.reason, OLD.by_id, OLD.at) THEN
        RAISE EXCEPTION 'an objection stays, and is answered once'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'objection_stays';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER objection_steps BEFORE INSERT OR UPDATE OR DELETE ON donations_objection
    FOR EACH ROW EXECUTE FUNCTION donations_objection_steps();
"""
OBJECTION_BACK = """
DROP TRIGGER objection_steps ON donations_objection;
DROP FUNCTION donations_objection_steps();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("donations", "0055_policy_order"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AlterModelOptions(
            name="disbursement",
            options={
                "ordering": ["-pk"],
                "permissions": [
                    ("request_disbursement", "Can request a disbursement"),
                    ("approve_disbursement", "Can approve or refuse a disbursement"),
                    ("pay_disbursement", "Can record a disbursement as paid"),
                    ("object_disbursement", "Can object to a payment made in an emergency"),
                    ("answer_disbursement", "Can answer an objection to a payment"),
                ],
                "verbose_name": "disbursement",
                "verbose_name_plural": "disbursements",
            },
        ),
        migrations.AddField(
            model_name="disbursement",
            name="voided_by_document",
            field=models.ForeignKey(
                editable=False,
                help_text="It came after the approval, which was void from then on; empty again with the next.",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="donations.costdocument",
                verbose_name="document that voided the approval",
            ),
        ),
        migrations.CreateModel(
            name="Objection",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("reason", models.TextField(verbose_name="objection")),
                ("at", models.DateTimeField(verbose_name="at")),
                ("answer", models.TextField(blank=True, verbose_name="answer")),
                ("answered_at", models.DateTimeField(null=True, verbose_name="answered at")),
                (
                    "answered_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="answered by",
                    ),
                ),
                (
                    "by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="by",
                    ),
                ),
                (
                    "disbursement",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="objections",
                        to="donations.disbursement",
                        verbose_name="disbursement",
                    ),
                ),
            ],
            options={
                "verbose_name": "objection",
                "verbose_name_plural": "objections",
                "ordering": ["pk"],
                "default_permissions": ("view",),
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("reason", ""), _negated=True),
                        name="objection_has_reason",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("answered_by", None),
                            models.Q(("answered_by", models.F("by")), _negated=True),
                            _connector="OR",
                        ),
                        name="objection_answered_by_another_person",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("answer", ""), ("answered_at", None), ("answered_by", None)),
                            models.Q(
                                ("answered_at__isnull", False),
                                ("answered_by__isnull", False),
                                models.Q(("answer", ""), _negated=True),
                            ),
                            _connector="OR",
                        ),
                        name="objection_answer_complete",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("answered_at", None)),
                        fields=("disbursement", "by"),
                        name="objection_once_until_answered",
                    ),
                ],
            },
        ),
        migrations.RunSQL(CONTENT, CONTENT_BACK),
        migrations.RunSQL(OBJECTION, OBJECTION_BACK),
    ]
