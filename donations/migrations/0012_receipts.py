"""Receipts without gaps, tax sentences, what others may see of a gift, and what is left when who gave it is forgotten."""

import django.core.validators
import django.db.models.deletion
from django.db import migrations, models

import defensefund.privacy
import donations.models.public_gift
import donations.models.receipt

# The lock is held until the transaction ends, so the next number is given only after this one is kept or gone: no gap.
# Receipts are issued one by one, each in a transaction of its own, so nothing long waits here; gifts never do.
RECEIPT = """
CREATE FUNCTION donations_receipt_number() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('donations_receipt', 0));
    NEW.serial := (SELECT coalesce(max(serial), 0) + 1 FROM donations_receipt);
    RETURN NEW;
END $$;
CREATE TRIGGER receipt_number BEFORE INSERT ON donations_receipt
    FOR EACH ROW EXECUTE FUNCTION donations_receipt_number();

CREATE FUNCTION donations_receipt_stands() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- The sentence follows when the supporter names another country; never when the office rewords it.
    IF TG_OP = 'UPDATE'
       AND (NEW.id, NEW.serial, NEW.donation_id, NEW.issued_at) = (OLD.id, OLD.serial, OLD.donation_id, OLD.issued_at)
       AND (NEW.tax_sentence = OLD.tax_sentence OR NEW.country <> OLD.country)
       AND (OLD.downloaded_at IS NULL OR NEW.downloaded_at = OLD.downloaded_at)
    THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'a receipt stays as it was issued'
        USING ERRCODE = 'restrict_violation', CONSTRAINT = 'receipt_stands';
END $$;
CREATE TRIGGER receipt_stands BEFORE UPDATE OR DELETE ON donations_receipt
    FOR EACH ROW EXECUTE FUNCTION donations_receipt_stands();
CREATE TRIGGER receipt_no_truncate BEFORE TRUNCATE ON donations_receipt
    FOR EACH STATEMENT EXECUTE FUNCTION donations_receipt_stands();
ALTER TABLE donations_receipt ENABLE ALWAYS TRIGGER receipt_number;
ALTER TABLE donations_receipt ENABLE ALWAYS TRIGGER receipt_stands;
ALTER TABLE donations_receipt ENABLE ALWAYS TRIGGER receipt_no_truncate;
"""
RECEIPT_BACK = """
DROP TRIGGER receipt_no_truncate ON donations_receipt;
DROP TRIGGER receipt_stands ON donations_receipt;
DROP TRIGGER receipt_number ON donations_receipt;
DROP FUNCTION donations_receipt_stands();
DROP FUNCTION donations_receipt_number();
"""

# No row for a secret gift, no name where none was chosen, and no column at all that says who gave.
PUBLIC_GIFT = """
CREATE VIEW donations_publicgift AS
SELECT d.id,
       p.appeal_id,
       d.amount - r.refunded AS amount,
       d.currency,
       (d.received_at AT TIME ZONE 'UTC')::date AS received_on,
       CASE WHEN p.visibility = 'name' THEN p.public_name END AS name
FROM donations_donation d
JOIN donations_pledge p ON p.id = d.pledge_id
JOIN appeals_appeal a ON a.id = p.appeal_id AND a.published_at IS NOT NULL
CROSS JOIN LATERAL (
    SELECT coalesce(sum(amount), 0) AS refunded FROM donations_refund WHERE donation_id = d.id
) r
WHERE p.visibility IN ('amount', 'name') AND d.reversed_at IS NULL AND d.amount > r.refunded;
"""
PUBLIC_GIFT_BACK = "DROP VIEW donations_publicgift;"


class Migration(migrations.Migration):
    dependencies = [
        ("appeals", "0002_review_and_consent_in_the_database"),
        ("donations", "0011_checkout_untold"),
    ]

    operations = [
        migrations.CreateModel(
            name="PublicGift",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("amount", models.DecimalField(decimal_places=3, max_digits=21)),
                (
                    "currency",
                    models.CharField(
                        max_length=3,
                        validators=[
                            django.core.validators.RegexValidator(
                                "\\A[A-Z]{3}\\Z", "Three capital letters, like EUR."
                            )
                        ],
                    ),
                ),
                ("received_on", models.DateField()),
                ("name", donations.models.public_gift.ChosenName(null=True)),
            ],
            options={
                "db_table": "donations_publicgift",
                "ordering": ["-received_on", "-id"],
                "managed": False,
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="Receipt",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "serial",
                    models.PositiveBigIntegerField(
                        db_default=0, editable=False, unique=True, verbose_name="serial number"
                    ),
                ),
                ("issued_at", models.DateTimeField(verbose_name="issued at")),
                (
                    "country",
                    models.CharField(
                        blank=True,
                        help_text="Whose tax sentence it has; empty for the general one.",
                        max_length=2,
                        verbose_name="country",
                    ),
                ),
                ("tax_sentence", models.TextField(verbose_name="tax sentence")),
                (
                    "downloaded_at",
                    models.DateTimeField(
                        help_text="Every later download says that it is a copy.",
                        null=True,
                        verbose_name="first downloaded at",
                    ),
                ),
            ],
            options={
                "verbose_name": "receipt",
                "verbose_name_plural": "receipts",
                "ordering": ["-pk"],
            },
        ),
        migrations.CreateModel(
            name="TaxSentence",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "country",
                    models.CharField(
                        help_text="Two capital letters of a country, like AR or ES.",
                        max_length=2,
                        validators=[donations.models.receipt.validate_country],
                        verbose_name="country",
                    ),
                ),
                ("language", models.CharField(max_length=5, verbose_name="language")),
                (
                    "sentence",
                    models.TextField(
                        help_text="Stands on receipts from now on, where a supporter names this country. Receipts issued before keep theirs.",
                        max_length=500,
                        verbose_name="sentence",
                    ),
                ),
            ],
            options={
                "verbose_name": "tax sentence",
                "verbose_name_plural": "tax sentences",
                "ordering": ["country", "language"],
            },
        ),
        migrations.AlterModelOptions(
            name="letter",
            options={
                "ordering": ["-pk"],
                "permissions": [
                    ("resend_letter", "Can have a receipt sent again"),
                    ("note_bounce_letter", "Can note that a letter came back"),
                ],
                "verbose_name": "letter",
                "verbose_name_plural": "letters",
            },
        ),
        migrations.AlterModelOptions(
            name="pledge",
            options={
                "ordering": ["-pk"],
                "permissions": [
                    ("readdress_pledge", "Can have a gift's letters sent to another address"),
                    ("hide_name_pledge", "Can take a name off the public pages"),
                ],
                "verbose_name": "pledge",
                "verbose_name_plural": "pledges",
            },
        ),
        migrations.RemoveConstraint(
            model_name="letter",
            name="letter_receipt_names_its_donation",
        ),
        migrations.RemoveIndex(
            model_name="letter",
            name="letter_unsent",
        ),
        migrations.AddField(
            model_name="letter",
            name="bounced_at",
            field=models.DateTimeField(
                help_text="When a mail server said for good that it does not know the address.",
                null=True,
                verbose_name="bounced at",
            ),
        ),
        migrations.AddField(
            model_name="letter",
            name="supporter",
            field=models.ForeignKey(
                help_text="To whom, when no longer to the gift's own address.",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="letters",
                to="donations.supporter",
                verbose_name="supporter",
            ),
        ),
        migrations.AddField(
            model_name="pledge",
            name="country",
            field=models.CharField(
                blank=True,
                help_text="For the tax sentence on receipts.",
                max_length=2,
                verbose_name="country",
            ),
        ),
        migrations.AddField(
            model_name="pledge",
            name="erased_at",
            field=models.DateTimeField(
                help_text="When who gave it asked to be forgotten.",
                null=True,
                verbose_name="erased at",
            ),
        ),
        migrations.AddField(
            model_name="pledge",
            name="link_version",
            field=models.PositiveSmallIntegerField(
                default=1,
                help_text="Raised when letters go to another address: links made before open nothing.",
                verbose_name="version of the private link",
            ),
        ),
        migrations.AddField(
            model_name="pledge",
            name="public_name",
            field=defensefund.privacy.EncryptedTextField(
                blank=True,
                help_text="Only where the supporter chose to show one.",
                verbose_name="public name",
            ),
        ),
        migrations.AddField(
            model_name="pledge",
            name="receipt_name",
            field=defensefund.privacy.EncryptedTextField(
                blank=True, verbose_name="name on receipts"
            ),
        ),
        migrations.AddField(
            model_name="pledge",
            name="receipt_names_fund",
            field=models.BooleanField(
                default=False,
                help_text="Otherwise they call the gift a donation, and no more.",
                verbose_name="receipts name the purpose",
            ),
        ),
        migrations.AddField(
            model_name="pledge",
            name="visibility",
            field=models.CharField(
                choices=[
                    ("secret", "nothing"),
                    ("amount", "the amount"),
                    ("name", "the amount and a name"),
                ],
                default="secret",
                max_length=6,
                verbose_name="others see",
            ),
        ),
        migrations.AlterField(
            model_name="letter",
            name="kind",
            field=models.CharField(
                choices=[
                    ("receipt", "receipt"),
                    ("transfer_details", "details for the transfer"),
                    ("payment_failed", "a payment did not go through"),
                    ("action_required", "a payment is to be confirmed"),
                    ("upcoming_charge", "reminder before a monthly charge"),
                    ("monthly_stopped", "the monthly gift has ended"),
                    ("promise", "what was promised"),
                    ("reminder", "reminder of a promise"),
                    ("receipt_copy", "copy of a receipt"),
                    ("statement", "yearly statement"),
                    ("new_link", "new private link"),
                    ("address_changed", "letters go elsewhere"),
                ],
                max_length=20,
                verbose_name="kind",
            ),
        ),
        migrations.AddIndex(
            model_name="letter",
            index=models.Index(
                condition=models.Q(("bounced_at", None), ("sent_at", None)),
                fields=["due_at"],
                name="letter_unsent",
            ),
        ),
        migrations.AddConstraint(
            model_name="letter",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("kind__in", ["receipt", "receipt_copy"]), _negated=True),
                    ("donation__isnull", False),
                    _connector="OR",
                ),
                name="letter_receipt_names_its_donation",
            ),
        ),
        migrations.AddConstraint(
            model_name="letter",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("supporter", None), ("kind", "address_changed"), _connector="OR"
                ),
                name="letter_elsewhere_tells_of_that",
            ),
        ),
        migrations.AddConstraint(
            model_name="pledge",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("visibility", "name"), models.Q(("public_name", ""), _negated=True)),
                    models.Q(("public_name", ""), ("visibility__in", ["secret", "amount"])),
                    _connector="OR",
                ),
                name="pledge_public_name_only_where_chosen",
            ),
        ),
        migrations.AddConstraint(
            model_name="pledge",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("erased_at", None),
                    models.Q(
                        ("country", ""),
                        ("public_name", ""),
                        ("receipt_name", ""),
                        ("supporter", None),
                        ("visibility", "secret"),
                    ),
                    _connector="OR",
                ),
                name="pledge_erased_names_nobody",
            ),
        ),
        migrations.AddField(
            model_name="receipt",
            name="donation",
            field=models.OneToOneField(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="receipt",
                to="donations.donation",
                verbose_name="donation",
            ),
        ),
        migrations.AddConstraint(
            model_name="taxsentence",
            constraint=models.UniqueConstraint(
                fields=("country", "language"),
                name="tax_sentence_once_per_language",
                violation_error_message="This country has a sentence in this language already.",
            ),
        ),
        migrations.AddConstraint(
            model_name="taxsentence",
            constraint=models.CheckConstraint(
                condition=models.Q(("country__regex", "^[A-Z]{2}$")),
                name="tax_sentence_country_two_capitals",
            ),
        ),
        migrations.AddConstraint(
            model_name="taxsentence",
            constraint=models.CheckConstraint(
                condition=models.Q(("sentence", ""), _negated=True), name="tax_sentence_not_empty"
            ),
        ),
        migrations.AddConstraint(
            model_name="receipt",
            constraint=models.CheckConstraint(
                condition=models.Q(("tax_sentence", ""), _negated=True),
                name="receipt_says_something_on_taxes",
            ),
        ),
        migrations.RunSQL(RECEIPT, RECEIPT_BACK),
        migrations.RunSQL(PUBLIC_GIFT, PUBLIC_GIFT_BACK),
    ]
