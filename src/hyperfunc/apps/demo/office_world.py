"""The office: short tickets, short invoices, and how an answer to them is written.

Everything is drawn from a `random.Random`, so that an item is a function of its seed. The same
code makes the items of the demo and the training texts of the embedded model ``local/office``.
A `Style` is the list of decisions behind one answer; who writes an answer takes them all.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hyperfunc.apps.demo.office_words import (
    ACTIONS,
    BYE,
    CALM,
    GREETINGS,
    HEADS,
    HELLO,
    ISSUES,
    KEYS,
    LABELS,
    MONTHS,
    NAMES,
    PRODUCTS,
    RAMBLE,
    SIGNOFFS,
    TAILS,
    TEAMS,
    TIMES,
    URGENT,
)

if TYPE_CHECKING:
    import random

__all__ = [
    "Invoice",
    "Style",
    "Ticket",
    "draw_invoice",
    "draw_ticket",
    "write_date",
    "write_extract",
    "write_reply",
    "write_route",
]


@dataclass(frozen=True, slots=True)
class Ticket:
    """A customer's message with two issues, one of which is marked urgent.

    Args:
        text: what the customer wrote.
        name: who signed it.
        teams: the team (a word of `TEAMS`) of the first and of the second issue.
        nouns: what a reply calls the first and the second issue.
        urgent: 0 or 1, the issue that is marked urgent.
    """

    text: str
    name: str
    teams: tuple[str, str]
    nouns: tuple[str, str]
    urgent: int

    def issue(self, policy: str) -> int:
        """The issue that counts under a policy: ``urgent``, ``first`` or ``second``."""
        return {"urgent": self.urgent, "first": 0, "second": 1}[policy]


@dataclass(frozen=True, slots=True)
class Invoice:
    """A one-line invoice. Dates are (month 1 to 12, day 1 to 28); amounts are whole numbers."""

    text: str
    vendor: str
    issued: tuple[int, int]
    due: tuple[int, int]
    net: int
    gross: int


@dataclass(frozen=True, slots=True)
class Style:
    """Every decision behind one answer.

    Args:
        policy: which issue counts: ``urgent``, ``first``, ``second``.
        labels, keys, tone: row of `LABELS`, `KEYS`, `GREETINGS`.
        route_form: ``bare``, ``json``, ``sentence``, ``chatty``.
        extract_form: ``json``, ``list``, ``chatty``.
        due, gross, numeric: which date, which total, and whether the date is written MM-DD.
        sorry, plan, short: whether a reply apologizes, names the next step, and stops there.
    """

    policy: str = "urgent"
    labels: int = 0
    keys: int = 0
    tone: int = 0
    route_form: str = "bare"
    extract_form: str = "json"
    due: bool = True
    gross: bool = True
    numeric: bool = True
    sorry: bool = True
    plan: bool = True
    short: bool = True


def draw_ticket(rng: random.Random, team: str | None = None) -> Ticket:
    """Draw a ticket; ``team`` fixes the team of its urgent issue."""
    urgent = rng.randrange(2)
    first, second = rng.sample(TEAMS, 2)
    if team is not None:
        other = rng.choice([name for name in TEAMS if name != team])
        first, second = (team, other) if urgent == 0 else (other, team)
    parts, nouns = [], []
    for place, name in enumerate((first, second)):
        said, noun = rng.choice(ISSUES[name])
        product = rng.choice(PRODUCTS)
        said, noun = (" ".join(product if w == "P" else w for w in text.split()) for text in (said, noun))
        mark = rng.choice(URGENT if place == urgent else CALM)
        link = rng.choice(("", "Also, ", "And ")) if place and not mark else ""
        body = said if mark or link else said[0].upper() + said[1:]
        parts.append(f"{link}{mark}{body}.")
        nouns.append(noun)
    name = rng.choice(NAMES)
    text = f"{rng.choice(HELLO)}{parts[0]} {parts[1]} {rng.choice(BYE)}{name}"
    return Ticket(text, name, (first, second), (nouns[0], nouns[1]), urgent)


def draw_invoice(rng: random.Random) -> Invoice:
    """Draw an invoice with two dates and two totals."""
    vendor = rng.choice(HEADS) + rng.choice(TAILS)
    issued, due = ((rng.randint(1, 12), rng.randint(1, 28)) for _ in range(2))
    net = rng.randint(10, 80)
    gross = net + rng.randint(2, 19)
    dates = [
        f"{rng.choice(('issued', 'dated'))} {write_date(issued, False)}",
        f"due {write_date(due, False)}",
    ]
    sums = [f"net {net}", f"gross {gross}"]
    rng.shuffle(dates)
    rng.shuffle(sums)
    blocks = [", ".join(dates), ", ".join(sums) + " EUR"]
    rng.shuffle(blocks)
    head = rng.choice((f"Invoice of {vendor}", f"Bill by {vendor}", f"{vendor}"))
    return Invoice(f"{head}: {blocks[0]}, {blocks[1]}.", vendor, issued, due, net, gross)


def write_date(date: tuple[int, int], numeric: bool) -> str:
    """``05-17`` or ``May 17``."""
    month, day = date
    return f"{month:02d}-{day:02d}" if numeric else f"{MONTHS[month - 1]} {day}"


def write_route(rng: random.Random, ticket: Ticket, style: Style) -> str:
    """Name the team of the issue that counts."""
    label = LABELS[style.labels][TEAMS.index(ticket.teams[ticket.issue(style.policy)])]
    if style.route_form == "bare":
        return label
    if style.route_form == "json":
        return f'{{"team": "{label}"}}'
    if style.route_form == "sentence":
        return rng.choice(("This goes to {}.", "Send it to {}.", "It is for {}.")).format(label)
    opening = rng.choice(("Thanks for the message. ", "Good question. ", "Let me see. "))
    return opening + rng.choice(("I think the {} team could help.", "Maybe {} knows more.")).format(label)


def write_extract(rng: random.Random, invoice: Invoice, style: Style) -> str:
    """State vendor, date and total."""
    date = write_date(invoice.due if style.due else invoice.issued, style.numeric)
    total = invoice.gross if style.gross else invoice.net
    vendor_key, date_key, total_key = KEYS[style.keys]
    if style.extract_form == "json":
        return f'{{"{vendor_key}": "{invoice.vendor}", "{date_key}": "{date}", "{total_key}": {total}}}'
    if style.extract_form == "list":
        return f"{vendor_key}: {invoice.vendor}, {date_key}: {date}, {total_key}: {total}"
    phrase = rng.choice(
        ("This is a bill by {} for {}.", "{} wants {} from us.", "We should pay {} an amount of {}.")
    )
    return phrase.format(invoice.vendor, total)


def write_reply(rng: random.Random, ticket: Ticket, style: Style) -> str:
    """Answer the customer on the issue that counts."""
    issue = ticket.issue(style.policy)
    noun, team = ticket.nouns[issue], ticket.teams[issue]
    opening = rng.choice(
        ("sorry for the", "we are sorry for the") if style.sorry else ("about the", "we saw the")
    )
    plan = f"we will {rng.choice(ACTIONS[team])} {rng.choice(TIMES)}." if style.plan else "it is noted."
    ramble = "" if style.short else f" {rng.choice(RAMBLE)}"
    return (
        f"{GREETINGS[style.tone].format(ticket.name)} {opening} {noun}, {plan}{ramble} {SIGNOFFS[style.tone]}"
    )
