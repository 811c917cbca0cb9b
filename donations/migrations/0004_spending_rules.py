"""What spending must never do, refused by the database itself: steps in their order, decisions that stay as decided."""

from django.db import migrations

STEPS = """
CREATE FUNCTION donations_disbursement_steps() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'a request for payment is refused, never deleted'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'disbursement_stays';
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF NEW.approved_at IS NOT NULL OR NEW.refused_at IS NOT NULL OR NEW.paid_at IS NOT NULL THEN
            RAISE EXCEPTION 'a payment starts as a request'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'disbursement_starts_as_request';
        END IF;
        RETURN NEW;
    END IF;
    IF (NEW.number, NEW.payment_reference, NEW.cost_id)
       IS DISTINCT FROM (OLD.number, OLD.payment_reference, OLD.cost_id) THEN
        RAISE EXCEPTION 'a payment keeps its cost, number and reference'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'disbursement_keeps_its_reference';
    END IF;
    -- The content, and who decided what, of a refused one; its approval may be dropped by nobody either.
    IF OLD.refused_at IS NOT NULL AND
       (NEW.content_hash, NEW.requested_by_id, NEW.approved_by_id, NEW.refused_by_id, NEW.refused_at,
        NEW.refusal_reason)
       IS DISTINCT FROM
       (OLD.content_hash, OLD.requested_by_id, OLD.approved_by_id, OLD.refused_by_id, OLD.refused_at,
        OLD.refusal_reason) THEN
        RAISE EXCEPTION 'a refused payment is not changed: ask for another'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'disbursement_refused_is_final';
    END IF;
    RETURN NEW;
END $$;
-- Its name sorts after disbursement_content, so it runs after the content hash is made.
CREATE TRIGGER disbursement_steps BEFORE INSERT OR UPDATE OR DELETE ON donations_disbursement
    FOR EACH ROW EXECUTE FUNCTION donations_disbursement_steps();
"""
STEPS_BACK = """
DROP TRIGGER disbursement_steps ON donations_disbursement;
DROP FUNCTION donations_disbursement_steps();
"""

# The content of a payment names its document by hash: that must go on being the document's.
DOCUMENT = """
CREATE FUNCTION donations_costdocument_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.cost_id, NEW.sha256, NEW.size, NEW.content_type)
       IS DISTINCT FROM (OLD.cost_id, OLD.sha256, OLD.size, OLD.content_type) THEN
        RAISE EXCEPTION 'a document is not exchanged: attach another'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'document_stays';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER document_stays BEFORE UPDATE ON donations_costdocument
    FOR EACH ROW EXECUTE FUNCTION donations_costdocument_stays();
"""
DOCUMENT_BACK = """
DROP TRIGGER document_stays ON donations_costdocument;
DROP FUNCTION donations_costdocument_stays();
"""

ALLOCATION = """
CREATE FUNCTION donations_allocation_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'an allocation is released, never changed or deleted'
        USING ERRCODE = 'restrict_violation', CONSTRAINT = 'allocation_stays';
END $$;
CREATE TRIGGER allocation_stays BEFORE UPDATE OR DELETE ON donations_allocation
    FOR EACH ROW EXECUTE FUNCTION donations_allocation_stays();

CREATE FUNCTION donations_set_aside(legal_cost bigint) RETURNS numeric LANGUAGE sql STABLE AS $$
    SELECT coalesce(sum(CASE WHEN is_release THEN -amount ELSE amount END), 0)
    FROM donations_allocation WHERE cost_id = legal_cost
$$;

CREATE FUNCTION donations_allocation_fits() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    cost_owed numeric;
    of_fund numeric;
BEGIN
    -- Held until the end of the transaction, as donations/allocation.py does, so that two at once see each other.
    SELECT owed INTO cost_owed FROM donations_legalcost WHERE id = NEW.cost_id FOR NO KEY UPDATE;
    IF donations_set_aside(NEW.cost_id) > cost_owed THEN
        RAISE EXCEPTION 'more is set aside than owed'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'allocation_within_owed';
    END IF;
    SELECT sum(CASE WHEN is_release THEN -amount ELSE amount END) INTO of_fund
    FROM donations_allocation WHERE cost_id = NEW.cost_id AND fund_id = NEW.fund_id;
    IF of_fund < 0 THEN
        RAISE EXCEPTION 'more is released than the fund set aside'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'release_within_allocated';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER allocation_fits AFTER INSERT ON donations_allocation
    FOR EACH ROW EXECUTE FUNCTION donations_allocation_fits();
"""
ALLOCATION_BACK = """
DROP TRIGGER allocation_fits ON donations_allocation;
DROP TRIGGER allocation_stays ON donations_allocation;
DROP FUNCTION donations_allocation_fits();
DROP FUNCTION donations_allocation_stays();
DROP FUNCTION donations_set_aside(bigint);
"""

COST = """
CREATE FUNCTION donations_legalcost_holds() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.owed < donations_set_aside(NEW.id) THEN
        RAISE EXCEPTION 'more is set aside than this'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'legal_cost_owes_what_is_set_aside';
    END IF;
    IF (NEW.number, NEW.case_id, NEW.defendant_id, NEW.kind, NEW.currency)
       IS DISTINCT FROM (OLD.number, OLD.case_id, OLD.defendant_id, OLD.kind, OLD.currency)
       AND EXISTS (SELECT 1 FROM donations_account WHERE legal_cost_id = NEW.id) THEN
        RAISE EXCEPTION 'the cost stands in the ledger: its case, defendant, kind and currency stay'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'legal_cost_stays';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER legal_cost_holds BEFORE UPDATE ON donations_legalcost
    FOR EACH ROW EXECUTE FUNCTION donations_legalcost_holds();
"""
COST_BACK = """
DROP TRIGGER legal_cost_holds ON donations_legalcost;
DROP FUNCTION donations_legalcost_holds();
"""

COVER = """
CREATE FUNCTION donations_fundcover_steps() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'a cover is never deleted'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'cover_stays';
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF NEW.approved_at IS NOT NULL THEN
            RAISE EXCEPTION 'a cover starts as a request'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'cover_starts_as_request';
        END IF;
        RETURN NEW;
    END IF;
    IF OLD.approved_at IS NOT NULL OR
       (NEW.number, NEW.source_id, NEW.target_id, NEW.amount, NEW.currency, NEW.reason, NEW.requested_by_id)
       IS DISTINCT FROM
       (OLD.number, OLD.source_id, OLD.target_id, OLD.amount, OLD.currency, OLD.reason, OLD.requested_by_id) THEN
        RAISE EXCEPTION 'a cover is approved as it was asked for, once'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'cover_stays';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER cover_steps BEFORE INSERT OR UPDATE OR DELETE ON donations_fundcover
    FOR EACH ROW EXECUTE FUNCTION donations_fundcover_steps();
"""
COVER_BACK = """
DROP TRIGGER cover_steps ON donations_fundcover;
DROP FUNCTION donations_fundcover_steps();
"""


class Migration(migrations.Migration):
    dependencies = [("donations", "0003_gift_reversed")]
    operations = [
        migrations.RunSQL(STEPS, STEPS_BACK),
        migrations.RunSQL(DOCUMENT, DOCUMENT_BACK),
        migrations.RunSQL(ALLOCATION, ALLOCATION_BACK),
        migrations.RunSQL(COST, COST_BACK),
        migrations.RunSQL(COVER, COVER_BACK),
    ]
