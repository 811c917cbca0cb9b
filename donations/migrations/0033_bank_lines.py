"""Bank lines matched in parts and known again by keyed hashes; what is said of them never exceeds them."""

import hmac
import re
import secrets
from decimal import Decimal

import django.contrib.postgres.fields
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import defensefund.privacy
import donations.models.bank_account

HASH = re.compile(r"([0-9a-f]{40})-([0-9]+)")
OWN = re.compile(r"RF[0-9]{2}[CDFGHJKMNPQRTWXY]{12}|(?:PAY|REF)-[2-9A-Z]{8}|po_[A-Za-z0-9]{8,32}")

# Every match was of its whole line, and the n-th match of a line booked under "…:n".
FILL = """
UPDATE donations_statementmatch m SET amount = l.amount, source = e.source
FROM (SELECT id, line_id, row_number() OVER (PARTITION BY line_id ORDER BY id) AS nth
      FROM donations_statementmatch) s
JOIN donations_statementline l ON l.id = s.line_id
JOIN donations_bankaccount a ON a.id = l.account_id
LEFT JOIN donations_entry e
    ON e.source = 'bank:' || a.code || ':' || l.key || CASE WHEN s.nth > 1 THEN ':' || s.nth ELSE '' END
WHERE m.id = s.id;
UPDATE donations_statementline l SET explained = l.amount
WHERE EXISTS (SELECT 1 FROM donations_statementmatch m WHERE m.line_id = l.id AND m.undone_at IS NULL);
"""


def give_secrets(apps, schema_editor):
    """Keys get a secret from what they were, so that the files they came from are known again; entries keep their sources."""
    account_model = apps.get_model("donations", "BankAccount")
    line_model = apps.get_model("donations", "StatementLine")
    for account in account_model.objects.all():
        account.line_secret = secrets.token_hex(32)
        account.save(update_fields=["line_secret"])
        secret = bytes.fromhex(account.line_secret)
        lines = line_model.objects.filter(account=account).only("key", "references")
        for line in lines.iterator(chunk_size=2000):
            if found := HASH.fullmatch(line.key):
                keyed = hmac.digest(secret, found[1].encode(), "sha256").hex()[:40]
                line.key = f"{keyed}-{found[2]}"
            codes = [code for code in line.references if not OWN.fullmatch(code)]
            if codes:
                # The payer's own codes may name them: they go with the text, which is encrypted and can be erased.
                line.text = " ".join([line.text, *codes]).strip()
                line.references = [code for code in line.references if OWN.fullmatch(code)]
            line.save(update_fields=["key", *(["text", "references"] if codes else [])])


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
FITS_BACK = """
DROP TRIGGER statement_match_made ON donations_statementmatch;
DROP TRIGGER statement_match_undone ON donations_statementmatch;
DROP TRIGGER statement_match_deleted ON donations_statementmatch;
DROP FUNCTION donations_statementmatch_fits();
"""

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
CREATE TRIGGER match_stays BEFORE UPDATE ON donations_statementmatch
    FOR EACH ROW EXECUTE FUNCTION donations_statementmatch_stays();
"""
STAYS_BACK = """
DROP TRIGGER statement_line_stays ON donations_statementline;
DROP TRIGGER match_stays ON donations_statementmatch;
DROP FUNCTION donations_statementline_stays();
DROP FUNCTION donations_statementmatch_stays();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("donations", "0032_take_books_away"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name="statementmatch",
            name="match_line_once",
        ),
        migrations.AddField(
            model_name="bankaccount",
            name="line_secret",
            field=defensefund.privacy.EncryptedTextField(
                default=donations.models.bank_account.new_line_secret,
                editable=False,
                help_text="Keys the hashes by which lines are known again, so that nobody can guess a text from them.",
                verbose_name="secret of its lines",
            ),
        ),
        migrations.AddField(
            model_name="statementline",
            name="explained",
            field=models.DecimalField(
                decimal_places=3,
                default=Decimal("0"),
                editable=False,
                help_text="How much of the amount is matched; kept by the database.",
                max_digits=21,
                verbose_name="explained",
            ),
        ),
        migrations.AddField(
            model_name="statementline",
            name="payer_hash",
            field=models.CharField(
                blank=True,
                editable=False,
                help_text="A keyed hash by which the other side is known again, without saying who it is.",
                max_length=64,
                verbose_name="other side",
            ),
        ),
        migrations.AddField(
            model_name="statementmatch",
            name="amount",
            field=models.DecimalField(
                decimal_places=3,
                help_text="Which part of the line, with its sign: positive, money came in.",
                max_digits=21,
                null=True,
                verbose_name="amount",
            ),
        ),
        migrations.AddField(
            model_name="statementmatch",
            name="source",
            field=models.CharField(
                blank=True,
                help_text="Of the entry it booked; empty where it only proves one that was there.",
                max_length=200,
                null=True,
                unique=True,
                verbose_name="source",
            ),
        ),
        migrations.AlterField(
            model_name="statementline",
            name="key",
            field=models.CharField(
                help_text="A keyed hash of the bank's own identifier or of all fields, and the ordinal among equal lines.",
                max_length=100,
                verbose_name="key",
            ),
        ),
        migrations.AlterField(
            model_name="statementline",
            name="references",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.CharField(max_length=35),
                default=list,
                help_text="Our own transfer and payment references found in the line.",
                verbose_name="references",
            ),
        ),
        migrations.AlterField(
            model_name="statementmatch",
            name="confirmed_by",
            field=models.ForeignKey(
                help_text="Empty when reference, amount and currency agreed at the import.",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
                verbose_name="confirmed by",
            ),
        ),
        migrations.RunSQL(FILL, migrations.RunSQL.noop),
        # Backwards the keys stay keyed: who goes back and on again imports no file a second time.
        migrations.RunPython(give_secrets, migrations.RunPython.noop),
        migrations.AlterField(
            model_name="statementmatch",
            name="amount",
            field=models.DecimalField(
                decimal_places=3,
                help_text="Which part of the line, with its sign: positive, money came in.",
                max_digits=21,
                verbose_name="amount",
            ),
        ),
        migrations.AddIndex(
            model_name="statementline",
            index=models.Index(
                condition=models.Q(("explained", models.F("amount")), _negated=True),
                fields=["booked_on", "id"],
                name="statement_line_open",
            ),
        ),
        migrations.AddIndex(
            model_name="statementline",
            index=models.Index(
                condition=models.Q(("payer_hash", ""), _negated=True),
                fields=["payer_hash", "booked_on"],
                name="statement_line_payer",
            ),
        ),
        migrations.AddConstraint(
            model_name="statementline",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("amount__gt", 0),
                        ("explained__gte", 0),
                        ("explained__lte", models.F("amount")),
                    ),
                    models.Q(
                        ("amount__lt", 0),
                        ("explained__gte", models.F("amount")),
                        ("explained__lte", 0),
                    ),
                    _connector="OR",
                ),
                name="statement_line_explained_within",
            ),
        ),
        migrations.AddConstraint(
            model_name="statementmatch",
            constraint=models.CheckConstraint(
                condition=models.Q(("amount", 0), _negated=True), name="match_amount_not_zero"
            ),
        ),
        migrations.AddConstraint(
            model_name="statementmatch",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("confirmed_by__isnull", False), ("explanation", ""), _connector="OR"
                ),
                name="match_by_itself_names_a_thing",
            ),
        ),
        migrations.AddIndex(
            model_name="statementmatch",
            index=models.Index(
                condition=models.Q(
                    ("source__isnull", False),
                    ("undone_at", None),
                    models.Q(("explanation", ""), _negated=True),
                ),
                fields=["line"],
                name="match_charge",
            ),
        ),
        migrations.AddIndex(
            model_name="pledge",
            index=models.Index(
                condition=models.Q(
                    ("cancelled_at", None), ("method__in", ["transfer", "cash", "card_later"])
                ),
                fields=["currency", "amount", "created_at"],
                name="pledge_awaited_amounts",
            ),
        ),
        migrations.RunSQL(FITS, FITS_BACK),
        migrations.RunSQL(STAYS, STAYS_BACK),
    ]
