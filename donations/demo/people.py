"""The sample staff, and an invented appeal for the sample money: it never touches a real person."""

import secrets
from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth.models import Group, User

from appeals import publishing
from appeals.models import (
    Appeal,
    AppealText,
    Case,
    CaseText,
    Defendant,
    Update,
    UpdateText,
)
from donations import conflicts
from donations.models import Scheme

STAFF = ("organizer", "treasurer", "approver")
# As authorities of IBAN print them for examples.
ACCOUNT = "FR1420041010050500013M02606"


@dataclass(frozen=True)
class Staff:
    organizer: User
    treasurer: User
    approver: User


def new_password() -> str:
    return secrets.token_urlsafe(12)


def make_staff() -> tuple[Staff, dict[str, str]]:
    """The three sample accounts, and their passwords, which are shown once and kept nowhere."""
    passwords = {name: new_password() for name in STAFF}
    users = {}
    for name, password in passwords.items():
        # Their letters, as of a way to give that paused by itself, are printed where the demonstration runs.
        user = User.objects.create_user(
            name, f"{name}@example.org", password=password, is_staff=True
        )
        user.groups.add(Group.objects.get(name=name))
        users[name] = user
    return Staff(**users), passwords


def declare_accounts(staff: Staff, *, at: datetime) -> None:
    """So that they may ask for payments and approve them, as everybody says first where they have an account."""
    conflicts.declare_account(account=ACCOUNT, scheme=Scheme.IBAN, by=staff.treasurer, at=at)
    conflicts.declare_none(by=staff.approver, at=at)


TEXTS = {
    "es": (
        "Ejemplo: la huelga del puerto (inventado)",
        "Un llamamiento inventado, para probar el fondo: personas, montos y causas de muestra.",
        "Nada de esto ocurrió. Este llamamiento existe para que usted pueda **probar el fondo**: donar, "
        "conciliar el banco, aprobar y pagar un gasto legal sin tocar dinero ni nombres reales.\n\n"
        "En la historia inventada, varias personas fueron citadas por una huelga en un puerto y "
        "necesitan abogados. Los montos que ve en las cuentas pertenecen a este ejemplo.",
    ),
    "en": (
        "Sample: the harbour strike (invented)",
        "An invented appeal for trying the fund out: sample people, amounts and cases.",
        "None of this happened. This appeal exists so that you can **try the fund out**: give, reconcile "
        "the bank, approve and pay a legal cost without touching real money or real names.\n\n"
        "In the invented story several people were summoned over a strike in a harbour and need "
        "lawyers. The amounts you see in the books belong to this sample.",
    ),
}
CASE_TEXTS = {
    "es": (
        "Causa de muestra por el corte del muelle",
        "Causa inventada. Según la acusación inventada, se interrumpió el paso en un muelle.",
    ),
    "en": (
        "Sample case over the blocked pier",
        "An invented case. The invented charge says that a pier was blocked.",
    ),
}
UPDATE_TEXTS = {
    "es": (
        "El juzgado de muestra fijó audiencia",
        "Noticia inventada: muestra cómo se ve una actualización escrita por una persona y revisada por otra.",
    ),
    "en": (
        "The sample court set a hearing",
        "Invented news: it shows what an update looks like that one person wrote and another reviewed.",
    ),
}


def make_appeal(staff: Staff, *, at: datetime) -> tuple[Appeal, Case, list[Defendant]]:
    """The invented appeal, published, with a case, two people under an alias and one update."""
    appeal = Appeal.objects.create(slug="ejemplo", default_language="es")
    for language, (title, summary, body) in TEXTS.items():
        AppealText.objects.create(
            appeal=appeal, language=language, title=title, summary=summary, body=body
        )
    appeal = publishing.publish_appeal(appeal=appeal, by=staff.organizer, at=at)
    case = Case.objects.create(appeal=appeal, slug="muelle", stage=Case.Stage.SUMMONED)
    for language, (title, summary) in CASE_TEXTS.items():
        CaseText.objects.create(case=case, language=language, title=title, summary=summary)
    case = publishing.publish_case(case=case, by=staff.organizer, at=at)
    people = []
    for alias in ("Muestra A", "Muestra B"):
        person = Defendant.objects.create(alias=alias)
        person.cases.add(case)
        people.append(person)
    _make_update(appeal, staff, at=at)
    return appeal, case, people


def _make_update(appeal: Appeal, staff: Staff, *, at: datetime) -> None:
    update = Update.objects.create(
        appeal=appeal, slug="audiencia-de-muestra", created_by=staff.organizer
    )
    for language, (title, body) in UPDATE_TEXTS.items():
        UpdateText.objects.create(
            update=update, language=language, title=title, body=body, written_by=staff.organizer
        )
    update = publishing.submit(update=update, by=staff.organizer, at=at)
    seen = update.content_hash()
    assert seen is not None, "an update with texts has a hash"
    update = publishing.review(update=update, seen_hash=seen, by=staff.approver, at=at)
    publishing.publish(update=update, by=staff.approver, at=at)
