"""The work list: every bank line that nobody has said anything about yet, what it could be, and why."""

from collections.abc import Sequence
from typing import Any

from django.contrib import admin, messages
from django.contrib.auth.models import AnonymousUser, User
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from defensefund.lists import DayFilter
from defensefund.office import ReadOnlyAdmin, page, require
from defensefund.paging import START, page_or_first
from defensefund.templatetags.formats import money
from defensefund.verbs import VerbAdmin

from .. import allocation, ledger, reconciliation
from ..bank_differences import differences_of
from ..models import BankAccount, LineExplanation, StatementLine, StatementMatch
from ..reconciliation import Suggestion
from .bail_back import MAY_RECORD, for_this_person, match_with
from .forget_payer import FORGET
from .line_search import lines_found
from .match_form import MatchForm, UndoForm
from .match_words import LINKS, facts_of_lines, told, told_of
from .statement_line_filters import AccountFilter, ImportFilter, StateFilter, accounts_to_choose
from .trail import entries_of_line, step, thing_of

PER_PAGE = 25
PERSONAL = ("counterparty", "counterparty_account", "text")
REFUSALS = (
    reconciliation.ReconciliationError,
    ledger.LedgerError,
    allocation.AllocationError,
)


@admin.register(StatementLine)
class StatementLineAdmin(VerbAdmin, ReadOnlyAdmin):
    list_display = ("booked_on", "account", "moved", "what")
    list_filter = (DayFilter, StateFilter, AccountFilter, ImportFilter)
    list_select_related = ("account",)
    # Looked up below, as whole references.
    search_fields = ("=references",)
    search_help_text = gettext_lazy(
        "A whole reference of ours: of a gift (RF…), a payment (PAY-…), a refund (REF-…) or a payout (po_…). Or an amount, as "
        "123.45 or 123,45; with − before it only money that left."
    )
    day_field = "booked_on"
    is_long = True
    change_list_template = "admin/donations/statementline/change_list.html"
    change_form_template = "admin/donations/statementline/change_form.html"
    facts_template = "admin/donations/statementline/_facts.html"
    verbs = (FORGET,)

    def get_queryset(self, request: HttpRequest) -> Any:
        return (
            super()
            .get_queryset(request)
            .annotate(said=facts_of_lines(), accounts=accounts_to_choose())
        )

    def get_search_results(
        self, request: HttpRequest, queryset: Any, search_term: str
    ) -> tuple[Any, bool]:
        return (lines_found(queryset, search_term) if search_term.strip() else queryset), False

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        """Who matches lines reads the bank's words; who checks the books meets no supporter."""
        hidden = () if request.user.has_perm("donations.match_statementline") else PERSONAL
        return [
            name
            for name in (
                "account", "booked_on", "value_on", "moved", *PERSONAL, "references", "what", "statement",
                *(("forgotten_at",) if obj is not None and obj.forgotten_at else ()),
            )
            if name not in hidden
        ]  # fmt: skip

    def facts(self, request: HttpRequest, row: Any) -> dict[str, Any]:
        return {"line": row}

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        return self.get_fields(request, obj)

    @admin.display(description=gettext_lazy("amount"), ordering="amount")
    def moved(self, line: StatementLine) -> str:
        return money(line.amount, line.currency)

    @admin.display(description=gettext_lazy("counterparty"))
    def other_side(self, line: StatementLine) -> str:
        return line.counterparty or "–"

    def get_list_display(self, request: HttpRequest) -> tuple[Any, ...]:
        """With who paid or was paid, for who matches lines; encrypted, so it is neither sorted nor searched."""
        named = super().get_list_display(request)
        if not request.user.has_perm("donations.match_statementline"):
            return tuple(named)
        return (*named[:-1], "other_side", named[-1])

    @admin.display(description=gettext_lazy("what it is"))
    def what(self, line: Any) -> str:
        return told_of(line.said)

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        may = request.user.has_perm("donations.match_statementline")
        return super().changelist_view(request, {**(extra_context or {}), "may_match": may})

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        may = request.user.has_perm("donations.match_statementline")
        extra = {**(extra_context or {}), "may_match": may}
        if object_id.isdecimal():
            matches = list(_matches(int(object_id)))
            extra["entries"] = entries_of_line(matches)
            things = [(match, thing_of(match)) for match in matches if match.undone_at is None]
            extra["steps"] = [
                (match, step(thing, by=request.user)) for match, thing in things if thing
            ]
        return super().change_view(request, object_id, form_url, extra)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("open/", view(self.open_view), name="donations_statementline_open"),
            path("open/sure/", view(self.sure_view), name="donations_statementline_sure"),
            path("<int:pk>/match/", view(self.match_view), name="donations_statementline_match"),
            path("<int:pk>/undo/", view(self.undo_view), name="donations_statementline_undo"),
            *super().get_urls(),
        ]

    def open_view(self, request: HttpRequest) -> HttpResponse:
        """Open lines, the oldest first, each with its likeliest candidate."""
        user = require(request, "donations.match_statementline")
        chosen = request.GET.get("account", "")
        lines = _with_asked(StatementLine.objects.unmatched())
        lines = lines.annotate(accounts=accounts_to_choose())
        lines = lines.select_related("account").order_by("booked_on", "pk")
        if chosen:
            lines = lines.filter(account__code=chosen)
        shown = page_or_first(lines, request.GET.get("page", START), size=PER_PAGE)
        accounts = _accounts(shown.rows)
        account = next((each for each in accounts if each.code == chosen), None)
        if chosen and not account:
            return HttpResponseRedirect(reverse("admin:donations_statementline_open"))
        suggested = reconciliation.suggest_many(shown.rows)
        found = {pk: for_this_person(each, user) for pk, each in suggested.items()}
        unlike = differences_of(shown.rows)
        rows = [
            (line, found[line.pk][:1], len(found[line.pk]) - 1, unlike.get(line.pk))
            for line in shown.rows
        ]
        sure = [
            f"{line.pk}:{best.token}"
            for line, candidates, _more, difference in rows
            for best in candidates
            if best.is_plain and not difference
        ]
        return page(
            self,
            request,
            "admin/donations/statementline/open.html",
            title=_("Open bank lines"),
            rows=rows,
            sure=sure,
            shown=shown,
            accounts=accounts,
            account=account,
        )

    def sure_view(self, request: HttpRequest) -> HttpResponse:
        """Matches the sure candidates a person saw on the work list, each on its own; what is not sure any more stays open."""
        user = require(request, "donations.match_statementline")
        here = HttpResponseRedirect(reverse("admin:donations_statementline_open"))
        if request.method != "POST":
            return here
        seen = dict(pair.split(":", 1) for pair in request.POST.getlist("sure") if ":" in pair)
        pks = [int(pk) for pk in seen if pk.isdecimal()][:PER_PAGE]
        lines = StatementLine.objects.unmatched().select_related("account").filter(pk__in=pks)
        done = 0
        for line in lines:
            # Each is looked at afresh: what one line was matched with is no longer free for the next.
            best = next(iter(for_this_person(reconciliation.suggest(line), user)), None)
            if best and best.is_plain and best.token == seen[str(line.pk)]:
                done += self._matched(request, line, best, by=user)
        messages.success(
            request,
            ngettext("%(done)d line matched.", "%(done)d lines matched.", done) % {"done": done},
        )
        if left := len(seen) - done:
            messages.warning(
                request,
                ngettext(
                    "%(left)d was not: look at it again.",
                    "%(left)d were not: look at them again.",
                    left,
                )
                % {"left": left},
            )
        return here

    def _matched(
        self, request: HttpRequest, line: StatementLine, best: Suggestion, *, by: User
    ) -> bool:
        try:
            made = match_with(line, best, best.part, by=by, at=timezone.now())
        except REFUSALS:
            return False
        if not isinstance(made, StatementMatch):
            return False
        self.log_change(request, line, "Matched")
        return True

    def match_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Everything about one line: its candidates with their reasons, what else it may be, and what was said so far."""
        user = require(request, "donations.match_statementline")
        line = _line(pk)
        if not line.open_amount:
            if request.method == "POST":
                messages.warning(request, _("Somebody was faster: this line is matched already."))
            return self._matched_page(request, line)
        suggestions = for_this_person(reconciliation.suggest(line), user)
        posted = request.POST if request.method == "POST" else None
        form = MatchForm(
            posted,
            line=line,
            suggestions=suggestions,
            may_return_bail=user.has_perm(MAY_RECORD),
        )
        if form.is_valid():
            try:
                standing = form.act(by=user, at=timezone.now())
            except REFUSALS as refusal:
                form.add_error(None, str(refusal))
            else:
                self._say(request, line, standing)
                return HttpResponseRedirect(_next(line))
        return page(
            self,
            request,
            "admin/donations/statementline/match.html",
            title=_("What is this line?"),
            line=line,
            suggestions=suggestions,
            form=form,
            chosen=form["choice"].value(),
            said=_said(line, by=user),
            entries=entries_of_line(_matches(line.pk)),
            details=reconciliation.details_of([line])[line.pk],
            difference=differences_of([line]).get(line.pk),
        )

    def _say(
        self, request: HttpRequest, line: StatementLine, made: StatementMatch | LineExplanation
    ) -> None:
        if isinstance(made, StatementMatch):
            self.log_change(request, line, "Matched")
            messages.success(request, _("Matched: %(what)s.") % {"what": told(made)})
        else:
            self.log_change(request, line, "Explained, to be approved")
            messages.success(
                request, _("Asked for: another person approves it, and only then it counts.")
            )

    def undo_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Takes one of the line's matches back, with a reason."""
        user = require(request, "donations.match_statementline")
        line = _line(pk)
        again = HttpResponseRedirect(reverse("admin:donations_statementline_match", args=[pk]))
        chosen = request.POST.get("match", "")
        standing = line.matches.standing()
        if chosen.isdecimal():
            standing = standing.filter(pk=int(chosen))
        match = standing.order_by("pk").last()
        if match is None or request.method != "POST":
            return again
        form = UndoForm(request.POST)
        if form.is_valid():
            try:
                reconciliation.unmatch(
                    match=match, reason=form.cleaned_data["reason"], by=user, at=timezone.now()
                )
            except REFUSALS as refusal:
                form.add_error(None, str(refusal))
            else:
                self.log_change(request, line, "Match taken back")
                messages.success(request, _("Taken back: the line is open again."))
                return again
        return self._matched_page(request, line, refused=(match.pk, form))

    def _matched_page(
        self,
        request: HttpRequest,
        line: StatementLine,
        *,
        refused: tuple[int, UndoForm] | None = None,
    ) -> HttpResponse:
        return page(
            self,
            request,
            "admin/donations/statementline/matched.html",
            title=_("What this line is"),
            line=line,
            difference=differences_of([line]).get(line.pk),
            said=_said(line, by=request.user, refused=refused),
            entries=entries_of_line(_matches(line.pk)),
        )


def _accounts(lines: Sequence[Any]) -> list[BankAccount]:
    """All there are, to choose from: as they come with `lines`, or asked for where there is none."""
    if lines:
        return [
            BankAccount(code=code, name=name, currency=currency)
            for code, name, currency in lines[0].accounts
        ]
    return list(BankAccount.objects.order_by("name"))


def _line(pk: int) -> StatementLine:
    lines = _with_asked(StatementLine.objects.select_related("account", "statement"))
    line: StatementLine = get_object_or_404(lines, pk=pk)
    return line


def _with_asked(lines: QuerySet[StatementLine]) -> Any:
    """Each with what somebody said of it and another person is to decide on: its key, what, and who."""
    asked = LineExplanation.objects.undecided().filter(line=OuterRef("pk"))
    return lines.annotate(
        asked=Subquery(asked.values("pk")),
        asked_what=Subquery(asked.values("explanation")),
        asked_by=Subquery(asked.values("requested_by__username")),
    )


def _next(line: StatementLine) -> str:
    """The rest of the line, or the list where nothing is left of it."""
    line.refresh_from_db(fields=["explained"])
    if line.open_amount:
        return reverse("admin:donations_statementline_match", args=[line.pk])
    return reverse("admin:donations_statementline_open")


def _matches(pk: int) -> QuerySet[StatementMatch]:
    """All that was ever said of a line, with what it was said to be."""
    return (
        StatementMatch.objects.filter(line=pk)
        .select_related("confirmed_by", "proposal__approved_by", *LINKS)
        .order_by("pk")
    )


def _said(
    line: StatementLine,
    *,
    by: User | AnonymousUser,
    refused: tuple[int, UndoForm] | None = None,
) -> list[dict[str, Any]]:
    """The standing matches of a line, each with the form that takes it back."""
    matches = [match for match in _matches(line.pk) if match.undone_at is None]
    return [
        {
            "match": match,
            "what": told(match),
            "step": step(thing, by=by) if (thing := thing_of(match)) else None,
            "has_receipt": bool(
                match.donation and match.donation.letters.filter(sent_at__isnull=False).exists()
            ),
            "form": refused[1] if refused and refused[0] == match.pk else UndoForm(),
        }
        for match in matches
    ]
