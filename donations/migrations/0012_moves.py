"""Money that moves between funds, currencies and courts: covers, exchanges, surpluses, bail."""

from django.db import migrations

# A cover can be refused, or withdrawn, and stays so.
COVER = """
CREATE FUNCTION donations_fundcover_steps() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'a cover is never deleted'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'cover_stays';
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF NEW.approved_at IS NOT NULL OR NEW.refused_at IS NOT NULL THEN
            RAISE EXCEPTION 'a cover starts as a request'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'cover_starts_as_request';
        END IF;
        RETURN NEW;
    END IF;
    IF OLD.approved_at IS NOT NULL OR OLD.refused_at IS NOT NULL OR
       (NEW.number, NEW.source_id, NEW.target_id, NEW.amount, NEW.currency, NEW.reason, NEW.requested_by_id)
       IS DISTINCT FROM
       (OLD.number, OLD.source_id, OLD.target_id, OLD.amount, OLD.currency, OLD.reason, OLD.requested_by_id) THEN
        RAISE EXCEPTION 'a cover is approved as it was asked for, or refused, once'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'cover_stays';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER cover_steps BEFORE INSERT OR UPDATE OR DELETE ON donations_fundcover
    FOR EACH ROW EXECUTE FUNCTION donations_fundcover_steps();
"""
COVER_BACK = "DROP FUNCTION donations_fundcover_steps CASCADE;"

EXCHANGE = """
CREATE FUNCTION donations_exchange_steps() RETURNS trigger LANGUAGE plpgsql AS $$
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
CREATE TRIGGER exchange_steps BEFORE INSERT OR UPDATE OR DELETE ON donations_exchange
    FOR EACH ROW EXECUTE FUNCTION donations_exchange_steps();
"""
EXCHANGE_BACK = "DROP FUNCTION donations_exchange_steps CASCADE;"

SURPLUS = """
CREATE FUNCTION donations_surplusmove_steps() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'the move of a surplus is never deleted'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'surplus_stays';
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF NEW.approved_at IS NOT NULL OR NEW.refused_at IS NOT NULL THEN
            RAISE EXCEPTION 'the move of a surplus starts as a request'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'surplus_starts_as_request';
        END IF;
    ELSIF OLD.approved_at IS NOT NULL OR OLD.refused_at IS NOT NULL OR
       (NEW.number, NEW.source_id, NEW.target_id, NEW.amount, NEW.currency, NEW.cause, NEW.note,
        NEW.requested_by_id, NEW.requested_at)
       IS DISTINCT FROM
       (OLD.number, OLD.source_id, OLD.target_id, OLD.amount, OLD.currency, OLD.cause, OLD.note,
        OLD.requested_by_id, OLD.requested_at) THEN
        RAISE EXCEPTION 'the move of a surplus is approved as it was asked for, or refused, once'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'surplus_stays';
    END IF;
    -- Held, so that nobody names another fallback meanwhile.
    IF NEW.refused_at IS NULL AND NEW.target_id IS DISTINCT FROM
       (SELECT fallback_id FROM donations_fund WHERE id = NEW.source_id FOR SHARE) THEN
        RAISE EXCEPTION 'a surplus goes to the fund that the rule names'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'surplus_goes_to_the_fallback';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER surplus_steps BEFORE INSERT OR UPDATE OR DELETE ON donations_surplusmove
    FOR EACH ROW EXECUTE FUNCTION donations_surplusmove_steps();
"""
SURPLUS_BACK = "DROP FUNCTION donations_surplusmove_steps CASCADE;"

ORDER = """
CREATE FUNCTION donations_fund_appeals(fund bigint) RETURNS bigint[] LANGUAGE sql STABLE AS $$
    SELECT coalesce(array_agg(DISTINCT appeal), '{}') FROM (
        SELECT f.appeal_id FROM donations_fund f WHERE f.id = fund
        UNION SELECT c.appeal_id FROM donations_fund f JOIN appeals_case c ON c.id = f.case_id WHERE f.id = fund
        UNION SELECT c.appeal_id FROM donations_fund f
              JOIN appeals_defendant_cases p ON p.defendant_id = f.defendant_id JOIN appeals_case c ON c.id = p.case_id
              WHERE f.id = fund) named (appeal)
    WHERE appeal IS NOT NULL
$$;

-- Whether costs that `source` does not serve itself lack money, in its own appeals or outside of them.
CREATE FUNCTION donations_others_need(source bigint, code text, inside boolean) RETURNS boolean LANGUAGE sql STABLE AS $$
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

-- What in the policy's order stands against a move: nothing, an earlier step that needs the money, or that the order does
-- not name where it would go. The partner is no fund: money for it is a payment, not a move.
CREATE FUNCTION donations_surplus_hindrance(source bigint, target bigint, code text, day date) RETURNS text
LANGUAGE plpgsql STABLE AS $$
DECLARE
    steps text[] := (SELECT surplus_order FROM donations_policy WHERE id = donations_policy_in_force(day));
    mine text := CASE WHEN donations_fund_appeals(source) && donations_fund_appeals(target) THEN 'appeal' ELSE 'others' END;
    step text;
BEGIN
    IF steps IS NULL THEN
        RETURN NULL;
    END IF;
    FOREACH step IN ARRAY steps LOOP
        IF step = mine THEN
            RETURN NULL;
        END IF;
        IF step <> 'partner' AND donations_others_need(source, code, step = 'appeal') THEN
            RETURN step;
        END IF;
    END LOOP;
    RETURN 'unnamed';
END $$;

CREATE FUNCTION donations_surplusmove_order() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.refused_at IS NULL AND donations_surplus_hindrance(
           NEW.source_id, NEW.target_id, NEW.currency,
           (coalesce(NEW.approved_at, NEW.requested_at) AT TIME ZONE 'UTC')::date) IS NOT NULL THEN
        RAISE EXCEPTION 'a surplus goes by the order of the policy'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'surplus_by_the_policy';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER surplus_order BEFORE INSERT OR UPDATE ON donations_surplusmove
    FOR EACH ROW EXECUTE FUNCTION donations_surplusmove_order();
"""
ORDER_BACK = """
DROP FUNCTION
    donations_surplusmove_order,
    donations_surplus_hindrance,
    donations_others_need,
    donations_fund_appeals CASCADE;
"""

BAIL = """
CREATE FUNCTION donations_bailoutcome_stays() RETURNS trigger LANGUAGE plpgsql AS $$
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
CREATE TRIGGER bail_outcome_stays BEFORE INSERT OR UPDATE OR DELETE ON donations_bailoutcome
    FOR EACH ROW EXECUTE FUNCTION donations_bailoutcome_stays();
"""
BAIL_BACK = "DROP FUNCTION donations_bailoutcome_stays CASCADE;"


class Migration(migrations.Migration):
    replaces = [("donations", "0028_exchange_bail_surplus_rules")]
    dependencies = [("donations", "0011_people")]
    operations = [
        migrations.RunSQL(COVER, COVER_BACK),
        migrations.RunSQL(EXCHANGE, EXCHANGE_BACK),
        migrations.RunSQL(SURPLUS, SURPLUS_BACK),
        migrations.RunSQL(ORDER, ORDER_BACK),
        migrations.RunSQL(BAIL, BAIL_BACK),
    ]
