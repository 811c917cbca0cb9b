"""What the models promise and constraints cannot say: reviews end with an edit, names need consent.

Triggers are ENABLE ALWAYS, so that a session in replica mode keeps the rules too.
"""

from django.db import migrations

# A name is public while a consent that covers it is neither withdrawn, nor expired, nor dated in the future.
VIEWS = """
CREATE VIEW appeals_valid_consent AS
SELECT defendant_id,
       bool_or(has_name) AS has_name,
       bool_or(has_charge) AS has_charge,
       (array_agg(source ORDER BY source = 'published', id) FILTER (WHERE has_name))[1] AS name_source
FROM appeals_consent
WHERE withdrawn_at IS NULL
  AND (expires_on IS NULL OR expires_on >= (now() AT TIME ZONE 'UTC')::date)
  AND (given_on IS NULL OR given_on <= (now() AT TIME ZONE 'UTC')::date)
GROUP BY defendant_id;

CREATE VIEW appeals_public_defendant AS
SELECT DISTINCT ON (d.id, c.appeal_id)
       d.id || '-' || c.appeal_id AS id,
       d.id AS defendant_id,
       c.appeal_id,
       d.key,
       d.alias,
       CASE WHEN v.has_name THEN i.name END AS name,
       CASE WHEN v.has_name AND i.name IS NOT NULL THEN v.name_source END AS name_source
FROM appeals_defendant d
JOIN appeals_defendant_cases dc ON dc.defendant_id = d.id
JOIN appeals_case c ON c.id = dc.case_id AND c.published_at IS NOT NULL
JOIN appeals_appeal a ON a.id = c.appeal_id AND a.published_at IS NOT NULL
LEFT JOIN appeals_valid_consent v ON v.defendant_id = d.id
LEFT JOIN appeals_identity i ON i.defendant_id = d.id
ORDER BY d.id, c.appeal_id;

CREATE VIEW appeals_public_party AS
SELECT d.id || '-' || c.id AS id,
       d.id AS defendant_id,
       c.id AS case_id,
       d.key,
       d.alias,
       CASE WHEN p.is_shown THEN i.name END AS name,
       CASE WHEN p.is_shown AND i.name IS NOT NULL THEN v.name_source END AS name_source
FROM appeals_defendant d
JOIN appeals_defendant_cases dc ON dc.defendant_id = d.id
JOIN appeals_case c ON c.id = dc.case_id AND c.published_at IS NOT NULL
JOIN appeals_appeal a ON a.id = c.appeal_id AND a.published_at IS NOT NULL
LEFT JOIN appeals_valid_consent v ON v.defendant_id = d.id
LEFT JOIN appeals_identity i ON i.defendant_id = d.id
CROSS JOIN LATERAL (
    SELECT v.has_name AND (
        v.has_charge
        OR NOT EXISTS (SELECT FROM appeals_casetext t WHERE t.case_id = c.id AND t.charge <> '')
    ) AS is_shown
) p;
"""
VIEWS_REVERSE = """
DROP VIEW appeals_public_party;
DROP VIEW appeals_public_defendant;
DROP VIEW appeals_valid_consent;
"""

CONSENT = """
CREATE FUNCTION appeals_consent_is_only_withdrawn() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE'
       AND OLD.withdrawn_at IS NULL AND NEW.withdrawn_at IS NOT NULL
       AND to_jsonb(NEW) - 'withdrawn_at' - 'withdrawn_by_id'
         = to_jsonb(OLD) - 'withdrawn_at' - 'withdrawn_by_id'
    THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'a recorded consent is only ever withdrawn'
        USING ERRCODE = 'restrict_violation', CONSTRAINT = 'consent_is_only_withdrawn';
END $$;
CREATE TRIGGER consent_is_only_withdrawn BEFORE UPDATE OR DELETE ON appeals_consent
    FOR EACH ROW EXECUTE FUNCTION appeals_consent_is_only_withdrawn();
ALTER TABLE appeals_consent ENABLE ALWAYS TRIGGER consent_is_only_withdrawn;
"""
CONSENT_REVERSE = """
DROP TRIGGER consent_is_only_withdrawn ON appeals_consent;
DROP FUNCTION appeals_consent_is_only_withdrawn();
"""

# The lock on the update's row puts an edit and a review of the same text one after the other.
REVIEW = """
CREATE FUNCTION appeals_update_hash(update_id bigint) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT encode(sha256(convert_to(
        string_agg(jsonb_build_array(t.language, t.title, t.body)::text, E'\\n'
                   ORDER BY t.language COLLATE "C"), 'UTF8')), 'hex')
    FROM appeals_updatetext t WHERE t.update_id = $1
$$;

CREATE FUNCTION appeals_update_keeps_order() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    was_reviewed boolean := false;
    was_published boolean := false;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF NEW.created_by_id <> OLD.created_by_id THEN
            RAISE EXCEPTION 'the author of an update stays its author'
                USING ERRCODE = 'restrict_violation', CONSTRAINT = 'update_author_stays';
        END IF;
        IF OLD.reviewed_at IS NOT NULL
           AND (NEW.slug, NEW.appeal_id) <> (OLD.slug, OLD.appeal_id)
           OR OLD.reviewed_at IS NOT NULL AND NEW.case_id IS DISTINCT FROM OLD.case_id
        THEN
            NEW.submitted_at := NULL; NEW.submitted_by_id := NULL;
            NEW.reviewed_at := NULL; NEW.reviewed_by_id := NULL; NEW.reviewed_hash := '';
            NEW.published_at := NULL; NEW.published_by_id := NULL;
        END IF;
        was_reviewed := OLD.reviewed_at IS NOT NULL
            AND (NEW.reviewed_hash, NEW.reviewed_by_id) IS NOT DISTINCT FROM (OLD.reviewed_hash, OLD.reviewed_by_id);
        was_published := OLD.published_at IS NOT NULL;
    END IF;
    IF NEW.reviewed_at IS NOT NULL AND NOT was_reviewed
       OR NEW.published_at IS NOT NULL AND NOT was_published
    THEN
        IF NEW.reviewed_hash IS DISTINCT FROM appeals_update_hash(NEW.id) THEN
            RAISE EXCEPTION 'the review is of another text than the present one'
                USING ERRCODE = 'restrict_violation', CONSTRAINT = 'update_review_of_present_text';
        END IF;
        IF EXISTS (SELECT FROM appeals_updatetext t
                   WHERE t.update_id = NEW.id AND t.written_by_id = NEW.reviewed_by_id) THEN
            RAISE EXCEPTION 'an update is reviewed by somebody who wrote none of it'
                USING ERRCODE = 'restrict_violation', CONSTRAINT = 'update_reviewer_wrote_none_of_it';
        END IF;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER update_keeps_order BEFORE INSERT OR UPDATE ON appeals_update
    FOR EACH ROW EXECUTE FUNCTION appeals_update_keeps_order();
ALTER TABLE appeals_update ENABLE ALWAYS TRIGGER update_keeps_order;

CREATE FUNCTION appeals_edit_voids_review() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    ids bigint[] := CASE TG_OP
        WHEN 'INSERT' THEN ARRAY[NEW.update_id]
        WHEN 'DELETE' THEN ARRAY[OLD.update_id]
        ELSE ARRAY[OLD.update_id, NEW.update_id] END;
BEGIN
    PERFORM 1 FROM appeals_update WHERE id = ANY (ids) ORDER BY id FOR UPDATE;
    UPDATE appeals_update
    SET submitted_at = NULL, submitted_by_id = NULL,
        reviewed_at = NULL, reviewed_by_id = NULL, reviewed_hash = '',
        published_at = NULL, published_by_id = NULL
    WHERE id = ANY (ids) AND reviewed_at IS NOT NULL;
    RETURN NULL;
END $$;
CREATE TRIGGER edit_voids_review AFTER INSERT OR DELETE ON appeals_updatetext
    FOR EACH ROW EXECUTE FUNCTION appeals_edit_voids_review();
ALTER TABLE appeals_updatetext ENABLE ALWAYS TRIGGER edit_voids_review;
CREATE TRIGGER change_voids_review AFTER UPDATE ON appeals_updatetext
    FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION appeals_edit_voids_review();
ALTER TABLE appeals_updatetext ENABLE ALWAYS TRIGGER change_voids_review;

ALTER TABLE appeals_update ADD CONSTRAINT update_case_of_same_appeal
    FOREIGN KEY (case_id, appeal_id) REFERENCES appeals_case (id, appeal_id)
    DEFERRABLE INITIALLY DEFERRED;
"""
REVIEW_REVERSE = """
ALTER TABLE appeals_update DROP CONSTRAINT update_case_of_same_appeal;
DROP TRIGGER change_voids_review ON appeals_updatetext;
DROP TRIGGER edit_voids_review ON appeals_updatetext;
DROP FUNCTION appeals_edit_voids_review();
DROP TRIGGER update_keeps_order ON appeals_update;
DROP FUNCTION appeals_update_keeps_order();
DROP FUNCTION appeals_update_hash(bigint);
"""

# A confirmation is of one number, sentence and source: a change asks for a new one.
FIGURES = """
CREATE FUNCTION appeals_figure_change_voids_confirmation() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.confirmed_at IS NOT NULL
       AND (OLD.value, OLD.is_more_than, OLD.unit, OLD.sentence, OLD.source_id, OLD.appeal_id)
           IS DISTINCT FROM
           (NEW.value, NEW.is_more_than, NEW.unit, NEW.sentence, NEW.source_id, NEW.appeal_id)
    THEN
        NEW.confirmed_at := NULL; NEW.confirmed_by_id := NULL;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER figure_change_voids_confirmation BEFORE UPDATE ON appeals_figure
    FOR EACH ROW EXECUTE FUNCTION appeals_figure_change_voids_confirmation();
ALTER TABLE appeals_figure ENABLE ALWAYS TRIGGER figure_change_voids_confirmation;

CREATE FUNCTION appeals_figure_text_change_voids_confirmation() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    ids bigint[] := CASE TG_OP
        WHEN 'INSERT' THEN ARRAY[NEW.figure_id]
        WHEN 'DELETE' THEN ARRAY[OLD.figure_id]
        ELSE ARRAY[OLD.figure_id, NEW.figure_id] END;
BEGIN
    UPDATE appeals_figure SET confirmed_at = NULL, confirmed_by_id = NULL
    WHERE id = ANY (ids) AND confirmed_at IS NOT NULL;
    RETURN NULL;
END $$;
CREATE TRIGGER figure_text_edit_voids_confirmation AFTER INSERT OR DELETE ON appeals_figuretext
    FOR EACH ROW EXECUTE FUNCTION appeals_figure_text_change_voids_confirmation();
ALTER TABLE appeals_figuretext ENABLE ALWAYS TRIGGER figure_text_edit_voids_confirmation;
CREATE TRIGGER figure_text_change_voids_confirmation AFTER UPDATE ON appeals_figuretext
    FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*)
    EXECUTE FUNCTION appeals_figure_text_change_voids_confirmation();
ALTER TABLE appeals_figuretext ENABLE ALWAYS TRIGGER figure_text_change_voids_confirmation;
"""
FIGURES_REVERSE = """
DROP TRIGGER figure_text_change_voids_confirmation ON appeals_figuretext;
DROP TRIGGER figure_text_edit_voids_confirmation ON appeals_figuretext;
DROP FUNCTION appeals_figure_text_change_voids_confirmation();
DROP TRIGGER figure_change_voids_confirmation ON appeals_figure;
DROP FUNCTION appeals_figure_change_voids_confirmation();
"""

# Both directions: publishing without a text, and taking the text from under a published page.
# Deferred, so that one transaction may replace a text by another.
TEXTS = """
CREATE FUNCTION appeals_published_appeal_has_text() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    changed_id bigint;
BEGIN
    IF TG_TABLE_NAME = 'appeals_appeal' THEN
        changed_id := NEW.id;
    ELSE
        changed_id := OLD.appeal_id;
    END IF;
    IF EXISTS (
        SELECT FROM appeals_appeal a
        WHERE a.id = changed_id
          AND a.published_at IS NOT NULL
          AND NOT EXISTS (SELECT FROM appeals_appealtext t
                          WHERE t.appeal_id = a.id AND t.language = a.default_language)
    ) THEN
        RAISE EXCEPTION 'a published appeal has a text in its main language'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'published_appeal_has_text';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER published_appeal_has_text AFTER INSERT OR UPDATE ON appeals_appeal
    DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (NEW.published_at IS NOT NULL) EXECUTE FUNCTION appeals_published_appeal_has_text();
ALTER TABLE appeals_appeal ENABLE ALWAYS TRIGGER published_appeal_has_text;
CREATE CONSTRAINT TRIGGER published_appeal_keeps_text AFTER UPDATE OR DELETE ON appeals_appealtext
    DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION appeals_published_appeal_has_text();
ALTER TABLE appeals_appealtext ENABLE ALWAYS TRIGGER published_appeal_keeps_text;

CREATE FUNCTION appeals_published_case_has_text() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    changed_id bigint;
BEGIN
    IF TG_TABLE_NAME = 'appeals_case' THEN
        changed_id := NEW.id;
    ELSE
        changed_id := OLD.case_id;
    END IF;
    IF EXISTS (
        SELECT FROM appeals_case c
        WHERE c.id = changed_id
          AND c.published_at IS NOT NULL
          AND NOT EXISTS (SELECT FROM appeals_casetext t WHERE t.case_id = c.id)
    ) THEN
        RAISE EXCEPTION 'a published case has a text'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'published_case_has_text';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER published_case_has_text AFTER INSERT OR UPDATE ON appeals_case
    DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (NEW.published_at IS NOT NULL) EXECUTE FUNCTION appeals_published_case_has_text();
ALTER TABLE appeals_case ENABLE ALWAYS TRIGGER published_case_has_text;
CREATE CONSTRAINT TRIGGER published_case_keeps_text AFTER UPDATE OR DELETE ON appeals_casetext
    DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION appeals_published_case_has_text();
ALTER TABLE appeals_casetext ENABLE ALWAYS TRIGGER published_case_keeps_text;
"""
TEXTS_REVERSE = """
DROP TRIGGER published_case_keeps_text ON appeals_casetext;
DROP TRIGGER published_case_has_text ON appeals_case;
DROP FUNCTION appeals_published_case_has_text();
DROP TRIGGER published_appeal_keeps_text ON appeals_appealtext;
DROP TRIGGER published_appeal_has_text ON appeals_appeal;
DROP FUNCTION appeals_published_appeal_has_text();
"""


class Migration(migrations.Migration):
    dependencies = [("appeals", "0001_initial")]

    operations = [
        migrations.RunSQL(VIEWS, VIEWS_REVERSE),
        migrations.RunSQL(CONSENT, CONSENT_REVERSE),
        migrations.RunSQL(REVIEW, REVIEW_REVERSE),
        migrations.RunSQL(FIGURES, FIGURES_REVERSE),
        migrations.RunSQL(TEXTS, TEXTS_REVERSE),
    ]
