"""One document with two costs: asked with for the second only with a sentence why, which the approval is bound to."""

from django.db import migrations, models

from defensefund.tables import Together

# What stays of a document is what it was before it was cleaned, too: by both it is known again.
DOCUMENT = """
CREATE OR REPLACE FUNCTION donations_costdocument_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.cost_id, NEW.sha256, NEW.original_sha256, NEW.size, NEW.content_type)
       IS DISTINCT FROM (OLD.cost_id, OLD.sha256, OLD.original_sha256, OLD.size, OLD.content_type) THEN
        RAISE EXCEPTION 'a document is not exchanged: attach another'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'document_stays';
    END IF;
    RETURN NEW;
END $$;
"""
DOCUMENT_BACK = """
CREATE OR REPLACE FUNCTION donations_costdocument_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.cost_id, NEW.sha256, NEW.size, NEW.content_type)
       IS DISTINCT FROM (OLD.cost_id, OLD.sha256, OLD.size, OLD.content_type) THEN
        RAISE EXCEPTION 'a document is not exchanged: attach another'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'document_stays';
    END IF;
    RETURN NEW;
END $$;
"""

# As the migration "spending" has it, with the sentence: where there is none, the hash is what it was.
CONTENT = """
CREATE OR REPLACE FUNCTION donations_disbursement_content() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND (OLD.paid_at IS NOT NULL OR OLD.refused_at IS NOT NULL)
       AND (NEW.cost_id, NEW.amount, NEW.currency, NEW.payee_account_id, NEW.bank_account_id, NEW.document_id{new})
           IS NOT DISTINCT FROM
           (OLD.cost_id, OLD.amount, OLD.currency, OLD.payee_account_id, OLD.bank_account_id, OLD.document_id{old}) THEN
        -- What was decided under an earlier way of hashing keeps its hash.
        NEW.content_hash := OLD.content_hash;
    ELSE
        NEW.content_hash := encode(sha256(convert_to(concat_ws('|', NEW.cost_id, NEW.amount, NEW.currency,
            (SELECT p.number || '|' || a.payee_hash || '|' || a.account_hash FROM donations_payeeaccount a
             JOIN donations_payee p ON p.id = a.payee_id WHERE a.id = NEW.payee_account_id),
            NEW.bank_account_id,
            (SELECT sha256 FROM donations_costdocument WHERE id = NEW.document_id),
            (SELECT string_agg(kind || ' ' || sha256, ',' ORDER BY sha256) FROM donations_costdocument
             WHERE cost_id = NEW.cost_id){hashed}), 'UTF8')), 'hex');
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
"""
WITH_REASON = CONTENT.format(
    new=", NEW.same_document_reason",
    old=", OLD.same_document_reason",
    hashed=", nullif(NEW.same_document_reason, '')",
)
WITHOUT_REASON = CONTENT.format(new="", old="", hashed="")

SAID_WHY = """
CREATE FUNCTION donations_disbursement_same_document() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    same bigint[];
BEGIN
    IF TG_OP = 'UPDATE' AND (NEW.document_id, NEW.amount, NEW.same_document_reason)
       IS NOT DISTINCT FROM (OLD.document_id, OLD.amount, OLD.same_document_reason) THEN
        RETURN NEW;
    END IF;
    SELECT array_agg(o.id) INTO same
    FROM donations_costdocument d JOIN donations_costdocument o
        ON o.sha256 IN (d.sha256, nullif(d.original_sha256, ''))
        OR o.original_sha256 IN (d.sha256, nullif(d.original_sha256, ''))
    WHERE d.id = NEW.document_id;
    -- Held until the end of the transaction, so that two who ask with one document for two costs see each other.
    PERFORM 1 FROM donations_costdocument WHERE id = ANY (same) ORDER BY id FOR NO KEY UPDATE;
    IF btrim(NEW.same_document_reason) = '' AND EXISTS (
        SELECT 1 FROM donations_costdocument o JOIN donations_disbursement p ON p.cost_id = o.cost_id
        WHERE o.id = ANY (same) AND o.cost_id <> NEW.cost_id AND p.refused_at IS NULL AND p.came_back_on IS NULL) THEN
        RAISE EXCEPTION 'this document is with another cost too, paid or asked for: a reason is given'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'disbursement_same_document_said_why';
    END IF;
    RETURN NEW;
END $$;
-- Its name sorts after those that hold the payee: the documents are held last.
CREATE TRIGGER disbursement_same_document BEFORE INSERT OR UPDATE ON donations_disbursement
    FOR EACH ROW EXECUTE FUNCTION donations_disbursement_same_document();
"""
SAID_WHY_BACK = "DROP FUNCTION donations_disbursement_same_document CASCADE;"


class Migration(migrations.Migration):
    dependencies = [("donations", "0040_in_time_by_owner")]
    operations = [
        Together(
            [
                migrations.AddField(
                    model_name="disbursement",
                    name="same_document_reason",
                    field=models.TextField(
                        blank=True,
                        db_default="",
                        help_text="Where the document asked with is also with another cost, paid or asked for.",
                        max_length=500,
                        verbose_name="why this document is paid here too",
                    ),
                ),
                migrations.AddIndex(
                    model_name="costdocument",
                    index=models.Index(fields=["sha256"], name="document_by_file"),
                ),
                migrations.AddIndex(
                    model_name="costdocument",
                    index=models.Index(fields=["original_sha256"], name="document_by_original"),
                ),
            ]
        ),
        migrations.RunSQL(DOCUMENT, DOCUMENT_BACK),
        migrations.RunSQL(WITH_REASON, WITHOUT_REASON),
        migrations.RunSQL(SAID_WHY, SAID_WHY_BACK),
    ]
