"""Who may do what: the one table of groups and permissions, and how it gets into the database.

An organizer never meets a donor or a payee's account; who asks for a payment does not approve it (the database
refuses that too, superusers included); an auditor reads the books and never who gave.
"""

from django.apps import apps
from django.contrib.auth.management import create_permissions
from django.contrib.auth.models import Group, Permission, User
from django.db import transaction
from django.db.models import QuerySet

OUR_APPS = ("appeals", "donations", "sandbox", "defensefund")


def _may(acts: str, app: str, models: str) -> frozenset[str]:
    return frozenset(f"{app}.{act}_{model}" for act in acts.split() for model in models.split())


PUBLIC_TEXTS = "appeal appealtext case casetext hearing source figure figuretext update updatetext"
SPENDING = (
    "fund legalcost costdocument costshare costinstalment owedchange allocation disbursement fundcover exchange"
    " surplusmove partnerpayment bailoutcome objection umavalue umapayment payee payeeaccount sealingkey conflict staffaccount"
)
BOOKS = (
    "account entry reversal donation refund receipt payout balancetransaction movementexplanation"
    " lineexplanation"
)
REFUNDS = "refundrequest dispute fraudwarning"
POLICY = "policy policykind policycap policylimit policytext"
BANK = "bankaccount statementimport statementline statementmatch"

GROUPS: dict[str, frozenset[str]] = {
    # Writes what the public reads and keeps the defendants' consents; sees no money but the public figures.
    "organizer": _may("view add change", "appeals", PUBLIC_TEXTS)
    | _may("delete", "appeals", "appealtext casetext hearing source figure figuretext updatetext")
    | _may("view add change", "appeals", "defendant identity")
    | _may("identify", "appeals", "defendant")
    | _may("record withdraw", "appeals", "consent")
    | _may("view", "appeals", "consent")
    | _may("publish", "appeals", "appeal case update")
    | _may("confirm", "appeals", "figure"),
    # Matches every unit of money, sets it aside, asks for payments and makes approved ones.
    "treasurer": _may("view", "donations", f"{SPENDING} {BOOKS} {BANK} {REFUNDS}")
    | _may("add change", "donations", "fund legalcost costdocument bankaccount")
    | _may("view add change", "donations", POLICY)
    | _may("view", "donations", "pledge checkout supporter letter stripeevent")
    | _may("view", "donations", "subscription subscriptionchange monthlycharge")
    | _may("allocate", "donations", "fund")
    | _may("export", "donations", "entry")
    | _may("enter", "donations", "umavalue")
    | _may("view request", "donations", "pastimport")
    | _may("view forget", "donations", "pastrow")
    | _may("forget", "donations", "statementline")
    | _may("request pay object answer", "donations", "disbursement")
    | _may("request", "donations", "fundcover surplusmove movementexplanation")
    | _may("request pay", "donations", "partnerpayment")
    | _may("record", "donations", "exchange bailoutcome")
    | _may("record unseal", "donations", "payee")
    | _may("register", "donations", "sealingkey")
    | _may("record", "donations", "conflict")
    | _may("declare", "donations", "staffaccount")
    | _may("import", "donations", "statement rate")
    | _may("view verify close", "donations", "period")
    | _may("view", "donations", "rate")
    | _may("request pay", "donations", "refundrequest")
    | _may("accept", "donations", "dispute payout")
    | _may("match", "donations", "statementline")
    | _may("retry", "donations", "stripeevent")
    | _may("ask", "donations", "stripe")
    | _may("view", "donations", "decline paymentpause")
    | _may("switch", "donations", "payment")
    | _may("resend note_bounce", "donations", "letter")
    | _may("readdress hide_name", "donations", "pledge")
    | _may("add change view", "donations", "taxsentence")
    | _may("view record void", "donations", "cashreceipt")
    | _may("view add call_off", "donations", "condition")
    | _may("view", "donations", "keptcard cardcharge instalment")
    | _may("view record", "donations", "cashdeposit")
    | _may("view", "appeals", "appeal case defendant"),
    # The second person: for money going out, and for a text going public.
    "approver": _may(
        "view",
        "donations",
        f"{SPENDING} {REFUNDS} {POLICY} account entry movementexplanation lineexplanation",
    )
    | _may("enact", "donations", "policy")
    | _may("view close", "donations", "period")
    | _may("view approve", "donations", "pastimport")
    | _may("view", "donations", "pastrow")
    | _may(
        "approve",
        "donations",
        "disbursement fundcover refundrequest exchange surplusmove partnerpayment",
    )
    | _may("approve", "donations", "movementexplanation lineexplanation")
    | _may("object answer", "donations", "disbursement")
    | _may("undo", "donations", "bailoutcome disbursement exchange surplusmove partnerpayment")
    | _may("confirm", "donations", "payee sealingkey")
    | _may("record end", "donations", "conflict")
    | _may("declare end", "donations", "staffaccount")
    | _may("view", "appeals", f"{PUBLIC_TEXTS} defendant")
    | _may("review publish", "appeals", "update"),
    # Reads the books, changes nothing, and meets no donor.
    "auditor": _may(
        "view",
        "donations",
        f"{SPENDING} {BOOKS} {BANK} {REFUNDS} {POLICY} rate paymentpause cashdeposit period",
    )
    | _may("export", "donations", "entry")
    | _may("view", "donations", "pastimport pastrow"),
}


def reachable(role: str) -> QuerySet[User]:
    """Who has the role now, and an address to be written to."""
    return User.objects.filter(groups__name=role, is_active=True).exclude(email="")


@transaction.atomic
def sync_groups() -> None:
    """Make the groups say what GROUPS says, no more and no less; members stay. Safe to run again."""
    for label in OUR_APPS:
        create_permissions(apps.get_app_config(label), verbosity=0)
    known = {
        f"{permission.content_type.app_label}.{permission.codename}": permission
        for permission in Permission.objects.select_related("content_type")
    }
    for name, permissions in GROUPS.items():
        group, _created = Group.objects.get_or_create(name=name)
        group.permissions.set([known[permission] for permission in permissions])
