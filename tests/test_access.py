"""Who gets in where: every address of the site, times every role. A new address fails here until it is listed.

Three tables: PUBLIC (the same for everyone), MODELS (an admin model's five pages), PAGES (everything else in the office).
"""

from dataclasses import dataclass, field
from datetime import date
from typing import Any

import pytest
from django.contrib import admin
from django.db import transaction
from django.test import Client
from django.urls import get_resolver, reverse
from django.utils.translation import override

from appeals.models import AppealText, Case, CaseText, FigureText, Hearing, Update
from defensefund.rights import RightsBackend
from tests import factories
from tests.appeals import factories as editorial
from tests.factories import log_in, make_user
from tests.one_of_each import make_one_of_each

STAFF = ("organizer", "treasurer", "approver", "auditor", "superuser")
# Nobody logged in; and a superuser whose password alone was proved: the same to every page of the office.
OUTSIDE = ("anonymous", "unverified")
EVERYONE = frozenset(STAFF)
ADMIN = frozenset({"superuser"})
TREASURERS = frozenset({"treasurer", "superuser"})
APPROVERS = frozenset({"approver", "superuser"})
SPENDING_READERS = frozenset({"treasurer", "approver", "auditor", "superuser"})
# Those who may take the books away as files.
BOOK_KEEPERS = frozenset({"treasurer", "auditor", "superuser"})
EDITORS = frozenset({"organizer", "superuser"})
DOOR = "/admin/login/"


@dataclass(frozen=True)
class Page:
    """Who may see it (GET) and press it (POST); the status codes when allowed. Everyone else gets 403."""

    roles: frozenset[str]
    args: tuple[Any, ...] = ()
    row: str = ""  # the model whose row's key is the first argument
    get: int = 200
    post: tuple[int, ...] = (200, 302)


@dataclass(frozen=True)
class Open:
    """A page without login: what it answers to anyone."""

    kwargs: dict[str, str] = field(default_factory=dict)
    get: int = 200
    post: int = 405


# Letters: v sees list, page and history; a adds; c changes; d deletes. Who is not named gets 403 at each.
MODELS: dict[str, dict[str, str]] = {
    "appeals.appeal": {"organizer": "vac", "approver": "v", "treasurer": "v", "superuser": "vacd"},
    "appeals.case": {"organizer": "vac", "approver": "v", "treasurer": "v", "superuser": "vacd"},
    "appeals.defendant": {
        "organizer": "vac",
        "approver": "v",
        "treasurer": "v",
        "superuser": "vacd",
    },
    "appeals.figure": {"organizer": "vacd", "approver": "v", "superuser": "vacd"},
    "appeals.source": {"organizer": "vacd", "approver": "v", "superuser": "vacd"},
    "appeals.update": {"organizer": "vac", "approver": "v", "superuser": "vacd"},
    "auth.user": {"superuser": "vac"},
    "defensefund.securityevent": {"superuser": "v"},
    "donations.account": {
        "treasurer": "v",
        "approver": "v",
        "auditor": "v",
        "superuser": "v",
    },
    "donations.condition": {"treasurer": "va", "superuser": "va"},
    "donations.cashreceipt": {"treasurer": "v", "superuser": "v"},
    "donations.cashdeposit": {"treasurer": "v", "auditor": "v", "superuser": "v"},
    "donations.entry": {"treasurer": "v", "approver": "v", "auditor": "v", "superuser": "v"},
    "donations.paymentpause": {"treasurer": "v", "auditor": "v", "superuser": "v"},
    "donations.period": {"treasurer": "v", "approver": "v", "auditor": "v", "superuser": "v"},
    "donations.payee": {"treasurer": "v", "approver": "v", "auditor": "v", "superuser": "v"},
    "donations.conflict": {"treasurer": "v", "approver": "v", "auditor": "v", "superuser": "v"},
    "donations.staffaccount": {"treasurer": "v", "approver": "v", "auditor": "v", "superuser": "v"},
    "donations.sealingkey": {"treasurer": "v", "approver": "v", "auditor": "v", "superuser": "v"},
    "donations.pastimport": {
        "treasurer": "v",
        "approver": "v",
        "auditor": "v",
        "superuser": "v",
    },
    "donations.pastrow": {"treasurer": "v", "approver": "v", "auditor": "v", "superuser": "v"},
    "donations.payout": {"treasurer": "v", "auditor": "v", "superuser": "v"},
    "donations.bankaccount": {"treasurer": "vac", "auditor": "v", "superuser": "vac"},
    "donations.policy": {"treasurer": "vac", "approver": "v", "auditor": "v", "superuser": "vac"},
    "donations.rate": {"treasurer": "v", "auditor": "v", "superuser": "v"},
    "donations.umavalue": {
        "treasurer": "v",
        "approver": "v",
        "auditor": "v",
        "superuser": "v",
    },
    "donations.statementimport": {"treasurer": "v", "auditor": "v", "superuser": "v"},
    "donations.statementline": {"treasurer": "v", "auditor": "v", "superuser": "v"},
    "donations.fund": {"treasurer": "vac", "approver": "v", "auditor": "v", "superuser": "vac"},
    "donations.exchange": {
        "treasurer": "v",
        "approver": "v",
        "auditor": "v",
        "superuser": "v",
    },
    "donations.surplusmove": {
        "treasurer": "v",
        "approver": "v",
        "auditor": "v",
        "superuser": "v",
    },
    "donations.partnerpayment": {
        "treasurer": "v",
        "approver": "v",
        "auditor": "v",
        "superuser": "v",
    },
    "donations.fundcover": {
        "treasurer": "v",
        "approver": "v",
        "auditor": "v",
        "superuser": "v",
    },
    "donations.legalcost": {
        "treasurer": "vac",
        "approver": "v",
        "auditor": "v",
        "superuser": "vac",
    },
    "donations.disbursement": {
        "treasurer": "v",
        "approver": "v",
        "auditor": "v",
        "superuser": "v",
    },
    "donations.lineexplanation": {
        "treasurer": "v",
        "approver": "v",
        "auditor": "v",
        "superuser": "v",
    },
    "donations.movementexplanation": {
        "treasurer": "v",
        "approver": "v",
        "auditor": "v",
        "superuser": "v",
    },
    "donations.balancetransaction": {"treasurer": "v", "auditor": "v", "superuser": "v"},
    "donations.refundrequest": {
        "treasurer": "v",
        "approver": "v",
        "auditor": "v",
        "superuser": "v",
    },
    "donations.dispute": {"treasurer": "v", "approver": "v", "auditor": "v", "superuser": "v"},
    "donations.fraudwarning": {"treasurer": "v", "approver": "v", "auditor": "v", "superuser": "v"},
    "donations.donation": {"treasurer": "v", "auditor": "v", "superuser": "v"},
    "donations.letter": {"treasurer": "v", "superuser": "v"},
    "donations.pledge": {"treasurer": "v", "superuser": "v"},
    "donations.subscription": {"treasurer": "v", "superuser": "v"},
    "donations.supporter": {"treasurer": "v", "superuser": "v"},
    "donations.receipt": {"treasurer": "v", "auditor": "v", "superuser": "v"},
    "donations.taxsentence": {"treasurer": "vac", "superuser": "vac"},
    "donations.stripeevent": {"treasurer": "v", "superuser": "v"},
    "procrastinate.procrastinatejob": {"superuser": "v"},
}

PAGES: dict[str, Page] = {
    "admin:index": Page(EVERYONE),
    "admin:password_change": Page(EVERYONE),
    "admin:password_change_done": Page(EVERYONE, post=(405,)),
    "admin:second_factor": Page(EVERYONE),
    "admin:second_factor_replace": Page(EVERYONE),
    "admin:second_factor_codes": Page(EVERYONE, get=405, post=(200,)),
    "admin:jsi18n": Page(EVERYONE, post=(405,)),
    # Answers only with the names of a field of a model, to who may see those: tested below.
    "admin:autocomplete": Page(frozenset(), post=(405,)),
    "admin:view_on_site": Page(EVERYONE, args=("0", "0"), get=404, post=(404,)),
    "admin:auth_user_password_change": Page(ADMIN, row="auth.user"),
    "admin:auth_user_remove_second_factor": Page(ADMIN, row="auth.user"),
    "admin:donations_account_reports": Page(SPENDING_READERS, post=(405,)),
    "admin:donations_account_report_file": Page(SPENDING_READERS, args=("csv",), post=(405,)),
    "admin:donations_entry_journal": Page(BOOK_KEEPERS, args=("json",), post=(405,)),
    "admin:donations_entry_take_away": Page(BOOK_KEEPERS),
    "admin:donations_pastimport_upload": Page(TREASURERS),
    "admin:donations_pastimport_template": Page(TREASURERS, post=(405,)),
    "admin:donations_pastimport_approve": Page(APPROVERS, row="donations.pastimport"),
    "admin:donations_pastimport_refuse": Page(APPROVERS, row="donations.pastimport"),
    "admin:donations_pastimport_withdraw": Page(TREASURERS, row="donations.pastimport"),
    "admin:donations_pastrow_forget": Page(TREASURERS, row="donations.pastrow"),
    "admin:donations_legalcost_allocate": Page(TREASURERS, row="donations.legalcost"),
    "admin:donations_legalcost_release": Page(TREASURERS, row="donations.legalcost"),
    "admin:donations_legalcost_attach": Page(TREASURERS, row="donations.legalcost"),
    "admin:donations_legalcost_request": Page(TREASURERS, row="donations.legalcost"),
    "admin:donations_legalcost_share": Page(TREASURERS, row="donations.legalcost"),
    "admin:donations_legalcost_plan": Page(TREASURERS, row="donations.legalcost"),
    "admin:donations_legalcost_of_defendant": Page(
        SPENDING_READERS, row="appeals.defendant", post=(405,)
    ),
    "admin:donations_legalcost_of_case": Page(SPENDING_READERS, row="appeals.case", post=(405,)),
    "admin:donations_umavalue_enter": Page(TREASURERS),
    "admin:donations_umavalue_import": Page(TREASURERS),
    "admin:donations_legalcost_document": Page(
        SPENDING_READERS, row="donations.costdocument", post=(405,)
    ),
    "admin:donations_payee_reseal": Page(TREASURERS),
    # What is posted there is the proof of who it is, asked for before the file.
    "admin:donations_payee_reseal_bundle": Page(TREASURERS, post=(405, 200)),
    "admin:donations_payee_record": Page(TREASURERS),
    "admin:donations_payee_confirm": Page(APPROVERS, row="donations.payee"),
    "admin:donations_payee_change_account": Page(TREASURERS, row="donations.payee"),
    "admin:donations_payee_retire": Page(TREASURERS, row="donations.payee"),
    "admin:donations_payee_sealed": Page(TREASURERS, row="donations.payeeaccount", post=(405, 200)),
    "admin:donations_conflict_record": Page(TREASURERS | APPROVERS),
    "admin:donations_conflict_end": Page(APPROVERS, row="donations.conflict"),
    "admin:donations_staffaccount_record": Page(TREASURERS | APPROVERS),
    "admin:donations_staffaccount_end": Page(APPROVERS, row="donations.staffaccount"),
    "admin:donations_sealingkey_record": Page(TREASURERS),
    "admin:donations_sealingkey_confirm": Page(APPROVERS, row="donations.sealingkey"),
    "admin:donations_sealingkey_withdraw": Page(APPROVERS, row="donations.sealingkey"),
    "admin:donations_disbursement_approve": Page(APPROVERS, row="donations.disbursement"),
    "admin:donations_legalcost_bail_doubt": Page(TREASURERS, row="donations.legalcost"),
    "admin:donations_legalcost_bail_take_back": Page(APPROVERS, row="donations.legalcost"),
    "admin:donations_legalcost_bail_keep": Page(APPROVERS, row="donations.legalcost"),
    "admin:donations_legalcost_defendants": Page(SPENDING_READERS, post=(405,)),
    "admin:donations_disbursement_object": Page(
        frozenset({"treasurer", "approver", "superuser"}), row="donations.disbursement"
    ),
    "admin:donations_disbursement_answer": Page(
        frozenset({"treasurer", "approver", "superuser"}), row="donations.disbursement"
    ),
    "admin:donations_disbursement_refuse": Page(APPROVERS, row="donations.disbursement"),
    "admin:donations_disbursement_doubt": Page(TREASURERS, row="donations.disbursement"),
    "admin:donations_disbursement_take_back": Page(APPROVERS, row="donations.disbursement"),
    "admin:donations_disbursement_keep": Page(APPROVERS, row="donations.disbursement"),
    "admin:donations_disbursement_pay": Page(TREASURERS, row="donations.disbursement"),
    "admin:donations_disbursement_amend": Page(TREASURERS, row="donations.disbursement"),
    "admin:donations_donation_resend": Page(TREASURERS, row="donations.donation"),
    "admin:donations_pledge_readdress": Page(TREASURERS, row="donations.pledge"),
    "admin:donations_pledge_take_name_off": Page(TREASURERS, row="donations.pledge"),
    "admin:donations_supporter_find": Page(TREASURERS),
    "admin:donations_letter_bounced": Page(TREASURERS, row="donations.letter"),
    "admin:donations_fund_cover": Page(TREASURERS, row="donations.fund"),
    "admin:donations_fund_lift": Page(TREASURERS, row="donations.fund"),
    "admin:donations_legalcost_bail_returned": Page(TREASURERS, row="donations.legalcost"),
    "admin:donations_legalcost_bail_forfeited": Page(TREASURERS, row="donations.legalcost"),
    "admin:donations_legalcost_end": Page(TREASURERS, row="donations.legalcost"),
    "admin:donations_legalcost_reopen": Page(TREASURERS, row="donations.legalcost"),
    "admin:donations_balancetransaction_explain": Page(
        TREASURERS, row="donations.balancetransaction"
    ),
    "admin:donations_lineexplanation_approve": Page(APPROVERS, row="donations.lineexplanation"),
    "admin:donations_lineexplanation_refuse": Page(APPROVERS, row="donations.lineexplanation"),
    "admin:donations_lineexplanation_withdraw": Page(TREASURERS, row="donations.lineexplanation"),
    "admin:donations_movementexplanation_approve": Page(
        APPROVERS, row="donations.movementexplanation"
    ),
    "admin:donations_movementexplanation_refuse": Page(
        APPROVERS, row="donations.movementexplanation"
    ),
    "admin:donations_movementexplanation_take_back": Page(
        APPROVERS, row="donations.movementexplanation"
    ),
    "admin:donations_movementexplanation_withdraw": Page(
        TREASURERS, row="donations.movementexplanation"
    ),
    "admin:donations_payout_accept": Page(TREASURERS, row="donations.payout"),
    "admin:donations_fund_surplus": Page(TREASURERS, row="donations.fund"),
    "admin:donations_surplusmove_approve": Page(APPROVERS, row="donations.surplusmove"),
    "admin:donations_surplusmove_refuse": Page(APPROVERS, row="donations.surplusmove"),
    "admin:donations_surplusmove_withdraw": Page(TREASURERS, row="donations.surplusmove"),
    "admin:donations_surplusmove_doubt": Page(TREASURERS, row="donations.surplusmove"),
    "admin:donations_surplusmove_take_back": Page(APPROVERS, row="donations.surplusmove"),
    "admin:donations_surplusmove_keep": Page(APPROVERS, row="donations.surplusmove"),
    "admin:donations_fund_partner": Page(TREASURERS, row="donations.fund"),
    "admin:donations_partnerpayment_approve": Page(APPROVERS, row="donations.partnerpayment"),
    "admin:donations_partnerpayment_pay": Page(TREASURERS, row="donations.partnerpayment"),
    "admin:donations_partnerpayment_refuse": Page(APPROVERS, row="donations.partnerpayment"),
    "admin:donations_partnerpayment_withdraw": Page(TREASURERS, row="donations.partnerpayment"),
    "admin:donations_partnerpayment_doubt": Page(TREASURERS, row="donations.partnerpayment"),
    "admin:donations_partnerpayment_take_back": Page(APPROVERS, row="donations.partnerpayment"),
    "admin:donations_partnerpayment_keep": Page(APPROVERS, row="donations.partnerpayment"),
    "admin:donations_partnerpayment_document": Page(
        SPENDING_READERS, row="donations.partnerpayment", post=(405,)
    ),
    "admin:donations_exchange_record": Page(TREASURERS),
    "admin:donations_exchange_approve": Page(APPROVERS, row="donations.exchange"),
    "admin:donations_exchange_refuse": Page(APPROVERS, row="donations.exchange"),
    "admin:donations_exchange_withdraw": Page(TREASURERS, row="donations.exchange"),
    "admin:donations_exchange_doubt": Page(TREASURERS, row="donations.exchange"),
    "admin:donations_exchange_take_back": Page(APPROVERS, row="donations.exchange"),
    "admin:donations_exchange_keep": Page(APPROVERS, row="donations.exchange"),
    "admin:donations_exchange_document": Page(
        SPENDING_READERS, row="donations.exchange", post=(405,)
    ),
    "admin:donations_fundcover_approve": Page(APPROVERS, row="donations.fundcover"),
    "admin:donations_fundcover_refuse": Page(APPROVERS, row="donations.fundcover"),
    "admin:donations_fundcover_withdraw": Page(TREASURERS, row="donations.fundcover"),
    "admin:donations_donation_refund": Page(TREASURERS, row="donations.donation"),
    "admin:donations_refundrequest_approve": Page(APPROVERS, row="donations.refundrequest"),
    "admin:donations_refundrequest_refuse": Page(APPROVERS, row="donations.refundrequest"),
    "admin:donations_refundrequest_withdraw": Page(TREASURERS, row="donations.refundrequest"),
    "admin:donations_refundrequest_pay": Page(TREASURERS, row="donations.refundrequest"),
    "admin:donations_dispute_accept": Page(TREASURERS, row="donations.dispute"),
    "admin:donations_account_ask_stripe": Page(TREASURERS),
    "admin:donations_account_differences": Page(SPENDING_READERS, post=(200,)),
    "admin:donations_period_verify": Page(TREASURERS, row="donations.period"),
    "admin:donations_period_reconcile": Page(TREASURERS, row="donations.period"),
    "admin:donations_period_balance": Page(TREASURERS, row="donations.period"),
    "admin:donations_period_request": Page(TREASURERS, row="donations.period"),
    "admin:donations_period_withdraw": Page(TREASURERS, row="donations.period"),
    "admin:donations_period_request_up_to": Page(TREASURERS, row="donations.period"),
    "admin:donations_period_close_up_to": Page(TREASURERS | APPROVERS, row="donations.period"),
    "admin:donations_period_close": Page(TREASURERS | APPROVERS, row="donations.period"),
    "admin:donations_period_statement": Page(SPENDING_READERS, row="donations.period", post=(200,)),
    "admin:donations_paymentpause_pause": Page(TREASURERS, args=("card", "USD")),
    "admin:donations_paymentpause_reopen": Page(TREASURERS, row="donations.paymentpause"),
    "admin:donations_condition_call_off": Page(TREASURERS, row="donations.condition"),
    "admin:donations_cashreceipt_record": Page(TREASURERS),
    "admin:donations_cashreceipt_print": Page(TREASURERS, row="donations.cashreceipt"),
    "admin:donations_cashreceipt_cash_in": Page(TREASURERS, row="donations.cashreceipt"),
    "admin:donations_cashreceipt_void": Page(TREASURERS, row="donations.cashreceipt"),
    "admin:donations_cashdeposit_record": Page(TREASURERS),
    "admin:donations_cashdeposit_void": Page(TREASURERS, row="donations.cashdeposit"),
    "admin:donations_bankaccount_csv": Page(TREASURERS, row="donations.bankaccount"),
    "admin:donations_bankaccount_opening": Page(TREASURERS, row="donations.bankaccount"),
    "admin:donations_policy_enact": Page(APPROVERS, row="donations.policy"),
    "admin:donations_policy_draft": Page(TREASURERS, row="donations.policy"),
    "admin:donations_rate_import": Page(TREASURERS),
    "admin:donations_statementimport_upload": Page(TREASURERS),
    "admin:donations_statementimport_confirm": Page(TREASURERS, get=302),
    "admin:donations_statementline_open": Page(TREASURERS),
    "admin:donations_statementline_sure": Page(TREASURERS, get=302),
    "admin:donations_statementline_match": Page(TREASURERS, row="donations.statementline"),
    "admin:donations_statementline_forget": Page(TREASURERS, row="donations.statementline"),
    "admin:donations_statementline_undo": Page(TREASURERS, row="donations.statementline", get=302),
    "admin:appeals_appeal_import": Page(EDITORS),
    "admin:appeals_appeal_publish": Page(EDITORS, row="appeals.appeal"),
    "admin:appeals_appeal_withdraw": Page(EDITORS, row="appeals.appeal"),
    "admin:appeals_case_publish": Page(EDITORS, row="appeals.case"),
    "admin:appeals_case_withdraw": Page(EDITORS, row="appeals.case"),
    "admin:appeals_defendant_identify": Page(EDITORS, row="appeals.defendant"),
    "admin:appeals_defendant_forget": Page(EDITORS, row="appeals.defendant"),
    "admin:appeals_defendant_record_consent": Page(EDITORS, row="appeals.defendant"),
    "admin:appeals_defendant_withdraw_consent": Page(EDITORS, row="appeals.defendant"),
    "admin:appeals_figure_confirm": Page(EDITORS, row="appeals.figure"),
    "admin:appeals_update_submit": Page(EDITORS, row="appeals.update"),
    "admin:appeals_update_review": Page(frozenset({"approver", "superuser"}), row="appeals.update"),
    "admin:appeals_update_publish": Page(
        frozenset({"organizer", "approver", "superuser"}), row="appeals.update"
    ),
    "admin:appeals_update_withdraw": Page(
        frozenset({"organizer", "approver", "superuser"}), row="appeals.update"
    ),
    # Who plays the bank: the office, or a browser on the machine itself (tests/sandbox/test_control.py).
    "sandbox:control": Page(EVERYONE, post=(405,)),
    "sandbox:subscriptions": Page(EVERYONE, post=(405,)),
    "sandbox:events": Page(EVERYONE, post=(405,)),
    "sandbox:faults": Page(EVERYONE, post=(200, 302)),
    "sandbox:act": Page(EVERYONE, get=405, post=(404,)),
}

# The way in, which nobody has passed yet; how it behaves is in tests/defensefund/test_sign_in.py.
ENTRANCE = {
    "admin:login",
    "admin:logout",
    "admin:second_factor_verify",
    "admin:second_factor_set_up",
}

APPEAL = {"appeal": "sample"}
PUBLIC: dict[str, Open] = {
    "healthz": Open(),
    # The demonstration's letters, there only on embedded defaults.
    "mail": Open(),
    "stripe_webhook": Open(get=405, post=400),
    "appeals:home": Open(),
    "appeals:appeal": Open(APPEAL),
    "appeals:case": Open(APPEAL | {"case": "sample-case"}),
    "appeals:updates": Open(APPEAL),
    "appeals:update": Open(APPEAL | {"update": "sample-update"}),
    "appeals:feed": Open(APPEAL),
    "donations:books": Open(),
    "donations:books_json": Open(),
    "donations:books_csv": Open(),
    "donations:policy": Open(),
    "donations:policy_version": Open({"version": "1"}),
    "donations:donate": Open(APPEAL, post=200),
    # The donor's own link opens one gift; any other token opens nothing.
    "donations:gift": Open({"token": "THE DONOR'S"}),
    # A gift by card has nothing to print: it leads back to the gift.
    "donations:transfer": Open({"token": "THE DONOR'S"}, get=302),
    "donations:pay": Open({"token": "THE DONOR'S"}, get=405, post=302),
    "donations:promise": Open(APPEAL, post=200),
    "donations:promise_if": Open(APPEAL, get=302, post=302),
    "donations:withdraw": Open({"token": "THE DONOR'S"}, get=405, post=404),
    "donations:promise_change": Open({"token": "THE DONOR'S"}, get=404, post=404),
    "donations:promise_cancel": Open({"token": "THE DONOR'S"}, get=404, post=404),
    "donations:promise_pause": Open({"token": "THE DONOR'S"}, get=405, post=404),
    "donations:promise_resume": Open({"token": "THE DONOR'S"}, get=405, post=404),
    "donations:remind_again": Open({"token": "THE DONOR'S"}, get=405, post=404),
    # Of a gift that is not monthly there is nothing to look after (tests/donations/test_monthly_views.py).
    "donations:monthly_amount": Open({"token": "THE DONOR'S"}, get=404, post=404),
    "donations:monthly_day": Open({"token": "THE DONOR'S"}, get=404, post=404),
    "donations:monthly_pause": Open({"token": "THE DONOR'S"}, get=405, post=404),
    "donations:monthly_resume": Open({"token": "THE DONOR'S"}, get=405, post=404),
    "donations:monthly_stop": Open({"token": "THE DONOR'S"}, get=404, post=404),
    "donations:monthly_remind": Open({"token": "THE DONOR'S"}, get=405, post=404),
    "donations:monthly_card": Open({"token": "THE DONOR'S"}, get=405, post=404),
    "donations:monthly_settle": Open({"token": "THE DONOR'S"}, get=405, post=404),
    # Other links, each for this alone: a gift's own stops nothing.
    "donations:stop_monthly": Open({"token": "THE DONOR'S"}, get=404, post=404),
    "donations:stop_charge_reminders": Open({"token": "THE DONOR'S"}, get=404, post=404),
    "donations:stop_reminders": Open({"token": "THE DONOR'S"}, get=404, post=404),
    # The stand-in's pages for supporters, there only without a key of Stripe's (donations/sandbox).
    "donations:receipt": Open({"token": "THE DONOR'S"}, get=405, post=404),
    "donations:resend": Open({"token": "THE DONOR'S"}, get=405, post=404),
    "donations:year": Open({"token": "THE DONOR'S", "year": "2026"}, get=404),
    "donations:wording": Open({"token": "THE DONOR'S"}, post=422),
    "donations:visibility": Open({"token": "THE DONOR'S"}, post=422),
    "donations:address": Open({"token": "THE DONOR'S"}, post=422),
    "donations:data": Open({"token": "THE DONOR'S"}, post=200),
    "donations:forget": Open({"token": "THE DONOR'S"}, post=422),
    "donations:new_link": Open(post=422),
    # A link of its own, for the year's statement of all gifts: tests/donations/test_link_views.py.
    "donations:statement": Open({"token": "x"}, get=404),
    "donations:statement_file": Open({"token": "x"}, get=404),
    "donations:public_gifts": Open(APPEAL),
    # The stand-in's payment page, there only without a key of Stripe's (donations/sandbox).
    "sandbox:checkout": Open({"session_id": "none"}, get=404, post=404),
    "sandbox:invoice": Open({"invoice_id": "none"}, get=404, post=404),
    "sandbox:portal": Open({"portal_id": "none"}, get=404, post=404),
}


def addresses():
    """Each address as (name with namespace, route); an unnamed one goes by its route."""

    def walk(resolver, route="", namespace=""):
        for pattern in resolver.url_patterns:
            here = route + str(pattern.pattern)
            if hasattr(pattern, "url_patterns"):
                inner = f"{namespace}{pattern.namespace}:" if pattern.namespace else namespace
                yield from walk(pattern, here, inner)
            else:
                yield namespace + pattern.name if pattern.name else here, here

    return list(walk(get_resolver()))


def model_pages(label):
    app, model = label.split(".")
    return {
        f"admin:{app}_{model}_{act}" for act in ("changelist", "add", "history", "delete", "change")
    }


def test_every_address_is_listed():
    listed = {
        *PUBLIC,
        *PAGES,
        *ENTRANCE,
        *(page for label in MODELS for page in model_pages(label)),
    }
    listed |= {"admin:app_list", "admin/(?P<url>.*)$"}
    # Each admin model has an old address that redirects to its page.
    listed |= {f"admin/{label.replace('.', '/')}/<path:object_id>/" for label in MODELS}
    known = {name for name, _route in addresses()}

    assert {"not listed": known - listed, "gone": listed - known} == {
        "not listed": set(),
        "gone": set(),
    }


def test_every_model_of_the_office_is_listed():
    assert {model._meta.label_lower for model in admin.site._registry} == set(MODELS)


# --- One row of everything ----------------------------------------------------------------------


@pytest.fixture(scope="module")
def one_of_each(rows_of_a_module):
    with rows_of_a_module():
        return make_one_of_each()


@pytest.fixture
def rows(one_of_each, db):
    return one_of_each


def browser_of(role):
    """A browser of somebody with exactly this role."""
    client = Client(raise_request_exception=False)
    if role == "anonymous":
        return client
    if role == "unverified":
        client.force_login(make_user(is_superuser=True), backend="defensefund.rights.RightsBackend")
        return client
    user = make_user(is_superuser=True) if role == "superuser" else make_user(None, role)
    return log_in(client, user)


@pytest.fixture
def rights_read_once(monkeypatch):
    """Who asks for hundreds of addresses has the same rights at each, since what a request does is undone: they are read
    at the first of them.
    """
    known, read = {}, RightsBackend.get_all_permissions

    def once(self, user, obj=None):
        whose = user.pk, user.is_active, obj
        if whose not in known:
            known[whose] = read(self, user, obj)
        return known[whose]

    monkeypatch.setattr(RightsBackend, "get_all_permissions", once)


def ask(client, method, path):
    """The status code, with whatever the request did undone; the door is a code of its own."""
    before = transaction.savepoint_create()
    response = client.get(path) if method == "GET" else client.post(path)
    transaction.savepoint_rollback(before)
    if response.streaming:
        # Read to its end, or the file stays open.
        b"".join(response)
    at_the_door = response.status_code == 302 and response["Location"].startswith(DOOR)
    return "door" if at_the_door else response.status_code


def expected_of_models(role, rows):
    """(method, path, allowed codes) for the five pages of each admin model."""
    for label, letters_of in MODELS.items():
        letters = letters_of.get(role, "")
        for act, letter, methods in (
            ("changelist", "v", ("GET",)),
            ("add", "a", ("GET", "POST")),
            ("change", "v", ("GET",)),
            ("change", "c", ("POST",)),
            ("history", "v", ("GET",)),
            ("delete", "d", ("GET", "POST")),
        ):
            name = f"admin:{label.replace('.', '_')}_{act}"
            path = reverse(name, args=() if act in {"changelist", "add"} else (rows[label],))
            for method in methods:
                yield method, path, (200, 302) if letter in letters else (403,)


def expected_of_pages(role, rows):
    for name, page in PAGES.items():
        path = reverse(name, args=(rows[page.row],) if page.row else page.args)
        allowed = role in page.roles
        yield "GET", path, (page.get,) if allowed else (403,)
        # A page that is never pressed says so to everyone.
        yield "POST", path, page.post if allowed or page.post == (405,) else (403,)


def opened_to(role, rows):
    return {
        (method, path)
        for expected in (expected_of_models, expected_of_pages)
        for method, path, allowed in expected(role, rows)
        if allowed != (403,)
    }


@pytest.mark.parametrize("role", STAFF)
def test_office_opens_to_each_role_what_is_its_own(rows, rights_read_once, role):
    client = browser_of(role)
    # A superuser is asked for no right: what opens to another role is not asked again for them.
    known = set()
    if role == "superuser":
        known.update(*(opened_to(each, rows) for each in STAFF if each != role))

    wrong = {
        f"{method} {path}": f"{code}, expected {allowed}"
        for expected in (expected_of_models, expected_of_pages)
        for method, path, allowed in expected(role, rows)
        if (method, path) not in known and (code := ask(client, method, path)) not in allowed
    }

    assert wrong == {}


@pytest.mark.parametrize("role", OUTSIDE)
def test_office_opens_to_nobody_outside(rows, role):
    client = browser_of(role)

    opened = {
        f"{method} {path}": code
        for expected in (expected_of_models, expected_of_pages)
        for method, path, _allowed in expected("superuser", rows)
        if (code := ask(client, method, path)) != "door"
    }

    assert opened == {}


@pytest.mark.parametrize("role", [*OUTSIDE, *STAFF])
def test_public_pages_are_the_same_for_everyone(rows, role):
    client = browser_of(role)
    wrong = {}
    for name, page in PUBLIC.items():
        kwargs = page.kwargs | ({"token": rows["token"]} if "token" in page.kwargs else {})
        with override("en"):
            path = reverse(name, kwargs=kwargs)
        codes = (ask(client, "GET", path), ask(client, "POST", path))
        if codes != (page.get, page.post):
            wrong[name] = codes

    assert wrong == {}


# What nobody made a link of, who may do everything here included.
@pytest.mark.parametrize("role", ["anonymous", "superuser"])
def test_gift_opens_to_the_donors_link_alone(rows, role):
    client = browser_of(role)
    signed, signature = rows["token"].rsplit(".", 1)
    another = signed[:-1] + ("1" if signed[-1] == "0" else "0")
    forged = ("x", signed, f"{signed}.", f"{signed}.{signature[:-2]}", f"{another}.{signature}")

    opened = {}
    for name, page in PUBLIC.items():
        for token in forged if "token" in page.kwargs else ():
            with override("en"):
                path = reverse(name, kwargs=page.kwargs | {"token": token})
            codes = {ask(client, "GET", path), ask(client, "POST", path)}
            if 404 not in codes or not codes <= {404, 405}:
                opened[name, token] = codes

    assert opened == {}


@pytest.mark.parametrize("role", STAFF)
def test_names_are_suggested_only_to_who_may_see_them(rows, rights_read_once, role):
    client = browser_of(role)
    asked = 0
    # Whether a form uses them or not, Django answers for every field that leads to a model with a search.
    for model in admin.site._registry:
        for model_field in model._meta.fields:
            remote = model_field.related_model and model_field.related_model._meta
            if not remote or not getattr(
                admin.site._registry.get(model_field.related_model), "search_fields", None
            ):
                continue
            response = client.get(
                reverse("admin:autocomplete"),
                {
                    "app_label": model._meta.app_label,
                    "model_name": model._meta.model_name,
                    "field_name": model_field.name,
                },
            )
            may = "v" in MODELS[remote.label_lower].get(role, "")
            assert response.status_code == (200 if may else 403), (role, remote.label_lower)
            asked += 1

    assert asked > 0


@pytest.mark.parametrize("role", STAFF)
def test_front_page_and_its_parts_show_only_what_opens(rows, role):
    client = browser_of(role)
    shown = {
        model["model"]._meta.label_lower
        for app in client.get("/admin/").context["available_apps"]
        for model in app["models"]
    }

    assert shown == {label for label, letters in MODELS.items() if letters.get(role)}
    for app in {label.split(".")[0] for label in MODELS}:
        may = any(label.startswith(f"{app}.") for label in shown)
        assert client.get(f"/admin/{app}/").status_code == (200 if may else 404)


READING = [
    name for name in PUBLIC if name.startswith(("appeals:", "donations:books", "donations:public"))
]
PERSONAL = [
    "donations:gift",
    "donations:wording",
    "donations:visibility",
    "donations:address",
    "donations:data",
    "donations:forget",
    "donations:new_link",
]


def open_page(client, name, rows):
    kwargs = PUBLIC[name].kwargs
    kwargs = kwargs | ({"token": rows["token"]} if "token" in kwargs else {})
    with override("en"):
        return client.get(reverse(name, kwargs=kwargs))


@pytest.mark.parametrize("name", READING)
def test_reading_sets_no_cookie_and_can_be_cached(client, rows, name):
    response = open_page(client, name, rows)

    assert not response.cookies
    assert "no-store" not in response.headers.get("Cache-Control", "")
    assert "Cookie" not in response.headers.get("Vary", "")


@pytest.mark.parametrize("name", PERSONAL)
def test_a_persons_own_page_is_kept_by_no_cache(client, rows, name):
    assert "no-store" in open_page(client, name, rows)["Cache-Control"]


def test_no_public_page_says_a_name_without_consent_or_shows_a_key(rows):
    """Of every address there is: whoever adds one has it looked at here."""
    name, aloud = "Rosa Inventada Prueba", "[[rosa]]"
    case = Case.objects.get(slug="sample-case")
    rosa = editorial.make_defendant(case, alias="Persona R", name=name, key="rosa")
    factories.make_fund("defendant", defendant=rosa)
    factories.make_fund("case", case=case)
    AppealText.objects.update(title=aloud, summary=aloud, body=aloud)
    CaseText.objects.update(title=aloud, charge=aloud, summary=aloud)
    Update.objects.get(slug="sample-update").delete()
    editorial.make_published_update(
        case.appeal, author=make_user(), reviewer=make_user(), slug="sample-update", body=aloud
    )
    FigureText.objects.update(label=aloud, place=aloud, period=aloud)
    Case.objects.update(court=aloud, docket=aloud)
    Hearing.objects.create(case=case, held_on=date(2026, 3, 1), place=aloud)

    def pages():
        """What each address answers."""
        answers = {}
        for address, page in PUBLIC.items():
            kwargs = page.kwargs | ({"token": rows["token"]} if "token" in page.kwargs else {})
            with override("en"):
                response = client.get(reverse(address, kwargs=kwargs))
            answers[address] = b"".join(response).decode()
        return answers

    def saying(word, answers):
        return {address for address, answer in answers.items() if word in answer}

    client = Client()
    before = pages()
    editorial.make_consent(rosa, by=make_user(), has_charge=True)
    after = pages()

    assert saying("Inventada", before) == saying("[[", before) == saying("[[", after) == set()
    assert saying(name, after) == saying("Persona R", before)
    told = {"home", "appeal", "case", "updates", "update", "feed"}
    assert saying(name, after) >= {f"appeals:{page}" for page in told}
