import sys
from dataclasses import asdict
from json import dumps

from django.core.management.base import BaseCommand, CommandParser

from donations.proofs import Proof, prove


class Command(BaseCommand):
    help = "Prove every invariant of the books, one line each; exits 1 if one fails."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="print the proofs as JSON")

    def handle(self, *args: object, json: bool = False, **options: object) -> None:
        proofs = list(prove())
        if json:
            rows = [asdict(proof) | {"holds": proof.holds} for proof in proofs]
            self.stdout.write(dumps(rows, indent=1))
        else:
            for proof in proofs:
                self.stdout.write(_line(proof))
        if not all(proof.holds for proof in proofs):
            sys.exit(1)


def _line(proof: Proof) -> str:
    """ "ok  donations   1234 looked at,    0 wrong  Every donation …" """
    mark = "ok" if proof.holds else "NO"
    line = (
        f"{mark}  {proof.name:<11} {proof.cases:>8} looked at, {proof.contradictions:>4} wrong"
        f"  {proof.sentence}"
    )
    if not proof.holds:
        more = ", …" if proof.contradictions > len(proof.examples) else ""
        line += f" Not so: {', '.join(proof.examples)}{more}"
    return line
