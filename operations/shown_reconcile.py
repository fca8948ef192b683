"""Shows what `make reconcile` finds: each finding at once, and in the end the sums and a verdict, or all as JSON."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from local.console import console, shown
from local.tables import Cell, Column, number, print_table
from operations.reconcile_receipts import BatchReport
from operations.shown_batches import document_of_batch, print_verdict, print_waiting, rows_of
from saxaul.audit import Finding, Holdings
from saxaul.catalog.sentences import counted
from saxaul.ledger.batches import WaitingBatch


@dataclass
class Report:
    """The number of faults, the number of users, and the sums of points over all users."""

    users: int = 0
    earned: int = 0
    spendable: int = 0
    ripening: int = 0
    spent: int = 0
    faults: int = 0

    def add(self, holdings: Holdings) -> None:
        self.users += 1
        self.earned += holdings.earned
        self.spendable += holdings.wallet.balance
        self.ripening += holdings.ripening
        self.spent += holdings.wallet.spent


@dataclass
class Found:
    """What was found in a ledger, in seconds since 1970. ``batches`` is None if the receipts are not checked."""

    table: str
    now: int
    ledger: Report = field(default_factory=Report)
    batches: BatchReport | None = None
    waiting: Sequence[WaitingBatch] = ()
    findings: list[Finding] = field(default_factory=list)

    @property
    def adds_up(self) -> bool:
        return not self.ledger.faults and not (self.batches and self.batches.faults)

    def wait(self, batches: Sequence[WaitingBatch]) -> None:
        """Note and print the batches that wait."""
        self.waiting = batches
        print_waiting(batches, self.now)

    def add(self, finding: Finding) -> None:
        """Note and print a finding."""
        self.findings.append(finding)
        mark = "[red]✗[/]" if finding.is_fault else "[yellow]·[/]"
        console.print(mark, f"{shown(finding.subject)}: {shown(finding.detail)}")

    def print_sums(self) -> None:
        ledger = self.ledger
        rows: list[tuple[Cell, ...]] = [
            *(rows_of(self.batches.sums) if self.batches else ()),
            ("users checked", ledger.users),
            ("points earned", ledger.earned),
            ("  ripening (not harvested)", ledger.ripening),
            ("  spendable", ledger.spendable),
            ("  spent", ledger.spent),
        ]
        print_table([Column(), number()], rows)
        if self.batches:
            print_verdict(self.batches)
        if ledger.faults:
            console.print(f"[red]✗[/] {shown(counted(ledger.faults, 'fault'))}: the ledger does not add up")
        else:
            console.print("[green]✓[/] earned = ripening + spendable + spent, for every user and in total")

    def document(self) -> dict[str, Any]:
        """Return everything as a JSON object."""
        batches = self.batches and {
            "faults": self.batches.faults,
            **asdict(self.batches.sums),
            "open": [document_of_batch(batch, self.now) for batch in self.waiting],
        }
        return {
            "table": self.table,
            "adds_up": self.adds_up,
            "ledger": asdict(self.ledger),
            "batches": batches,
            "findings": [finding._asdict() for finding in self.findings],
        }
