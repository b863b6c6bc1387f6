"""The words of the office: who works there, what customers complain about, and how each house talks."""

from __future__ import annotations

__all__ = [
    "ACTIONS",
    "BYE",
    "CALM",
    "GREETINGS",
    "HEADS",
    "HELLO",
    "ISSUES",
    "KEYS",
    "LABELS",
    "MONTHS",
    "NAMES",
    "PRODUCTS",
    "RAMBLE",
    "SIGNOFFS",
    "TAILS",
    "TEAMS",
    "TIMES",
    "URGENT",
]

TEAMS = ("billing", "shipping", "technical", "account", "sales")

# One row is one house's way of naming its teams; columns follow TEAMS.
LABELS = (
    ("billing", "shipping", "technical", "account", "sales"),
    ("payments", "delivery", "support", "access", "offers"),
    ("finance", "logistics", "engineering", "identity", "orders"),
    ("BIL", "SHP", "TEC", "ACC", "SAL"),
    ("money", "parcels", "devices", "logins", "deals"),
)
# One row is one house's key names for vendor, date and total.
KEYS = (
    ("vendor", "date", "total"),
    ("supplier", "day", "amount"),
    ("seller", "when", "sum"),
    ("firm", "term", "cost"),
)
# One row of greeting and sign-off is one house's tone.
GREETINGS = ("Hello {},", "Hi {},", "Dear {},", "Good day {},", "Greetings {},")
SIGNOFFS = (
    "Best regards.",
    "Cheers, Sam.",
    "Yours, the service desk.",
    "Thanks, Team Blue.",
    "At your service.",
)

# fmt: off
NAMES = (
    "Maria", "Tom", "Anna", "Peter", "Lena", "Omar", "Ivan", "Julia", "Kofi", "Nina", "Paul", "Sara",
    "Hugo", "Emma", "Liam", "Noah", "Mia", "Eva", "Leo", "Ada", "Ben", "Zoe", "Max", "Ida", "Jan", "Kai",
    "Ruth", "Alex", "Tina", "Vera", "Olga", "Rosa", "Carl", "Dora", "Fred", "Gina", "Hans", "Iris", "Jack",
    "Kate",
)
PRODUCTS = (
    "chair", "lamp", "desk", "printer", "laptop", "phone", "headset", "monitor", "camera", "router",
    "keyboard", "bag", "bottle", "watch",
)
HEADS = (
    "Nor", "Ver", "Kel", "Dor", "Bas", "Sil", "Tec", "Lum", "Fen", "Gro", "Zan", "Pel", "Qui", "Ter", "Hal",
    "Vik", "Lo", "Sun", "Wel", "Prim", "Cor", "Nix", "Mar", "Ost",
)
TAILS = (
    "vex", "al", "ta", "mi", "ron", "do", "ba", "sta", "men", "bis", "fa", "gran", "ler", "qua", "dra",
    "eco", "wood", "den", "port", "line", "tek", "mond", "via", "sen",
)
MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
    "November", "December",
)
# fmt: on

# (what the customer writes, what the reply calls it); P is a product.
ISSUES: dict[str, tuple[tuple[str, str], ...]] = {
    "billing": (
        ("I was charged twice for the P", "double charge"),
        ("my card was charged too much", "wrong charge"),
        ("my refund has not arrived", "late refund"),
        ("there is a late fee on my bill", "late fee"),
        ("the tax on the invoice is wrong", "wrong tax"),
        ("you took the payment too early", "early payment"),
    ),
    "shipping": (
        ("my parcel has not arrived", "late parcel"),
        ("the driver left the box at the wrong door", "lost box"),
        ("the tracking page does not move", "stuck parcel"),
        ("the P came to the wrong city", "wrong address"),
        ("the package with the P is lost", "lost package"),
        ("the box was open and wet", "wet box"),
    ),
    "technical": (
        ("the app crashes when I open it", "app crash"),
        ("the P stopped working", "broken P"),
        ("I get an error in the report", "report error"),
        ("the screen of the P stays black", "black screen"),
        ("the site freezes on every page", "frozen site"),
        ("the P does not turn on", "dead P"),
    ),
    "account": (
        ("I cannot log in", "login problem"),
        ("I forgot my password", "lost password"),
        ("please change my email", "old email"),
        ("my profile is locked", "locked profile"),
        ("someone else used my login", "stolen login"),
        ("I want to delete my user data", "user data"),
    ),
    "sales": (
        ("I would like a quote for the P", "quote request"),
        ("do you have a discount for schools", "discount question"),
        ("can I upgrade to the pro plan", "upgrade question"),
        ("which plan fits a small team", "plan question"),
        ("do you have the P in blue", "color question"),
        ("how much is the P", "price question"),
    ),
}
ACTIONS: dict[str, tuple[str, ...]] = {
    "billing": ("check the payment", "correct the charge", "review the invoice"),
    "shipping": ("find the parcel", "call the driver", "send it again"),
    "technical": ("fix the error", "look into the bug", "test the device"),
    "account": ("reset the login", "unlock the profile", "update the profile"),
    "sales": ("send an offer", "send the price list", "prepare a quote"),
}
TIMES = ("today", "tomorrow", "by Monday", "by Friday", "this week")
URGENT = ("URGENT: ", "Urgent: ", "This is urgent: ")
CALM = ("", "", "", "No hurry: ")
HELLO = ("", "", "", "Hi, ", "Hello, ")
BYE = ("Thanks, ", "Regards, ", "Best, ", "")
RAMBLE = (
    "We value your trust.",
    "We are always here for you.",
    "Your opinion is important.",
    "Have a nice week.",
)
