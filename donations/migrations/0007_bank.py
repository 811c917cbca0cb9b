"""Bank accounts whose numbers are right, and bank lines that stay as the bank said them and are explained once."""

from django.db import migrations

NUMBERS = """
CREATE FUNCTION donations_iban_is_valid(iban text) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    -- ISO 13616: the first four characters at the end, letters as 10 to 35, and the rest of the division by 97 is 1.
    SELECT CASE WHEN iban ~ '^[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}$' THEN (
        SELECT string_agg(CASE WHEN c ~ '[0-9]' THEN c ELSE (ascii(c) - 55)::text END, '' ORDER BY n)::numeric % 97
        FROM string_to_table(substr(iban, 5) || substr(iban, 1, 4), NULL) WITH ORDINALITY AS t (c, n)) = 1
    ELSE false END
$$;

CREATE FUNCTION donations_weighted(digits text, weights integer[]) RETURNS integer
    LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    -- Letters count as their place after "0" in ASCII, as the newer CNPJ has them.
    SELECT sum((ascii(c) - 48) * weights[n])::integer
    FROM string_to_table(digits, NULL) WITH ORDINALITY AS t (c, n)
$$;

CREATE FUNCTION donations_cbu_is_valid(cbu text) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN cbu ~ '^[0-9]{22}$' THEN
        donations_weighted(substr(cbu, 1, 8), ARRAY[7,1,3,9,7,1,3,1]) % 10 = 0
        AND donations_weighted(substr(cbu, 9), ARRAY[3,9,7,1,3,9,7,1,3,9,7,1,3,1]) % 10 = 0
    ELSE false END
$$;

CREATE FUNCTION donations_pix_key_is_valid(kind text, key text) RETURNS boolean
    LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE kind
        WHEN 'cpf' THEN CASE WHEN key ~ '^[0-9]{11}$' AND key <> '00000000000' THEN
            (11 - donations_weighted(substr(key, 1, 9), ARRAY[10,9,8,7,6,5,4,3,2]) % 11) % 11 % 10
                = substr(key, 10, 1)::integer
            AND (11 - donations_weighted(substr(key, 1, 10), ARRAY[11,10,9,8,7,6,5,4,3,2]) % 11) % 11 % 10
                = substr(key, 11, 1)::integer ELSE false END
        WHEN 'cnpj' THEN CASE WHEN key ~ '^[0-9A-Z]{12}[0-9]{2}$' AND key !~ '^0{12}' THEN
            (11 - donations_weighted(substr(key, 1, 12), ARRAY[5,4,3,2,9,8,7,6,5,4,3,2]) % 11) % 11 % 10
                = substr(key, 13, 1)::integer
            AND (11 - donations_weighted(substr(key, 1, 13), ARRAY[6,5,4,3,2,9,8,7,6,5,4,3,2]) % 11) % 11 % 10
                = substr(key, 14, 1)::integer ELSE false END
        WHEN 'email' THEN key ~ '^[^@[:space:]]+@[^@[:space:]]+\\.[^@[:space:]]+$'
        WHEN 'phone' THEN key ~ '^\\+55[1-9][0-9]{9,10}$'
        WHEN 'random' THEN key ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
        ELSE false END
$$;
"""
NUMBERS_BACK = """
DROP FUNCTION donations_pix_key_is_valid, donations_cbu_is_valid, donations_weighted, donations_iban_is_valid;
"""

VALID = """
ALTER TABLE donations_bankaccount
    ADD CONSTRAINT bank_account_iban_valid
        CHECK (scheme <> 'iban' OR number = '' OR donations_iban_is_valid(number)),
    -- Longer names do not fit into a SEPA transfer, nor into its QR code.
    ADD CONSTRAINT bank_account_holder_fits CHECK (scheme <> 'iban' OR length(holder) <= 70),
    ADD CONSTRAINT bank_account_cbu_valid CHECK (scheme <> 'cbu' OR number = '' OR donations_cbu_is_valid(number)),
    ADD CONSTRAINT bank_account_alias_valid CHECK (alias = '' OR alias ~ '^[A-Za-z0-9.-]{6,20}$'),
    ADD CONSTRAINT bank_account_uk_number_valid
        CHECK (scheme <> 'sort_code' OR number = '' OR number ~ '^[0-9]{8}$'),
    ADD CONSTRAINT bank_account_sort_code_valid CHECK (sort_code = '' OR sort_code ~ '^[0-9]{6}$'),
    ADD CONSTRAINT bank_account_bic_valid
        CHECK (bic = '' OR bic ~ '^[A-Z0-9]{4}[A-Z]{2}[A-Z0-9]{2}([A-Z0-9]{3})?$'),
    ADD CONSTRAINT bank_account_pix_key_valid
        CHECK ((pix_kind = '' AND pix_key = '') OR donations_pix_key_is_valid(pix_kind, pix_key));
"""
VALID_BACK = """
ALTER TABLE donations_bankaccount DROP CONSTRAINT bank_account_pix_key_valid, DROP CONSTRAINT bank_account_bic_valid, DROP CONSTRAINT bank_account_sort_code_valid, DROP CONSTRAINT bank_account_uk_number_valid, DROP CONSTRAINT bank_account_alias_valid, DROP CONSTRAINT bank_account_cbu_valid, DROP CONSTRAINT bank_account_holder_fits, DROP CONSTRAINT bank_account_iban_valid;
"""

# A line is of the account its file is of: one foreign key says so, in place of one for each of the two.
OF_ITS_FILE = """
ALTER TABLE donations_statementimport ADD CONSTRAINT statement_import_account UNIQUE (id, account_id);
ALTER TABLE donations_statementline ADD CONSTRAINT statement_line_of_its_file
    FOREIGN KEY (statement_id, account_id) REFERENCES donations_statementimport (id, account_id);
"""
OF_ITS_FILE_BACK = """
ALTER TABLE donations_statementline DROP CONSTRAINT statement_line_of_its_file;
ALTER TABLE donations_statementimport DROP CONSTRAINT statement_import_account;
"""

FITS = """
CREATE FUNCTION donations_statementmatch_fits() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    -- Held until the end of the transaction, so that two who explain one line at once see each other; what is summed up
    -- below is read after the wait.
    PERFORM 1 FROM donations_statementline WHERE id IN (SELECT line_id FROM changed) ORDER BY id FOR NO KEY UPDATE;
    UPDATE donations_statementline l SET explained = s.explained
    FROM (
        SELECT c.line_id, coalesce(sum(m.amount) FILTER (WHERE m.undone_at IS NULL), 0) AS explained
        FROM (SELECT DISTINCT line_id FROM changed) c
        LEFT JOIN donations_statementmatch m ON m.line_id = c.line_id
        GROUP BY c.line_id) s
    WHERE l.id = s.line_id AND l.explained <> s.explained;
    RETURN NULL;
END $$;
CREATE TRIGGER statement_match_made AFTER INSERT ON donations_statementmatch
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION donations_statementmatch_fits();
CREATE TRIGGER statement_match_undone AFTER UPDATE ON donations_statementmatch
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION donations_statementmatch_fits();
CREATE TRIGGER statement_match_deleted AFTER DELETE ON donations_statementmatch
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION donations_statementmatch_fits();
"""
FITS_BACK = "DROP FUNCTION donations_statementmatch_fits CASCADE;"

STAYS = """
CREATE FUNCTION donations_statementline_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' OR (NEW.account_id, NEW.statement_id, NEW.key, NEW.booked_on, NEW.amount, NEW.currency)
       IS DISTINCT FROM (OLD.account_id, OLD.statement_id, OLD.key, OLD.booked_on, OLD.amount, OLD.currency) THEN
        RAISE EXCEPTION 'what the bank said stays as it was said'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'statement_line_stays';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER statement_line_stays BEFORE UPDATE OF account_id, statement_id, key, booked_on, amount, currency OR DELETE
    ON donations_statementline FOR EACH ROW EXECUTE FUNCTION donations_statementline_stays();

CREATE FUNCTION donations_statementmatch_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.line_id, NEW.amount, NEW.withheld, NEW.source, NEW.payout_id, NEW.disbursement_id, NEW.donation_id,
        NEW.deposit_id, NEW.refund_request_id, NEW.exchange_id, NEW.own_transfer_id, NEW.bail_outcome_id,
        NEW.confirmed_by_id, NEW.confirmed_at)
       IS DISTINCT FROM
       (OLD.line_id, OLD.amount, OLD.withheld, OLD.source, OLD.payout_id, OLD.disbursement_id, OLD.donation_id,
        OLD.deposit_id, OLD.refund_request_id, OLD.exchange_id, OLD.own_transfer_id, OLD.bail_outcome_id,
        OLD.confirmed_by_id, OLD.confirmed_at)
       OR (OLD.undone_at IS NOT NULL AND (NEW.undone_at, NEW.undone_by_id)
           IS DISTINCT FROM (OLD.undone_at, OLD.undone_by_id)) THEN
        RAISE EXCEPTION 'a match is taken back, never changed'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'match_stays';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER match_stays BEFORE UPDATE ON donations_statementmatch
    FOR EACH ROW EXECUTE FUNCTION donations_statementmatch_stays();
"""
STAYS_BACK = """
DROP FUNCTION donations_statementmatch_stays, donations_statementline_stays CASCADE;
"""

# A match is of the account, the side and the amount that its transfer has.
OWN_TRANSFERS = """
CREATE FUNCTION donations_owntransfer_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'INSERT' THEN
        RAISE EXCEPTION 'a transfer between own accounts stays as it was seen: take its matches back'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'own_transfer_stays';
    END IF;
    IF EXISTS (SELECT 1 FROM donations_bankaccount
               WHERE id IN (NEW.left_from_id, NEW.arrives_at_id) AND currency <> NEW.currency) THEN
        RAISE EXCEPTION 'both accounts are in the currency of the transfer'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'own_transfer_of_one_currency';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER own_transfer_stays BEFORE INSERT OR UPDATE OR DELETE ON donations_owntransfer
    FOR EACH ROW EXECUTE FUNCTION donations_owntransfer_stays();

CREATE FUNCTION donations_match_of_its_side() RETURNS trigger LANGUAGE plpgsql AS $$
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
CREATE TRIGGER match_of_its_side BEFORE INSERT ON donations_statementmatch
    FOR EACH ROW WHEN (NEW.own_transfer_id IS NOT NULL) EXECUTE FUNCTION donations_match_of_its_side();
"""
OWN_TRANSFERS_BACK = (
    "DROP FUNCTION donations_match_of_its_side, donations_owntransfer_stays CASCADE;"
)

# A payment comes back whole, to the account it left, after a line showed that it left; and while it is back, that line
# stays its proof.
CAME_BACK = """
CREATE FUNCTION donations_match_comes_back() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF NEW.amount < 0 AND NEW.undone_at IS NOT NULL AND EXISTS (
            SELECT 1 FROM donations_statementmatch
            WHERE disbursement_id = NEW.disbursement_id AND amount > 0 AND undone_at IS NULL) THEN
            RAISE EXCEPTION 'this payment came back: that is taken back first'
                USING ERRCODE = 'restrict_violation', CONSTRAINT = 'match_of_payment_that_came_back';
        END IF;
    ELSIF NEW.amount > 0 AND NOT EXISTS (
        SELECT 1 FROM donations_disbursement d
        JOIN donations_statementline l ON l.id = NEW.line_id AND l.account_id = d.bank_account_id
        JOIN donations_statementmatch m ON m.disbursement_id = d.id AND m.amount = -NEW.amount AND m.undone_at IS NULL
        WHERE d.id = NEW.disbursement_id AND d.amount = NEW.amount AND d.paid_at IS NOT NULL) THEN
        RAISE EXCEPTION 'what did not leave by a line cannot come back'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'match_comes_back_as_it_left';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER match_comes_back BEFORE INSERT OR UPDATE OF undone_at ON donations_statementmatch
    FOR EACH ROW WHEN (NEW.disbursement_id IS NOT NULL) EXECUTE FUNCTION donations_match_comes_back();

CREATE FUNCTION donations_disbursement_came_back() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    UPDATE donations_disbursement SET came_back_on = (
        SELECT l.booked_on FROM donations_statementmatch m JOIN donations_statementline l ON l.id = m.line_id
        WHERE m.disbursement_id = NEW.disbursement_id AND m.amount > 0 AND m.undone_at IS NULL)
    WHERE id = NEW.disbursement_id;
    RETURN NULL;
END $$;
CREATE TRIGGER match_gives_back AFTER INSERT OR UPDATE OF undone_at ON donations_statementmatch
    FOR EACH ROW WHEN (NEW.disbursement_id IS NOT NULL AND NEW.amount > 0)
    EXECUTE FUNCTION donations_disbursement_came_back();

CREATE FUNCTION donations_match_of_its_outcome() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (
        SELECT 1 FROM donations_bailoutcome o JOIN donations_statementline l ON l.id = NEW.line_id
        WHERE o.id = NEW.bail_outcome_id AND o.bank_account_id = l.account_id AND o.amount = NEW.amount) THEN
        RAISE EXCEPTION 'this line is not where that bail came back'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'bail_match_as_it_came_back';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER match_of_its_outcome BEFORE INSERT ON donations_statementmatch
    FOR EACH ROW WHEN (NEW.bail_outcome_id IS NOT NULL) EXECUTE FUNCTION donations_match_of_its_outcome();
"""
CAME_BACK_BACK = """
DROP FUNCTION donations_match_of_its_outcome, donations_disbursement_came_back, donations_match_comes_back CASCADE;
"""


class Migration(migrations.Migration):
    replaces = [("donations", "0033_bank_lines")]
    dependencies = [("donations", "0006_refunds")]
    operations = [
        migrations.RunSQL(NUMBERS, NUMBERS_BACK),
        migrations.RunSQL(VALID, VALID_BACK),
        migrations.RunSQL(OF_ITS_FILE, OF_ITS_FILE_BACK),
        migrations.RunSQL(FITS, FITS_BACK),
        migrations.RunSQL(STAYS, STAYS_BACK),
        migrations.RunSQL(OWN_TRANSFERS, OWN_TRANSFERS_BACK),
        migrations.RunSQL(CAME_BACK, CAME_BACK_BACK),
    ]
