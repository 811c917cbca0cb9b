"""Who owns the ledger's table could switch its triggers off; so in production the web and the worker own nothing."""

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection, transaction
from psycopg import sql

# Written by appending only, or by the database's own functions (migrations/0002_ledger.py).
NARROW = {
    "django_migrations": "SELECT",
    "donations_account": "SELECT, INSERT",
    "donations_entry": "SELECT, INSERT",
    "donations_reversal": "SELECT, INSERT",
    "donations_balancetransaction": "SELECT, INSERT",
    "donations_total": "SELECT",
    "donations_lot": "SELECT",
    "donations_shortfall": "SELECT",
    "donations_unfollowedentry": "SELECT",
    "donations_bailoutcome": "SELECT, INSERT, UPDATE",
    "donations_partnerpayment": "SELECT, INSERT, UPDATE",
    "donations_owntransfer": "SELECT, INSERT",
    "donations_daytotal": "SELECT",
    "donations_period": "SELECT, INSERT, UPDATE",
    "donations_keptshare": "SELECT",
    "donations_keptgain": "SELECT, INSERT",
    "donations_rate": "SELECT, INSERT",
    "donations_umavalue": "SELECT, INSERT",
    "donations_umapayment": "SELECT, INSERT",
    "donations_owedchange": "SELECT, INSERT",
    "donations_receipt": "SELECT, INSERT, UPDATE",
    "defensefund_securityevent": "SELECT, INSERT",
}
USUAL = "SELECT, INSERT, UPDATE, DELETE"

ROLE = """
SELECT r.rolsuper, pg_has_role(%s, t.tableowner, 'MEMBER')
FROM pg_roles r, pg_tables t
WHERE r.rolname = %s AND t.schemaname = 'public' AND t.tablename = 'donations_entry'
"""


class Command(BaseCommand):
    help = "Give a database role what the web and the worker need, and no right to change the ledger. Run as the owner, after each migrate."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("role")

    @transaction.atomic
    def handle(self, *args: object, role: str, **options: object) -> None:
        with connection.cursor() as cursor:
            cursor.execute(ROLE, [role, role])
            found = cursor.fetchone()
            if found is None:
                raise CommandError(
                    f"There is no role {role}. Make it first: CREATE ROLE {role} LOGIN PASSWORD '…';"
                )
            if any(found):
                raise CommandError(
                    f"{role} is a superuser, or is or belongs to the role that owns the tables:"
                    " nothing could be kept from it. Make another role."
                )
            cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
            tables = [name for (name,) in cursor.fetchall()]
            who = sql.Identifier(role)
            for table in tables:
                rights = sql.SQL(NARROW.get(table, USUAL))
                name = sql.Identifier("public", table)
                cursor.execute(sql.SQL("REVOKE ALL ON {} FROM {}").format(name, who))
                cursor.execute(sql.SQL("GRANT {} ON {} TO {}").format(rights, name, who))
            # What public pages read of people and gifts; a view sees with its owner's eyes.
            cursor.execute("SELECT viewname FROM pg_views WHERE schemaname = 'public'")
            for (view,) in cursor.fetchall():
                name = sql.Identifier("public", view)
                cursor.execute(sql.SQL("REVOKE ALL ON {} FROM {}").format(name, who))
                cursor.execute(sql.SQL("GRANT SELECT ON {} TO {}").format(name, who))
            cursor.execute(sql.SQL("GRANT USAGE ON SCHEMA public TO {}").format(who))
            cursor.execute(
                sql.SQL("GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {}").format(who)
            )
        self.stdout.write(f"{role} may use {len(tables)} tables, and only append to the ledger.")
