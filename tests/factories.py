"""Rows for tests: plain functions, every default in sight, all people invented."""

import itertools
import time
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from hashlib import sha256

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import Group, User
from django.contrib.sessions.backends.db import SessionStore
from django.core.files.base import ContentFile
from django.db import transaction
from django.utils import timezone
from django_otp import DEVICE_ID_SESSION_KEY
from django_otp.oath import hotp

from appeals.models import Appeal, AppealText, Case, CaseText, Defendant
from defensefund.models import Authenticator
from defensefund.models.authenticator import STEP_SECONDS
from defensefund.privacy import keyed_hash
from defensefund.sealing import new_key, seal
from defensefund.sign_in import LOGGED_IN_AT, SEEN_AT
from defensefund.step_up import PROVED_AT
from donations import ledger, policy
from donations.cleaning import clean
from donations.demo.spending import sample_pdf
from donations.models import (
    AccountKey,
    BalanceTransaction,
    BankAccount,
    Checkout,
    Condition,
    CostDocument,
    Dispute,
    Donation,
    Entry,
    Exchange,
    FraudWarning,
    Fund,
    Instalment,
    LegalCost,
    Letter,
    LineExplanation,
    MovementExplanation,
    PartnerPayment,
    Payee,
    PayeeAccount,
    PaymentPause,
    Pledge,
    Policy,
    PolicyCap,
    PolicyKind,
    PolicyLimit,
    Rate,
    SealingKey,
    StaffAccount,
    StatementImport,
    StatementLine,
    StatementMatch,
    StripeEvent,
    Subscription,
    Supporter,
    SurplusMove,
    UmaValue,
)
from donations.models.payee import hash_account, hash_payee, masked
from donations.references import new_reference
from donations.sealed_accounts import SealedAccount

NOW = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)
TODAY = NOW.date()


def make_pdf(title: str) -> bytes:
    """A page that cleaning leaves as it is: it came from there."""
    return clean("x.pdf", clean("x.pdf", sample_pdf(title)).content).content


PDF = make_pdf("Bill")

_numbers = itertools.count(1)


def make_user(username=None, *groups, is_declared=True, **fields) -> User:
    """Who `is_declared` has said to have no account of their own, and so may ask for payments and approve them."""
    user = User.objects.create(
        username=username or f"person{next(_numbers)}",
        password=make_password("a long test password"),
        is_staff=True,
        **fields,
    )
    if groups:
        known = Group.objects.in_bulk(groups, field_name="name")
        belonging = User.groups.through
        belonging.objects.bulk_create(belonging(user=user, group=known[name]) for name in groups)
    if is_declared:
        StaffAccount.objects.create(user=user, account_hash="", declared_at=NOW)
    return user


def make_authenticator(user, **fields) -> Authenticator:
    fields = {"name": "app", "confirmed": True, "set_up_at": NOW} | fields
    return Authenticator.objects.create(user=user, **fields)


def code_of(authenticator, at=None) -> str:
    """What the authenticator app shows `at` an instant (now, when none is named)."""
    step = int(at.timestamp() if at else time.time()) // STEP_SECONDS
    return f"{hotp(bytes.fromhex(authenticator.key), step):06d}"


def log_in(client, user):
    """`client` as after password and second factor; a proof that expensive verbs ask for is fresh."""
    authenticator = Authenticator.objects.filter(user=user, confirmed=True).first()
    now = time.time()
    # What a login would leave behind, without the dozen queries on the way there.
    session = SessionStore()
    session.update(
        {
            SESSION_KEY: str(user.pk),
            BACKEND_SESSION_KEY: "defensefund.rights.RightsBackend",
            HASH_SESSION_KEY: user.get_session_auth_hash(),
            DEVICE_ID_SESSION_KEY: (authenticator or make_authenticator(user)).persistent_id,
            LOGGED_IN_AT: now,
            SEEN_AT: now,
            PROVED_AT: now,
        }
    )
    session.create()
    client.cookies[settings.SESSION_COOKIE_NAME] = session.session_key
    return client


def make_appeal(slug=None, *, by=None, **fields) -> Appeal:
    """A published appeal, with a title in each language."""
    appeal = Appeal.objects.create(slug=slug or f"appeal-{next(_numbers)}", **fields)
    AppealText.objects.bulk_create(
        AppealText(
            appeal=appeal,
            language=language,
            title=f"Sample appeal ({language})",
            summary="Sample.",
            body="Sample.",
        )
        for language in ("es", "en")
    )
    appeal.published_at, appeal.published_by = NOW, by or make_user()
    appeal.save()
    return appeal


def make_case(appeal=None, slug=None, *, by=None, **fields) -> Case:
    """A published case, with a title in each language."""
    case = Case.objects.create(
        appeal=appeal or make_appeal(by=by),
        slug=slug or f"case-{next(_numbers)}",
        **fields,
    )
    CaseText.objects.bulk_create(
        CaseText(case=case, language=language, title=f"Sample case ({language})", summary="Sample.")
        for language in ("es", "en")
    )
    case.published_at, case.published_by = NOW, by or make_user()
    case.save()
    return case


def make_defendant(alias="Ana (sample)", cases=(), **fields) -> Defendant:
    defendant = Defendant.objects.create(alias=alias, **fields)
    defendant.cases.set(cases)
    return defendant


def make_fund(kind="general", code=None, **fields) -> Fund:
    number = next(_numbers)
    return Fund.objects.create(
        kind=kind, code=code or f"fund-{number}", name=f"Fund {number}", purpose="Tests.", **fields
    )


def make_bank_account(currency="EUR", code=None, **fields) -> BankAccount:
    """One that takes gifts has what supporters need for it."""
    needed = {"holder": "Sample holder", "number": "1234"} if fields.get("takes_gifts") else {}
    return BankAccount.objects.create(
        code=code or f"bank-{currency.lower()}",
        currency=currency,
        **{"name": "Sample bank"} | needed | fields,
    )


# One key for all tests that need none of their own: what is sealed to it, KEY_FILE opens.
KEY_FILE, PUBLIC_KEY = new_key()


def make_sealing_key(user=None, public_key=None, *, confirmed_by=None) -> SealingKey:
    key = SealingKey.objects.create(
        user=user or make_user(), public_key=public_key or new_key()[1], registered_at=NOW
    )
    key.confirmed_by, key.confirmed_at = confirmed_by or make_user(), NOW
    key.save()
    return key


def make_payee(
    name="Sample law office",
    account="DE02120300000000202051",
    *,
    by=None,
    is_confirmed=True,
    **fields,
) -> Payee:
    """Recorded by one person, confirmed by another; sealed to KEY_FILE."""
    by = by or make_user()
    key = SealingKey.objects.filter(public_key=PUBLIC_KEY).first()
    key = key or make_sealing_key(public_key=PUBLIC_KEY)
    payee = Payee.objects.create(kind=Payee.Kind.LAWYER, recorded_by=by, recorded_at=NOW)
    content = SealedAccount(payee.number, name, "iban", account)
    payee.account = PayeeAccount.objects.create(
        payee=payee,
        name=name,
        scheme="iban",
        tail=masked(account),
        account_hash=hash_account(account),
        payee_hash=hash_payee(name, account),
        code=content.code,
        sealed=seal(content.written(), [PUBLIC_KEY]),
        given_by=by,
        given_at=NOW,
    )
    payee.account.sealed_to.add(key)
    for name, value in fields.items():
        setattr(payee, name, value)
    payee.save()
    if is_confirmed:
        payee.account.confirmed_by, payee.account.confirmed_at = make_user(), NOW
        payee.account.save(update_fields=["confirmed_by", "confirmed_at"])
    return payee


def make_cost(
    case=None, defendant=None, *, by=None, owed="1000", currency="EUR", **fields
) -> LegalCost:
    case, by = case or make_case(), by or make_user()
    return LegalCost.objects.create(
        case=case,
        defendant=defendant or make_defendant(cases=[case]),
        owed=Decimal(owed),
        currency=currency,
        recorded_by=by,
        **{
            "recorded_at": NOW,
            "kind": LegalCost.Kind.FEES,
            "description": "Sample bill",
        }
        | ({} if "payee" in fields else {"payee": make_payee(by=by)})
        | fields,
    )


def make_document(cost, content=None, *, by=None, kind="bill") -> CostDocument:
    """A bill of this cost alone, if nothing else is said."""
    content = content or PDF + str(cost).encode()
    document = CostDocument(
        cost=cost,
        kind=kind,
        content_type="application/pdf",
        size=len(content),
        sha256=sha256(content).hexdigest(),
        uploaded_by=by or cost.recorded_by,
        uploaded_at=NOW,
    )
    document.file.save("bill.pdf", ContentFile(content), save=False)
    document.save()
    return document


def make_exchange(fund=None, *, by=None, **fields) -> Exchange:
    """400 EUR became 600,000 ARS, as one person recorded it; nothing is booked."""
    row = Exchange(
        fund=fund or make_fund(),
        content_type="application/pdf",
        size=len(PDF),
        sha256=sha256(PDF).hexdigest(),
        recorded_by=by or make_user(),
        recorded_at=NOW,
        **{
            "given": Decimal(400),
            "given_currency": "EUR",
            "received": Decimal(600_000),
            "received_currency": "ARS",
            "market": "mep",
            "exchanged_on": TODAY,
        }
        | fields,
    )
    if not row.given_from_id:
        row.given_from = make_bank_account(row.given_currency, closed_on=TODAY, code="exchange-out")
    if not row.received_into_id:
        row.received_into = make_bank_account(
            row.received_currency, closed_on=TODAY, code="exchange-in"
        )
    row.file.save("slip.pdf", ContentFile(PDF), save=False)
    row.save()
    return row


def make_surplus(fund=None, *, by=None, **fields) -> SurplusMove:
    """A request that 10 EUR of a fund go to its fallback; nothing is booked."""
    fund = fund or make_fund(fallback=make_fund())
    return SurplusMove.objects.create(
        source=fund,
        target=fund.fallback,
        requested_by=by or make_user(),
        requested_at=NOW,
        **{"amount": Decimal(10), "currency": "EUR", "cause": "case"} | fields,
    )


def make_partner_payment(r, **fields) -> PartnerPayment:
    """A request past the verb that all that is left of `r.fund` be paid to `r.partner` (tests/donations/partner.py)."""
    row = PartnerPayment(
        content_type="application/pdf",
        size=len(PDF),
        sha256=sha256(PDF).hexdigest(),
        payment_reference=f"PAY-{next(_numbers)}",
        **{
            "fund": r.fund,
            "amount": ledger.free(AccountKey.fund(r.fund, "EUR")),
            "currency": "EUR",
            "cause": "case",
            "partner": "Casa de muestra",
            "payee_account": r.partner.account,
            "bank_account": r.bank,
            "requested_by": r.treasurer,
            "requested_at": NOW,
        }
        | fields,
    )
    row.file.save("agreement.pdf", ContentFile(PDF), save=False)
    row.save()
    return row


def prove(disbursement, *, by) -> StatementMatch:
    """The bank reports the payment, and a person says so."""
    account = disbursement.bank_account
    statement = StatementImport.objects.create(
        account=account,
        name="sample.csv",
        sha256="0" * 64,
        new_lines=1,
        known_lines=0,
        imported_at=NOW,
    )
    line = StatementLine.objects.create(
        account=account,
        statement=statement,
        key=f"line-{next(_numbers)}",
        booked_on=disbursement.paid_on,
        amount=-disbursement.amount,
        currency=disbursement.currency,
    )
    return StatementMatch.objects.create(
        line=line,
        amount=line.amount,
        disbursement=disbursement,
        confirmed_by=by,
        confirmed_at=NOW,
    )


def make_policy(*, kinds=("fees",), caps=(), limits=(), enacted=True, at=NOW, **fields) -> Policy:
    """Rules in force from `at` on: kinds that need the bill, ("fees", "EUR", "500") caps, ("EUR", "100", "50") limits
    for a third person and for emergencies (and "20" for fees by one person, else 10). A kind may name its documents: ("bail", ["ruling"])."""
    drafter = fields.pop("by", None) or make_user()
    row = Policy.objects.create(
        **{"in_force_from": at.date(), "partner": "Sample partner", "drafted_by": drafter}
        | {"dissolution": "Another defense fund (sample)"}
        | {"drafted_at": at}
        | fields
    )
    for kind in kinds:
        name, documents = kind if isinstance(kind, tuple) else (kind, ["bill"])
        PolicyKind.objects.create(policy=row, kind=name, documents=documents)
    for name, currency, amount in caps:
        PolicyCap.objects.create(policy=row, kind=name, currency=currency, amount=Decimal(amount))
    for currency, third, emergency, *alone in limits:
        PolicyLimit.objects.create(
            policy=row,
            currency=currency,
            third_person_above=Decimal(third),
            emergency_up_to=Decimal(emergency),
            fee_alone_up_to=Decimal(*alone or ["10"]),
        )
    row = Policy.objects.with_rules().get(pk=row.pk)
    if not enacted:
        return row
    return policy.enact(row, content_hash=row.content_hash, by=make_user(), at=at)


def make_uma(value, effective_from, published_on, **fields) -> UmaValue:
    """One UMA is worth `value` pesos; days as text."""
    return UmaValue.objects.create(
        value=Decimal(value),
        effective_from=date.fromisoformat(effective_from),
        published_on=date.fromisoformat(published_on),
        **{"ruling": "Invented act", "entered_at": NOW} | fields,
    )


def make_rate(base, quote, rate, **fields) -> Rate:
    """One `base` is worth `rate` of `quote`, by invented figures."""
    return Rate.objects.create(
        base=base,
        quote=quote,
        rate=Decimal(rate),
        **{"rated_on": TODAY, "source": "Invented", "entered_at": NOW} | fields,
    )


def make_pledge(
    appeal=None, fund=None, *, amount="25", currency="EUR", method="card", **fields
) -> Pledge:
    return Pledge.objects.create(
        appeal=appeal or make_appeal(),
        fund=fund or make_fund(),
        amount=Decimal(amount),
        currency=currency,
        method=method,
        **{
            "reference": None if method in {"card", "kept_card"} else new_reference(),
            "frequency": "once",
            "language": "es",
            "created_at": NOW,
        }
        | fields,
    )


def make_announced(appeal, fund, amount="40", **fields) -> Pledge:
    """A transfer announced today: the public figure "promised" goes by the database's day."""
    return make_pledge(
        appeal, fund, amount=amount, **{"method": "transfer", "created_at": timezone.now()} | fields
    )


def make_promise(parts, *, received=(), method="transfer", at=NOW, **fields) -> Pledge:
    """A promise of ("YYYY-MM-DD", "amount") parts, and bank transfers that arrived for it."""
    total = sum(Decimal(amount) for _day, amount in parts)
    with transaction.atomic():
        pledge = make_pledge(
            **{"amount": total, "method": method, "created_at": at, "frequency": "dates"} | fields
        )
        for day, amount in parts:
            Instalment.objects.create(
                pledge=pledge, due_on=date.fromisoformat(str(day)), amount=Decimal(amount)
            )
    for amount in received:
        make_arrival(pledge, amount)
    return pledge


def make_condition(appeal=None, *, target="100", currency="EUR", **fields) -> Condition:
    return Condition.objects.create(
        appeal=appeal or make_appeal(),
        target=Decimal(target),
        currency=currency,
        **{
            "ends_on": TODAY + timedelta(days=10),
            "created_at": NOW,
            "created_by_id": (User.objects.first() or make_user()).pk,
        }
        | fields,
    )


def make_arrival(pledge, amount, **fields) -> Donation:
    """A bank transfer that arrived for a promise; its entry is not booked."""
    return make_donation(
        pledge,
        **{
            "amount": Decimal(amount),
            "method": "transfer",
            "source": f"bank:{next(_numbers)}",
            "stripe_payment_intent_id": None,
        }
        | fields,
    )


def make_supporter(email="ana@example.org", language="es") -> Supporter:
    return Supporter.objects.create(
        email=email,
        email_hash=keyed_hash(email, purpose="email"),
        language=language,
        created_at=NOW,
    )


def make_subscription(pledge, **fields) -> Subscription:
    """A monthly gift as Stripe told of it."""
    return Subscription.objects.create(
        pledge=pledge,
        amount=pledge.amount,
        currency=pledge.currency,
        **{
            "stripe_subscription_id": f"sub_{next(_numbers)}",
            "status": "active",
            "created_at": NOW,
            "read_at": NOW,
        }
        | fields,
    )


def make_checkout(pledge=None, session=None, **fields) -> Checkout:
    """A visit to Stripe's page that Stripe knows of and that is not paid yet."""
    number = next(_numbers)
    pledge = pledge or make_pledge(supporter=make_supporter())
    return Checkout.objects.create(
        pledge=pledge,
        stripe_session_id=session or f"cs_{number}",
        **{
            "amount": pledge.amount,
            "idempotency_key": f"checkout-{number}",
            "created_at": NOW,
            "expires_at": NOW + timedelta(minutes=31),
        }
        | fields,
    )


def make_donation(pledge=None, **fields) -> Donation:
    """The row of a card gift that arrived; its entry is not booked."""
    pledge = pledge or make_pledge()
    payment = f"pi_{next(_numbers)}"
    return Donation.objects.create(
        pledge=pledge,
        fund=pledge.fund,
        currency=pledge.currency,
        **{
            "amount": pledge.amount,
            "method": "card",
            "received_at": NOW,
            "source": f"stripe:{payment}",
            "stripe_payment_intent_id": payment,
        }
        | fields,
    )


def make_receipt(donation=None, **fields) -> Letter:
    donation = donation or make_donation()
    return Letter.objects.create(
        kind="receipt",
        pledge=donation.pledge,
        donation=donation,
        **{"created_at": NOW, "due_at": NOW} | fields,
    )


def make_pause(**fields) -> PaymentPause:
    """Transfers in euros, shut by a person."""
    fields = {
        "method": "transfer",
        "currency": "EUR",
        "reason": "Sample.",
        "paused_at": NOW,
    } | fields
    return PaymentPause.objects.create(**{"paused_by": make_user()} | fields)


def make_dispute(donation=None, **fields) -> Dispute:
    donation = donation or make_donation()
    return Dispute.objects.create(
        **{
            "stripe_dispute_id": f"du_{next(_numbers)}",
            "donation": donation,
            "amount": donation.amount,
            "currency": donation.currency,
            "reason": "fraudulent",
            "status": "needs_response",
            "told_at": NOW,
            "opened_at": NOW,
            "due_by": NOW + timedelta(days=7),
        }
        | fields
    )


def make_fraud_warning(donation=None, **fields) -> FraudWarning:
    return FraudWarning.objects.create(
        **{
            "stripe_warning_id": f"issfr_{next(_numbers)}",
            "donation": donation or make_donation(),
            "fraud_type": "misc",
            "is_actionable": True,
            "warned_at": NOW,
        }
        | fields
    )


def make_balance_transaction(**fields) -> BalanceTransaction:
    return BalanceTransaction.objects.create(
        **{
            "stripe_id": f"txn_{next(_numbers)}",
            "type": "charge",
            "amount": 10,
            "fee": 1,
            "currency": "EUR",
            "created_at": NOW,
            "is_dispute": False,
        }
        | fields
    )


def make_explanation(movement=None, *, by=None, **fields) -> MovementExplanation:
    """That Stripe's adjustment of -10 EUR is a fee, as one person says; nothing is booked."""
    movement = movement or make_balance_transaction(type="adjustment", amount=-10, fee=0)
    fields = {"meaning": "fee", "note": "Invented"} | fields
    if fields["meaning"] in {"fee", "fund"}:
        fields.setdefault("fund", None)
        fields["fund"] = fields["fund"] or make_fund()
    return MovementExplanation.objects.create(
        movement=movement, requested_by=by or make_user(), requested_at=NOW, **fields
    )


def make_line_explanation(*, by=None, **fields) -> LineExplanation:
    """That money left the bank and is not booked, as one person says; nobody has approved it."""
    account = make_bank_account(code=f"current-{next(_numbers)}", takes_gifts=False)
    statement = StatementImport.objects.create(
        account=account, name="s.csv", sha256="0" * 64, new_lines=1, known_lines=0, imported_at=NOW
    )
    line = StatementLine.objects.create(
        account=account,
        statement=statement,
        key="left",
        booked_on=TODAY,
        amount=-10,
        currency="EUR",
    )
    return LineExplanation.objects.create(
        **{"line": line, "amount": -10, "explanation": "Not ours"} | fields,
        requested_by=by or make_user(),
        requested_at=NOW,
    )


def make_event(type_="checkout.session.completed", **fields) -> StripeEvent:
    return StripeEvent.objects.create(
        event_id=f"evt_{next(_numbers)}",
        type=type_,
        **{
            "object_id": "cs_1",
            "livemode": False,
            "created_at": NOW,
            "received_at": NOW,
            "due_at": NOW,
            "facts": {},
        }
        | fields,
    )


def give(fund, amount, *, currency="EUR", into=None, booked_on: date = TODAY, source=None) -> None:
    """Puts money into a fund as a donation does: at Stripe, unless `into` names another asset."""
    ledger.post(
        ledger.Posting(
            kind=Entry.Kind.DONATION,
            debit=into or AccountKey.stripe(currency),
            credit=AccountKey.fund(fund, currency),
            amount=Decimal(amount),
            booked_on=booked_on,
            source=source or f"test:{next(_numbers)}",
        )
    )
