"""Draft the fund's policy and enact it: by two people, from a day on, and never changed afterwards."""

from datetime import date, datetime

from django.contrib.auth.models import User
from django.db import connection, transaction
from django.utils.translation import gettext as _

from appeals.consent import refuse_plain_names
from defensefund.templatetags.formats import plain_day

from .models import BankAccount, Policy, PolicyCap, PolicyKind, PolicyLimit, PolicyText


class PolicyError(Exception):
    """A step with the policy that is refused; the message is a sentence for the office."""


class SamePerson(PolicyError):
    """Who drafted a version, or changed it last, does not enact it."""


class WrongState(PolicyError):
    """Enacted already."""


class ContentChanged(PolicyError):
    """The draft is no longer what the person saw."""


class WrongDay(PolicyError):
    """It would be in force before it is enacted."""


class Incomplete(PolicyError):
    """Something is missing without which the rules cannot be applied."""


# What a new version starts with. Not that it is a sample: whoever drafts it makes the rules their own.
COPIED = (
    "not_eligible", "approvers", "emergency_hours", "reserve_percent", "admin_percent", "fund_order", "fee_order", "surplus_order",
    "partner", "dormant_months", "dissolution",
)  # fmt: skip


@transaction.atomic
def draft(*, in_force_from: date, by: User, at: datetime) -> Policy:
    """A new draft with all the rules of the newest version; an empty one where there is none yet."""
    newest = Policy.objects.enacted().order_by("-version").with_rules().first()
    copied = {name: getattr(newest, name) for name in COPIED} if newest else {}
    made = Policy.objects.create(
        in_force_from=in_force_from, drafted_by=by, drafted_at=at, **copied
    )
    if newest:
        PolicyKind.objects.bulk_create(
            PolicyKind(
                policy=made, kind=each.kind, documents=each.documents, is_admin=each.is_admin
            )
            for each in newest.kinds.all()
        )
        PolicyCap.objects.bulk_create(
            PolicyCap(policy=made, kind=each.kind, currency=each.currency, amount=each.amount)
            for each in newest.caps.all()
        )
        PolicyText.objects.bulk_create(
            PolicyText(policy=made, language=each.language, body=each.body)
            for each in newest.texts.all()
        )
        PolicyLimit.objects.bulk_create(
            PolicyLimit(
                policy=made,
                currency=each.currency,
                third_person_above=each.third_person_above,
                emergency_up_to=each.emergency_up_to,
                fee_alone_up_to=each.fee_alone_up_to,
            )
            for each in newest.limits.all()
        )
    return made


@transaction.atomic
def enact(policy: Policy, *, content_hash: str, by: User, at: datetime) -> Policy:
    """Makes the draft a version, exactly as `content_hash` stands for it. Raises PolicyError's kinds, and NameInText where
    a text names a defendant: a version is kept for ever and read by everybody.

    It gets the next number; from its day on it is what gifts, costs and payments are measured by.
    """
    with connection.cursor() as cursor:
        # Two at once would take the same number.
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('donations.policy'))")
    row = Policy.objects.select_for_update().with_rules().get(pk=policy.pk)
    if row.is_enacted:
        raise WrongState(_("This version is enacted already."))
    if row.drafted_by_id == by.pk:
        raise SamePerson(
            _("You drafted this version, or changed it last: another person must enact it.")
        )
    if row.content_hash != content_hash:
        raise ContentChanged(
            _("The draft was changed after you opened it. Read it again, then decide.")
        )
    if row.in_force_from < at.date():
        raise WrongDay(
            _("It would be in force since %(day)s, before it is enacted: choose a later day.")
            % {"day": plain_day(row.in_force_from)}
        )
    _check_complete(row)
    refuse_plain_names([row.dissolution, *(text.body for text in row.texts.all())])
    newest = Policy.objects.enacted().order_by("-version").first()
    row.version = (newest.version or 0) + 1 if newest else 1
    row.enacted_by, row.enacted_at = by, at
    row.save(update_fields=["version", "enacted_by", "enacted_at"])
    return row


def _check_complete(row: Policy) -> None:
    kinds = {each.kind for each in row.kinds.all()}
    if not kinds:
        raise Incomplete(_("The draft names no kind of cost the fund pays: add one."))
    for cap in row.caps.all():
        if cap.kind not in kinds:
            raise Incomplete(
                _("There is a cap for “%(kind)s”, which is not among the costs the fund pays.")
                % {"kind": cap.get_kind_display()}
            )
    if not row.dissolution.strip():
        raise Incomplete(
            _(
                "The draft does not say to whom what is left goes when the fund is dissolved: say it."
            )
        )
    if row.admin_percent is not None and not any(each.is_admin for each in row.kinds.all()):
        raise Incomplete(
            _("There is a cap for administration, and no kind of cost counts as it: mark one.")
        )
    held = set(BankAccount.objects.filter(closed_on=None).values_list("currency", flat=True))
    without = sorted(held - {each.currency for each in row.limits.all()})
    if without:
        raise Incomplete(
            _(
                "The fund has an account in %(currencies)s: say how many people a payment needs there."
            )
            % {"currencies": ", ".join(without)}
        )
