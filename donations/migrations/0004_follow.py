"""Gifts followed through the books: each entry moves lots of money, and each lot knows which gift it came from."""

from django.db import migrations

LOTS = """
-- The gift that an entry is of, when it is of one: a fee, refund or dispute is its own gift's first.
CREATE FUNCTION donations_gift_of(source text) RETURNS bigint LANGUAGE sql STABLE AS $$
    SELECT coalesce(
        (SELECT d.id FROM donations_donation d WHERE d.source = $1),
        (SELECT r.donation_id FROM donations_refund r WHERE r.source = $1),
        (SELECT r.donation_id FROM donations_refund r WHERE r.return_source = $1),
        (SELECT d.id FROM donations_balancetransaction b
         JOIN donations_donation d ON d.stripe_payment_intent_id = b.stripe_payment_intent_id
         WHERE b.stripe_id = substring($1 from '^stripe:(txn_[^:]+)') AND b.stripe_payment_intent_id <> ''))
$$;

-- The part of a worth that goes with `part` of `whole`; the last part takes what is left, so parts add up.
CREATE FUNCTION donations_worth_of(worth numeric, part numeric, whole numeric, currency text)
RETURNS numeric LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN part = whole THEN worth ELSE round(worth * part / whole, donations_exponent(currency)) END
$$;

-- Takes up to `wanted` out of a fund's lots: the gift's own first, then, if any are wanted of it, those of an exchange,
-- then the oldest. One row for each lot touched.
CREATE FUNCTION donations_lots_take(from_account bigint, wanted numeric, gift bigint, changed bigint)
RETURNS TABLE (lot_id bigint, amount numeric, worth numeric) LANGUAGE plpgsql AS $$
DECLARE
    rest numeric := wanted;
    lot record;
    turn integer;
BEGIN
    FOR turn IN 1..3 LOOP
        CONTINUE WHEN (turn = 1 AND gift IS NULL) OR (turn = 2 AND changed IS NULL);
        FOR lot IN
            SELECT l.* FROM donations_lot l
            WHERE l.account_id = from_account AND l."left" > 0
              AND (turn <> 1 OR l.donation_id = gift) AND (turn <> 2 OR l.exchange_id = changed)
            ORDER BY l.account_id, l.id
        LOOP
            EXIT WHEN rest = 0;
            lot_id := lot.id;
            amount := least(rest, lot."left");
            worth := donations_worth_of(lot.left_worth, amount, lot."left", lot.currency);
            UPDATE donations_lot l SET "left" = l."left" - amount, left_worth = l.left_worth - worth WHERE l.id = lot.id;
            rest := rest - amount;
            RETURN NEXT;
        END LOOP;
        EXIT WHEN rest = 0;
    END LOOP;
END $$;

-- Puts what was taken out of a lot into another place: back where it came from, when that is the place; else beside what
-- went there before. Without a place it has left for good, by entries of `why`.
CREATE FUNCTION donations_lot_put(lot bigint, place bigint, why text, changed bigint, amount numeric, worth numeric)
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    source record;
BEGIN
    SELECT l.donation_id, l.currency, l.exchange_id, p.id AS parent_id, p.account_id AS parent_place INTO source
    FROM donations_lot l LEFT JOIN donations_lot p ON p.id = l.parent_id WHERE l.id = lot;
    IF place IS NOT NULL AND source.parent_place = place THEN
        UPDATE donations_lot l SET "left" = l."left" + amount, left_worth = l.left_worth + worth
        WHERE l.id = source.parent_id;
    ELSE
        INSERT INTO donations_lot AS l (parent_id, account_id, kind, exchange_id, donation_id, currency,
                                        "left", left_worth, spent, spent_worth)
        SELECT lot, place, why, coalesce(changed, source.exchange_id), source.donation_id, source.currency,
               CASE WHEN place IS NULL THEN 0 ELSE amount END, CASE WHEN place IS NULL THEN 0 ELSE worth END,
               CASE WHEN place IS NULL THEN amount ELSE 0 END, CASE WHEN place IS NULL THEN worth ELSE 0 END
        ON CONFLICT (parent_id, account_id, kind, exchange_id) WHERE parent_id IS NOT NULL
            DO UPDATE SET "left" = l."left" + excluded."left", left_worth = l.left_worth + excluded.left_worth,
                          spent = l.spent + excluded.spent, spent_worth = l.spent_worth + excluded.spent_worth;
    END IF;
END $$;

-- Money that is nobody's gift, or whose gift is not known: interest, and what was moved before it was seen to arrive.
CREATE FUNCTION donations_lot_new(place bigint, gift bigint, why text, amount numeric)
RETURNS bigint LANGUAGE sql AS $$
    INSERT INTO donations_lot (account_id, kind, donation_id, currency, "left", left_worth)
    SELECT $1, $3, $2, a.currency, $4, $4 FROM donations_account a WHERE a.id = $1
    RETURNING id
$$;

CREATE FUNCTION donations_shortfall_add(place bigint, why text, missing numeric) RETURNS void LANGUAGE sql AS $$
    INSERT INTO donations_shortfall AS s (account_id, kind, amount) SELECT place, why, missing WHERE missing > 0
    ON CONFLICT (account_id, kind) DO UPDATE SET amount = s.amount + excluded.amount
$$;

-- What came into a fund stands first for what left it before there was money.
CREATE FUNCTION donations_lots_absorb(place bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    short record;
    piece record;
    rest numeric;
BEGIN
    FOR short IN SELECT * FROM donations_shortfall s WHERE s.account_id = place ORDER BY s.id LOOP
        rest := short.amount;
        FOR piece IN SELECT * FROM donations_lots_take(place, short.amount, NULL, NULL) LOOP
            PERFORM donations_lot_put(piece.lot_id, NULL, short.kind, NULL, piece.amount, piece.worth);
            rest := rest - piece.amount;
        END LOOP;
        IF rest > 0 THEN
            UPDATE donations_shortfall s SET amount = rest WHERE s.id = short.id;
        ELSE
            DELETE FROM donations_shortfall s WHERE s.id = short.id;
        END IF;
    END LOOP;
END $$;
"""
LOTS_BACK = """
DROP FUNCTION
    donations_lots_absorb,
    donations_shortfall_add,
    donations_lot_new,
    donations_lot_put,
    donations_lots_take,
    donations_worth_of,
    donations_gift_of;
"""

MOVES = """
-- Moves `wanted` from one place to another. With `received`, it became that much of another currency on the way.
CREATE FUNCTION donations_lots_move(from_place bigint, to_place bigint, why text, wanted numeric, gift bigint,
                                    changed bigint, received numeric)
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    piece record;
    done numeric := 0;
    arrived numeric := 0;
    part numeric;
    decimals integer;
    advance bigint;
BEGIN
    SELECT donations_exponent(a.currency) INTO decimals FROM donations_account a WHERE a.id = to_place;
    FOR piece IN
        SELECT * FROM donations_lots_take(from_place, wanted, gift,
                                          CASE WHEN received IS NOT NULL THEN changed END)
    LOOP
        done := done + piece.amount;
        part := CASE WHEN received IS NULL THEN piece.amount ELSE round(received * done / wanted, decimals) - arrived END;
        arrived := arrived + part;
        PERFORM donations_lot_put(piece.lot_id, to_place, CASE WHEN to_place IS NULL THEN why ELSE '' END, changed,
                                  part, piece.worth);
    END LOOP;
    IF done < wanted THEN
        PERFORM donations_shortfall_add(from_place, why, wanted - done);
        IF to_place IS NOT NULL THEN
            advance := donations_lot_new(from_place, NULL, why, wanted - done);
            UPDATE donations_lot l SET "left" = 0, left_worth = 0 WHERE l.id = advance;
            PERFORM donations_lot_put(advance, to_place, '', changed, coalesce(received - arrived, wanted - done),
                                      wanted - done);
        END IF;
    END IF;
END $$;

-- What left a fund for good comes back: of what is still missing, of the gift's own, then of the newest.
CREATE FUNCTION donations_lots_restore(place bigint, why text, wanted numeric, gift bigint)
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    rest numeric := wanted;
    lot record;
    part numeric;
    worth numeric;
    turn integer;
BEGIN
    SELECT least(rest, s.amount) INTO part FROM donations_shortfall s WHERE s.account_id = place AND s.kind = why;
    IF part > 0 THEN
        DELETE FROM donations_shortfall s WHERE s.account_id = place AND s.kind = why AND s.amount = part;
        UPDATE donations_shortfall s SET amount = s.amount - part WHERE s.account_id = place AND s.kind = why;
        rest := rest - part;
    END IF;
    FOR turn IN 1..2 LOOP
        CONTINUE WHEN turn = 1 AND gift IS NULL;
        EXIT WHEN rest = 0;
        FOR lot IN
            SELECT l.* FROM donations_lot l JOIN donations_lot p ON p.id = l.parent_id
            WHERE l.account_id IS NULL AND l.kind = why AND l.spent > 0 AND p.account_id = place
              AND (turn = 2 OR l.donation_id = gift)
            ORDER BY l.id DESC
        LOOP
            EXIT WHEN rest = 0;
            part := least(rest, lot.spent);
            worth := donations_worth_of(lot.spent_worth, part, lot.spent, lot.currency);
            UPDATE donations_lot l SET spent = l.spent - part, spent_worth = l.spent_worth - worth WHERE l.id = lot.id;
            UPDATE donations_lot l SET "left" = l."left" + part, left_worth = l.left_worth + worth
            WHERE l.id = lot.parent_id;
            rest := rest - part;
        END LOOP;
    END LOOP;
    IF rest > 0 THEN
        PERFORM donations_lot_new(place, gift, why, rest);
    END IF;
END $$;

-- A cost is paid from its funds in the order in which they first gave, each to the end of what it gave; so the public
-- figures say, too. After `more` was paid (or came back), and before `leaving` of it goes back to the fund `leaver`, each
-- fund's lots are spent as far as that says: the oldest first.
CREATE FUNCTION donations_lots_spend(place bigint, more numeric, leaver bigint, leaving numeric)
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    giver record;
    lot record;
    paid numeric;
    due numeric;
    part numeric;
    worth numeric;
BEGIN
    SELECT coalesce(sum(l.spent), 0) + more INTO paid FROM donations_lot l WHERE l.account_id = place;
    SELECT paid + coalesce(sum(s.amount), 0) INTO paid FROM donations_shortfall s WHERE s.account_id = place;
    DELETE FROM donations_shortfall s WHERE s.account_id = place;
    FOR giver IN
        SELECT p.account_id AS fund, sum(l.spent) AS spent,
               sum(l."left" + l.spent) - CASE WHEN p.account_id = leaver THEN leaving ELSE 0 END AS given
        FROM donations_lot l JOIN donations_lot p ON p.id = l.parent_id
        WHERE l.account_id = place GROUP BY p.account_id ORDER BY min(l.id)
    LOOP
        due := least(paid, giver.given) - giver.spent;
        paid := paid - least(paid, giver.given);
        IF due > 0 THEN
            FOR lot IN
                SELECT l.* FROM donations_lot l JOIN donations_lot p ON p.id = l.parent_id
                WHERE l.account_id = place AND p.account_id = giver.fund AND l."left" > 0 ORDER BY l.id
            LOOP
                EXIT WHEN due = 0;
                part := least(due, lot."left");
                worth := donations_worth_of(lot.left_worth, part, lot."left", lot.currency);
                UPDATE donations_lot l
                SET "left" = l."left" - part, left_worth = l.left_worth - worth,
                    spent = l.spent + part, spent_worth = l.spent_worth + worth WHERE l.id = lot.id;
                due := due - part;
            END LOOP;
        ELSIF due < 0 THEN
            FOR lot IN
                SELECT l.* FROM donations_lot l JOIN donations_lot p ON p.id = l.parent_id
                WHERE l.account_id = place AND p.account_id = giver.fund AND l.spent > 0 ORDER BY l.id DESC
            LOOP
                EXIT WHEN due = 0;
                part := least(-due, lot.spent);
                worth := donations_worth_of(lot.spent_worth, part, lot.spent, lot.currency);
                UPDATE donations_lot l
                SET "left" = l."left" + part, left_worth = l.left_worth + worth,
                    spent = l.spent - part, spent_worth = l.spent_worth - worth WHERE l.id = lot.id;
                due := due + part;
            END LOOP;
        END IF;
    END LOOP;
    PERFORM donations_shortfall_add(place, 'disbursement', paid);
END $$;

-- Money set aside goes back to its fund: the newest of that fund's first, so that what was given first stays.
CREATE FUNCTION donations_lots_release(place bigint, fund bigint, wanted numeric) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    rest numeric := wanted;
    lot record;
    part numeric;
    worth numeric;
BEGIN
    PERFORM donations_lots_spend(place, 0, fund, wanted);
    FOR lot IN
        SELECT l.* FROM donations_lot l JOIN donations_lot p ON p.id = l.parent_id
        WHERE l.account_id = place AND p.account_id = fund AND l."left" > 0 ORDER BY l.id DESC
    LOOP
        EXIT WHEN rest = 0;
        part := least(rest, lot."left");
        worth := donations_worth_of(lot.left_worth, part, lot."left", lot.currency);
        UPDATE donations_lot l SET "left" = l."left" - part, left_worth = l.left_worth - worth WHERE l.id = lot.id;
        PERFORM donations_lot_put(lot.id, fund, '', NULL, part, worth);
        rest := rest - part;
    END LOOP;
    IF rest > 0 THEN
        PERFORM donations_lot_new(fund, NULL, 'release', rest);
    END IF;
END $$;
"""
MOVES_BACK = """
DROP FUNCTION donations_lots_release, donations_lots_spend, donations_lots_restore, donations_lots_move;
"""

FOLLOW = """
CREATE FUNCTION donations_follow_exchange(entry donations_entry) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    deal record;
    here bigint;
    there bigint;
BEGIN
    -- Both ways are one movement; it is followed at the entry of what was given.
    SELECT x.* INTO deal FROM donations_exchange x
    WHERE x.number = substring(entry.source from 'exchange:([0-9a-f-]{36}):out$')::uuid;
    IF deal.id IS NULL THEN
        RETURN;
    END IF;
    SELECT a.id INTO here FROM donations_account a
    WHERE a.fund_id = deal.fund_id AND a.currency = deal.given_currency;
    SELECT a.id INTO there FROM donations_account a
    WHERE a.fund_id = deal.fund_id AND a.currency = deal.received_currency;
    IF entry.reverses_id IS NULL THEN
        PERFORM donations_lots_move(here, there, entry.kind, deal.given, NULL, deal.id, deal.received);
        PERFORM donations_lots_absorb(there);
    ELSE
        PERFORM donations_lots_move(there, here, entry.kind, deal.received, NULL, deal.id, deal.given);
        PERFORM donations_lots_absorb(here);
    END IF;
END $$;

CREATE FUNCTION donations_follow_one(entry donations_entry) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    from_kind text;
    to_kind text;
    gift bigint;
BEGIN
    SELECT d.kind, c.kind INTO from_kind, to_kind FROM donations_account d, donations_account c
    WHERE d.id = entry.debit_id AND c.id = entry.credit_id;
    IF from_kind = 'asset' AND to_kind = 'asset' THEN
        RETURN;
    END IF;
    IF entry.kind = 'exchange' THEN
        PERFORM donations_follow_exchange(entry);
        RETURN;
    END IF;
    IF from_kind = 'asset' OR to_kind = 'asset' THEN
        gift := donations_gift_of(CASE WHEN entry.reverses_id IS NULL THEN entry.source
                                       ELSE substr(entry.source, length('reversal:') + 1) END);
    END IF;
    CASE from_kind || ' ' || to_kind
        WHEN 'asset fund' THEN
            IF entry.kind IN ('donation', 'interest') AND entry.reverses_id IS NULL THEN
                PERFORM donations_lot_new(entry.credit_id, gift, entry.kind, entry.amount);
            ELSE
                PERFORM donations_lots_restore(
                    entry.credit_id,
                    CASE entry.kind WHEN 'refund_returned' THEN 'refund' WHEN 'dispute_won' THEN 'dispute'
                                    ELSE entry.kind END, entry.amount, gift);
            END IF;
            PERFORM donations_lots_absorb(entry.credit_id);
        WHEN 'fund asset' THEN
            PERFORM donations_lots_move(
                entry.debit_id, NULL,
                CASE WHEN entry.reverses_id IS NULL THEN entry.kind
                     WHEN entry.kind = 'refund_returned' THEN 'refund'
                     WHEN entry.kind = 'dispute_won' THEN 'dispute' ELSE entry.kind END,
                entry.amount, gift, NULL, NULL);
        WHEN 'fund fund' THEN
            PERFORM donations_lots_move(entry.debit_id, entry.credit_id, entry.kind, entry.amount, NULL, NULL, NULL);
            PERFORM donations_lots_absorb(entry.credit_id);
        WHEN 'fund cost' THEN
            PERFORM donations_lots_move(entry.debit_id, entry.credit_id, entry.kind, entry.amount, NULL, NULL, NULL);
            PERFORM donations_lots_spend(entry.credit_id, 0, NULL, 0);
        WHEN 'cost fund' THEN
            PERFORM donations_lots_release(entry.debit_id, entry.credit_id, entry.amount);
            PERFORM donations_lots_absorb(entry.credit_id);
        WHEN 'cost asset' THEN
            PERFORM donations_lots_spend(entry.debit_id, entry.amount, NULL, 0);
        WHEN 'asset cost' THEN
            PERFORM donations_lots_spend(entry.credit_id, -entry.amount, NULL, 0);
    END CASE;
END $$;

-- An entry by which a gift comes into a fund is one new lot of it; all of a turn are made at once. What takes one back, or
-- takes that back, is followed by itself.
CREATE FUNCTION donations_follow_gifts(ids bigint[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    place bigint;
    places bigint[];
BEGIN
    WITH lots AS (
        INSERT INTO donations_lot (account_id, kind, donation_id, currency, "left", left_worth)
        SELECT c.id, e.kind, g.id, c.currency, e.amount, e.amount
        FROM donations_entry e
        JOIN donations_account d ON d.id = e.debit_id JOIN donations_account c ON c.id = e.credit_id
        LEFT JOIN donations_donation g ON g.source = e.source
        WHERE e.id = ANY (ids) AND e.kind = 'donation' AND e.reverses_id IS NULL AND d.kind = 'asset' AND c.kind = 'fund'
        ORDER BY e.id
        RETURNING account_id)
    SELECT array_agg(DISTINCT account_id) INTO places FROM lots;
    FOR place IN SELECT DISTINCT s.account_id FROM donations_shortfall s WHERE s.account_id = ANY (places) LOOP
        PERFORM donations_lots_absorb(place);
    END LOOP;
END $$;

-- Follows up to `most` entries, what came in before what went out, else in the order of their numbers; returns how many.
-- One at a time: nobody waits for another who does it already, but gets -1.
CREATE FUNCTION donations_follow(most integer) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    ids bigint[];
    entry donations_entry;
BEGIN
    IF NOT pg_try_advisory_xact_lock(hashtext('donations_follow'), 0) THEN
        RETURN -1;
    END IF;
    WITH next AS (SELECT entry_id FROM donations_unfollowedentry ORDER BY entry_id LIMIT most),
         taken AS (DELETE FROM donations_unfollowedentry u USING next WHERE u.entry_id = next.entry_id
                   RETURNING u.entry_id)
    SELECT array_agg(taken.entry_id) INTO ids FROM taken;
    IF ids IS NULL THEN
        RETURN 0;
    END IF;
    PERFORM donations_follow_gifts(ids);
    FOR entry IN
        SELECT e.* FROM donations_entry e
        JOIN donations_account d ON d.id = e.debit_id JOIN donations_account c ON c.id = e.credit_id
        WHERE e.id = ANY (ids) AND NOT (e.kind = 'donation' AND e.reverses_id IS NULL AND d.kind = 'asset' AND c.kind = 'fund')
        ORDER BY NOT (e.kind = 'donation' AND d.kind = 'asset'), e.id
    LOOP
        PERFORM donations_follow_one(entry);
    END LOOP;
    RETURN cardinality(ids);
END $$;
"""
FOLLOW_BACK = """
DROP FUNCTION donations_follow, donations_follow_gifts, donations_follow_one, donations_follow_exchange;
"""


class Migration(migrations.Migration):
    replaces = [("donations", "0036_follow")]
    dependencies = [("donations", "0003_periods")]
    operations = [
        migrations.RunSQL(LOTS, LOTS_BACK),
        migrations.RunSQL(MOVES, MOVES_BACK),
        migrations.RunSQL(FOLLOW, FOLLOW_BACK),
    ]
