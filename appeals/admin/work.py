"""What of the texts waits for whom."""

from django.contrib.auth.models import User
from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone
from django.utils.translation import ngettext

from appeals.models import Case, Figure, Update, UpdateText
from defensefund.work import Work, offer


def to_review(user: User) -> QuerySet[Update]:
    """Not what the person wrote themselves."""
    own = UpdateText.objects.filter(update=OuterRef("pk"), written_by=user)
    return Update.objects.waiting().exclude(created_by=user).exclude(Exists(own))


offer(
    Work(
        "appeals.review_update",
        to_review,
        lambda count: ngettext("update to review", "updates to review", count),
        "admin:appeals_update_changelist",
        "state=submitted",
    ),
    Work(
        "appeals.change_update",
        lambda _user: Update.objects.drafts(),
        lambda count: ngettext("update in draft, to submit", "updates in draft, to submit", count),
        "admin:appeals_update_changelist",
        "state=draft",
    ),
    Work(
        "appeals.publish_update",
        lambda _user: Update.objects.publishable(),
        lambda count: ngettext(
            "update reviewed, to be published", "updates reviewed, to be published", count
        ),
        "admin:appeals_update_changelist",
        "state=reviewed",
    ),
    Work(
        "appeals.view_case",
        lambda _user: Case.objects.heard_soon(timezone.now().date()),
        lambda count: ngettext(
            "case with a hearing within seven days",
            "cases with a hearing within seven days",
            count,
        ),
        "admin:appeals_case_changelist",
        "hearing=soon",
    ),
    Work(
        "appeals.confirm_figure",
        lambda _user: Figure.objects.proposed(),
        lambda count: ngettext("figure to confirm", "figures to confirm", count),
        "admin:appeals_figure_changelist",
        "confirmed=no",
    ),
)
