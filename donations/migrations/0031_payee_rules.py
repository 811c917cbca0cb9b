"""Payees in the database: their bank data stays as recorded, counts when a second person confirmed it, and binds approvals."""

from functools import partial

import django.db.models.deletion
from django.db import migrations, models

from defensefund.privacy import EncryptedTextField

PAYEE = """
CREATE FUNCTION donations_payee_holds() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'a payee is retired, never deleted'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'payee_stays';
    END IF;
    IF NEW.account_id IS NOT NULL AND NOT EXISTS (
        SELECT 1 FROM donations_payeeaccount WHERE id = NEW.account_id AND payee_id = NEW.id) THEN
        RAISE EXCEPTION 'the account is another payee''s'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'payee_has_own_account';
    END IF;
    IF TG_OP = 'INSERT' THEN
        RETURN NEW;
    END IF;
    -- An account that was given up does not come back with its old confirmation.
    IF NEW.number <> OLD.number OR (NEW.account_id IS DISTINCT FROM OLD.account_id
                                    AND NOT coalesce(NEW.account_id > OLD.account_id, OLD.account_id IS NULL)) THEN
        RAISE EXCEPTION 'a payee keeps its number, and takes no earlier account again'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'payee_stays';
    END IF;
    IF OLD.retired_at IS NOT NULL
       AND (NEW.retired_at, NEW.retired_by_id, NEW.account_id)
           IS DISTINCT FROM (OLD.retired_at, OLD.retired_by_id, OLD.account_id) THEN
        RAISE EXCEPTION 'a retired payee is not changed: record a new one'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'payee_retired_is_final';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER payee_holds BEFORE INSERT OR UPDATE OR DELETE ON donations_payee
    FOR EACH ROW EXECUTE FUNCTION donations_payee_holds();

CREATE FUNCTION donations_payee_voids() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE donations_disbursement d SET approved_by_id = NULL, approved_at = NULL, approved_hash = ''
    FROM donations_payeeaccount a
    WHERE a.id = d.payee_account_id AND a.payee_id = NEW.id
      AND d.approved_at IS NOT NULL AND d.paid_at IS NULL AND d.refused_at IS NULL;
    RETURN NULL;
END $$;
CREATE TRIGGER payee_voids AFTER UPDATE ON donations_payee FOR EACH ROW
    WHEN (NEW.account_id IS DISTINCT FROM OLD.account_id OR NEW.retired_at IS DISTINCT FROM OLD.retired_at)
    EXECUTE FUNCTION donations_payee_voids();
"""
PAYEE_BACK = """
DROP TRIGGER payee_voids ON donations_payee;
DROP FUNCTION donations_payee_voids();
DROP TRIGGER payee_holds ON donations_payee;
DROP FUNCTION donations_payee_holds();
"""

ACCOUNT = """
CREATE FUNCTION donations_payeeaccount_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'a payee''s account is never deleted'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'payee_account_stays';
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF NEW.confirmed_at IS NOT NULL THEN
            RAISE EXCEPTION 'an account waits for its second person'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'payee_account_starts_unconfirmed';
        END IF;
        RETURN NEW;
    END IF;
    IF (NEW.payee_id, NEW.name, NEW.scheme, NEW.tail, NEW.account_hash, NEW.payee_hash, NEW.given_by_id, NEW.given_at)
       IS DISTINCT FROM
       (OLD.payee_id, OLD.name, OLD.scheme, OLD.tail, OLD.account_hash, OLD.payee_hash, OLD.given_by_id, OLD.given_at)
       OR (OLD.code <> '' AND (NEW.code <> OLD.code OR NEW.sealed = ''))
       OR (NEW.waiting <> OLD.waiting AND NEW.waiting <> '')
       OR (OLD.confirmed_at IS NOT NULL
           AND (NEW.confirmed_at, NEW.confirmed_by_id) IS DISTINCT FROM (OLD.confirmed_at, OLD.confirmed_by_id)) THEN
        RAISE EXCEPTION 'a payee''s account is not changed: another takes its place'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'payee_account_stays';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER payee_account_stays BEFORE INSERT OR UPDATE OR DELETE ON donations_payeeaccount
    FOR EACH ROW EXECUTE FUNCTION donations_payeeaccount_stays();
"""
ACCOUNT_BACK = """
DROP TRIGGER payee_account_stays ON donations_payeeaccount;
DROP FUNCTION donations_payeeaccount_stays();
"""

KEY = """
CREATE FUNCTION donations_sealingkey_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'a sealing key is withdrawn, never deleted'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'sealing_key_stays';
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF NEW.confirmed_at IS NOT NULL THEN
            RAISE EXCEPTION 'a sealing key waits for its second person'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'sealing_key_starts_unconfirmed';
        END IF;
        RETURN NEW;
    END IF;
    IF (NEW.user_id, NEW.public_key, NEW.registered_at) IS DISTINCT FROM (OLD.user_id, OLD.public_key, OLD.registered_at)
       OR (OLD.confirmed_at IS NOT NULL
           AND (NEW.confirmed_at, NEW.confirmed_by_id) IS DISTINCT FROM (OLD.confirmed_at, OLD.confirmed_by_id))
       OR (OLD.withdrawn_at IS NOT NULL
           AND (NEW.withdrawn_at, NEW.withdrawn_by_id, NEW.confirmed_at)
               IS DISTINCT FROM (OLD.withdrawn_at, OLD.withdrawn_by_id, OLD.confirmed_at)) THEN
        RAISE EXCEPTION 'a sealing key is not changed: register another'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'sealing_key_stays';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER sealing_key_stays BEFORE INSERT OR UPDATE OR DELETE ON donations_sealingkey
    FOR EACH ROW EXECUTE FUNCTION donations_sealingkey_stays();
"""
KEY_BACK = """
DROP TRIGGER sealing_key_stays ON donations_sealingkey;
DROP FUNCTION donations_sealingkey_stays();
"""

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
"""
CONTENT_BACK = """
CREATE OR REPLACE FUNCTION donations_disbursement_content() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.content_hash := encode(sha256(convert_to(concat_ws('|', NEW.cost_id, NEW.amount, NEW.currency,
        NEW.payee_hash, NEW.bank_account_id,
        (SELECT sha256 FROM donations_costdocument WHERE id = NEW.document_id)), 'UTF8')), 'hex');
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
"""

# Who is approved or paid is the cost's payee, at the account that a second person confirmed, and still is so when the
# transaction ends: a payee is locked before the payments to it, by the verbs and here.
READY = """
CREATE FUNCTION donations_disbursement_payee() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    ready boolean;
BEGIN
    IF TG_OP = 'INSERT' OR NEW.payee_account_id <> OLD.payee_account_id THEN
        IF NOT EXISTS (SELECT 1 FROM donations_payeeaccount a JOIN donations_legalcost c ON c.payee_id = a.payee_id
                       WHERE a.id = NEW.payee_account_id AND c.id = NEW.cost_id) THEN
            RAISE EXCEPTION 'a payment goes to the payee of its cost'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'disbursement_to_payee_of_cost';
        END IF;
    END IF;
    IF TG_OP = 'UPDATE' AND ((NEW.approved_at IS NOT NULL AND OLD.approved_at IS NULL)
                             OR (NEW.paid_at IS NOT NULL AND OLD.paid_at IS NULL)) THEN
        SELECT p.account_id = a.id AND p.retired_at IS NULL AND a.confirmed_at IS NOT NULL AND a.sealed <> ''
               AND c.payee_id = p.id
        INTO ready
        FROM donations_payee p, donations_payeeaccount a, donations_legalcost c
        WHERE a.id = NEW.payee_account_id AND p.id = a.payee_id AND c.id = NEW.cost_id
        FOR SHARE OF p;
        IF NOT coalesce(ready, false) THEN
            RAISE EXCEPTION 'the payee is not confirmed, or not the same any more'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'disbursement_payee_confirmed';
        END IF;
    END IF;
    RETURN NEW;
END $$;
-- Its name sorts after disbursement_content, so it runs after an approval of another content was dropped.
CREATE TRIGGER disbursement_payee BEFORE INSERT OR UPDATE ON donations_disbursement
    FOR EACH ROW EXECUTE FUNCTION donations_disbursement_payee();
"""
READY_BACK = """
DROP TRIGGER disbursement_payee ON donations_disbursement;
DROP FUNCTION donations_disbursement_payee();
"""

# Payments that nobody has made yet are bound anew; their approvals were for an account nobody had confirmed.
REHASH = """
UPDATE donations_disbursement SET approved_by_id = NULL, approved_at = NULL, approved_hash = ''
WHERE paid_at IS NULL AND refused_at IS NULL;
"""


WRITTEN = [
    ("legalcost", "payee_name", EncryptedTextField),
    ("legalcost", "payee_account", EncryptedTextField),
    ("disbursement", "payee_name", EncryptedTextField),
    ("disbursement", "payee_account", EncryptedTextField),
    ("disbursement", "payee_hash", partial(models.CharField, max_length=64)),
]


def drop(model, name, kind):
    """With a default first, so that the way back has something to write into the rows there are."""
    yield migrations.AlterField(model_name=model, name=name, field=kind(default=""))
    yield migrations.RemoveField(model_name=model, name=name)


class Migration(migrations.Migration):
    dependencies = [("donations", "0030_payees")]
    operations = [
        migrations.AlterField(
            model_name="legalcost",
            name="payee",
            field=models.ForeignKey(
                help_text="The lawyer, court or expert to be paid, from the register of payees.",
                on_delete=django.db.models.deletion.PROTECT,
                related_name="costs",
                to="donations.payee",
                verbose_name="payee",
            ),
        ),
        *[step for model, name, kind in WRITTEN for step in drop(model, name, kind)],
        migrations.RenameField("disbursement", "account", "payee_account"),
        migrations.AlterField(
            model_name="disbursement",
            name="payee_account",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="disbursements",
                to="donations.payeeaccount",
                verbose_name="payee",
            ),
        ),
        migrations.RunSQL(PAYEE, PAYEE_BACK),
        migrations.RunSQL(ACCOUNT, ACCOUNT_BACK),
        migrations.RunSQL(KEY, KEY_BACK),
        migrations.RunSQL(CONTENT, CONTENT_BACK),
        migrations.RunSQL(READY, READY_BACK),
        migrations.RunSQL(REHASH, migrations.RunSQL.noop),
    ]
