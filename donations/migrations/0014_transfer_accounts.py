"""By what each account is addressed, and check digits that the database computes itself."""

from django.db import migrations, models

VALID = """
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

-- Accounts from before are told by their numbers.
UPDATE donations_bankaccount SET scheme = 'iban' WHERE donations_iban_is_valid(number);
UPDATE donations_bankaccount SET scheme = 'cbu' WHERE donations_cbu_is_valid(number) AND bic = '';

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
ALTER TABLE donations_bankaccount
    DROP CONSTRAINT bank_account_iban_valid,
    DROP CONSTRAINT bank_account_holder_fits,
    DROP CONSTRAINT bank_account_cbu_valid,
    DROP CONSTRAINT bank_account_alias_valid,
    DROP CONSTRAINT bank_account_uk_number_valid,
    DROP CONSTRAINT bank_account_sort_code_valid,
    DROP CONSTRAINT bank_account_bic_valid,
    DROP CONSTRAINT bank_account_pix_key_valid;
DROP FUNCTION donations_pix_key_is_valid(text, text);
DROP FUNCTION donations_cbu_is_valid(text);
DROP FUNCTION donations_weighted(text, integer[]);
DROP FUNCTION donations_iban_is_valid(text);
"""


class Migration(migrations.Migration):
    dependencies = [
        ("donations", "0013_change_says_what"),
    ]

    operations = [
        migrations.AddField(
            model_name="bankaccount",
            name="alias",
            field=models.CharField(
                blank=True,
                help_text="Of a CBU or CVU, like casa.mate.sol.",
                max_length=20,
                verbose_name="alias",
            ),
        ),
        migrations.AddField(
            model_name="bankaccount",
            name="bank",
            field=models.CharField(
                blank=True,
                help_text="The bank's name, for supporters.",
                max_length=80,
                verbose_name="bank",
            ),
        ),
        migrations.AddField(
            model_name="bankaccount",
            name="pix_key",
            field=models.CharField(blank=True, max_length=77, verbose_name="Pix key"),
        ),
        migrations.AddField(
            model_name="bankaccount",
            name="pix_kind",
            field=models.CharField(
                blank=True,
                choices=[
                    ("cpf", "CPF"),
                    ("cnpj", "CNPJ"),
                    ("email", "e-mail"),
                    ("phone", "telephone number"),
                    ("random", "random key"),
                ],
                max_length=6,
                verbose_name="kind of Pix key",
            ),
        ),
        migrations.AddField(
            model_name="bankaccount",
            name="scheme",
            field=models.CharField(
                choices=[
                    ("iban", "IBAN"),
                    ("cbu", "CBU, CVU or alias (Argentina)"),
                    ("sort_code", "sort code and account number (United Kingdom)"),
                    ("pix", "Pix key (Brazil)"),
                    ("other", "another kind of number"),
                ],
                default="other",
                max_length=10,
                verbose_name="kind of number",
            ),
        ),
        migrations.AddField(
            model_name="bankaccount",
            name="sort_code",
            field=models.CharField(
                blank=True,
                help_text="Six digits, like 12-34-56.",
                max_length=6,
                verbose_name="sort code",
            ),
        ),
        migrations.AlterField(
            model_name="bankaccount",
            name="bic",
            field=models.CharField(
                blank=True,
                help_text="Of an IBAN, or another number abroad.",
                max_length=11,
                verbose_name="BIC",
            ),
        ),
        migrations.AlterField(
            model_name="bankaccount",
            name="holder",
            field=models.CharField(
                blank=True,
                help_text="As the bank knows it. It stands on supporters' statements: best a name that says nothing of the cause.",
                max_length=120,
                verbose_name="account holder",
            ),
        ),
        migrations.AlterField(
            model_name="bankaccount",
            name="instructions",
            field=models.TextField(
                blank=True,
                help_text="What else supporters should know, shown below the numbers and their steps.",
                verbose_name="instructions",
            ),
        ),
        migrations.AlterField(
            model_name="bankaccount",
            name="name",
            field=models.CharField(
                help_text="How the office calls it; supporters do not see it.",
                max_length=80,
                verbose_name="name",
            ),
        ),
        migrations.AlterField(
            model_name="bankaccount",
            name="number",
            field=models.CharField(
                blank=True,
                help_text="IBAN, CBU or CVU, or the number by which the bank's files name the account.",
                max_length=40,
                verbose_name="account number",
            ),
        ),
        migrations.RunSQL(VALID, VALID_BACK),
        migrations.AddConstraint(
            model_name="bankaccount",
            constraint=models.CheckConstraint(
                condition=models.Q(("scheme__in", ["iban", "cbu", "sort_code", "pix", "other"])),
                name="bank_account_scheme_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="bankaccount",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("scheme__in", ["iban", "other"]), ("bic", ""), _connector="OR"),
                    models.Q(("scheme", "cbu"), ("alias", ""), _connector="OR"),
                    models.Q(("scheme", "sort_code"), ("sort_code", ""), _connector="OR"),
                    models.Q(
                        ("scheme", "pix"),
                        models.Q(("pix_key", ""), ("pix_kind", "")),
                        _connector="OR",
                    ),
                ),
                name="bank_account_numbers_of_its_scheme",
                violation_error_message="These numbers are not all of one kind.",
            ),
        ),
        migrations.AddConstraint(
            model_name="bankaccount",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("takes_gifts", False),
                    models.Q(
                        models.Q(("holder", ""), _negated=True),
                        models.Q(
                            models.Q(
                                ("scheme__in", ["iban", "other"]),
                                models.Q(("number", ""), _negated=True),
                            ),
                            models.Q(
                                ("scheme", "cbu"),
                                models.Q(
                                    models.Q(("number", ""), _negated=True),
                                    models.Q(("alias", ""), _negated=True),
                                    _connector="OR",
                                ),
                            ),
                            models.Q(
                                ("scheme", "sort_code"),
                                models.Q(("number", ""), _negated=True),
                                models.Q(("sort_code", ""), _negated=True),
                            ),
                            models.Q(("scheme", "pix"), models.Q(("pix_key", ""), _negated=True)),
                            _connector="OR",
                        ),
                    ),
                    _connector="OR",
                ),
                name="bank_account_taking_gifts_is_complete",
                violation_error_message="Supporters need the account holder and a number to send money to.",
            ),
        ),
    ]
