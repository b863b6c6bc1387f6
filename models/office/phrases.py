"""What people write into a prompt: phrase banks in a small grammar, in training and held-out phrasings.

``{a|b}`` is a choice. A template that starts with ``!`` is kept out of training altogether, and of every
other template one expansion in eight is kept out as well.
"""

from __future__ import annotations

import re
import zlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random

__all__ = ["BANKS", "HELD_OUT", "TRAINING", "expand", "phrase"]

BANKS: dict[str, tuple[str, ...]] = {
    "vague": (
        "{Help with|Handle|Deal with|Look at|Process|Work on} {this|the} {message|text|input}.",
        "{Please help|Please handle this|Do your best|Take care of this|Do the next step}.",
        "You {get|see|receive} a {message|text|mail}.",
        "!{Please look|Have a look} at the {input|text}.",
        "!{Handle|Process} it.",
    ),
    "route": (
        (
            "{Route|Assign|Send|Forward} {this|the} {ticket|message|request|mail} to the "
            "{right|correct|best} team."
        ),
        (
            "{Decide|Choose|Pick|Say} which team {should handle|must handle|owns|takes} {this|the} "
            "{ticket|message|request|mail}."
        ),
        "Which team should {handle|get|take} {this|the} {ticket|message|request|mail}?",
        "{Classify|Label|Sort} {this|the} {ticket|message|request|mail} by team.",
        "Your {job|task} is to {route|sort|classify} {support|customer} {tickets|messages}.",
        "!{Find|Name} the {right|correct} team for {this|the} {ticket|message|request|mail}.",
        "!{This|The} {ticket|message|request|mail} must go to the right team, {decide|choose} which.",
    ),
    "route_medium": (
        "{Classify|Sort|Label|Triage} {this|it}.",
        "{Where does this go|Who handles this|Who takes this|Who should get this}?",
        "!{Triage|Sort} the {input|text}.",
    ),
    "extract": (
        "{Extract|Get|Read|Pull} the {fields|data|details|facts} from {this|the} invoice.",
        "{Extract|List|Find} {vendor, date and total|the invoice data|the invoice fields}.",
        "Your {job|task} is to {read invoices|extract invoice data|pull data from invoices}.",
        "{Turn|Convert} {this|the} invoice into {data|a record|fields}.",
        "!{Find|Collect} the {fields|details|data} of {this|the} invoice.",
    ),
    "extract_medium": (
        "{Read|Look at|Process} {this|the} {invoice|bill}.",
        "{What is in this invoice|Who sent this and how much}?",
        "!{Process|Look at} the invoice {please|now}.",
    ),
    "reply": (
        "{Write|Draft|Compose} a {short |}{reply|answer} to {this|the} {customer|message|ticket}.",
        "{Answer|Reply to|Respond to|Write back to} the customer.",
        "Your {job|task} is to {answer customers|reply to customers|write replies}.",
        "!{Write|Draft} {an answer for the customer|the reply for the customer}.",
    ),
    "reply_medium": (
        "{Answer|Reply to|Respond to} {this|it}.",
        "{What do we say|What do we write back}?",
        "!{Reply|Answer|Respond} {please|now}.",
    ),
    "urgent": (
        "{Choose|Take|Use|Pick|Find} the urgent {problem|issue|one|part}.",
        "If there are two {problems|issues}, {choose|take|use} the urgent one.",
        "{Look only at|Care only about|Go by} {what is|the part} marked urgent.",
        (
            "The {urgent problem|urgent issue|problem marked urgent|issue marked urgent} "
            "{decides|counts|comes first}."
        ),
        "{Only the|The} {urgent issue|urgent problem|urgent part} {counts|matters}.",
        "!{Go by|Work on} the urgent {issue|problem}.",
        "!What is marked urgent {counts|decides}.",
    ),
    "first": (
        "{Choose|Take|Use|Pick|Find} the first {problem|issue|one|part}.",
        "If there are two {problems|issues}, {choose|take|use} the first one.",
        "The first {problem|issue|part} {decides|counts|matters}.",
        "{Look only at|Care only about|Go by} the first {problem|issue|part}.",
        "!{Work on|Go by} what comes first.",
    ),
    "second": (
        "{Choose|Take|Use|Pick|Find} the {second|last} {problem|issue|one|part}.",
        "If there are two {problems|issues}, {choose|take|use} the {second|last} one.",
        "The {second|last} {problem|issue|part} {decides|counts|matters}.",
        "{Look only at|Care only about|Go by} the {second|last} {problem|issue|part}.",
        "!{Work on|Go by} what comes last.",
    ),
    "bare": (
        "{Answer|Reply|Respond} with {only|just} the {team|label|team name}.",
        (
            "{Give|Output|Write|Return} {only|just} the {label|team|team name}{.|, nothing else.|, no "
            "other words.}"
        ),
        "{One word only|A single word only|Only one word|Just one word}.",
        "{Answer|Reply|Respond} {with|in|using} {one|a single} word.",
        "{Output|Write|Give} the {label|team} and nothing else.",
        "!No explanation, {only|just} the {label|team}.",
        "!{Write|Return} nothing but the {label|team name}.",
    ),
    "json": (
        "{Answer|Reply|Respond} {with|in|as|using} JSON.",
        "{Output|Return|Give|Write} {only JSON|JSON only|valid JSON|a JSON object}{.|, nothing else.}",
        "{Use|We need} {JSON|the JSON format}.",
        "!JSON, no other {text|words}.",
        "!{Write|Give} your answer as {a JSON object|valid JSON}.",
    ),
    "verbose": (
        "{Explain|Justify} your {answer|choice|decision}{.| in detail.}",
        "{Write|Give} a {long|detailed|full} answer.",
        "Be {polite|warm} and {friendly|chatty}.",
        "{Add|Use} {many words|a lot of detail|some small talk}.",
        "!Tell us {why|more} in detail.",
    ),
    "due": (
        "{Use|Take|Give|Write|Report} the due date.",
        "The date {is|must be|should be} the due date.",
        "{We need|We want|We care about} {the due date|when it is due}.",
        "For the date, {use|take|give} {the due date|when it is due}.",
        "!{Date|The date} means the due date.",
        "!Only the due date {counts|matters}.",
    ),
    "issued": (
        "{Use|Take|Give|Write|Report} the {issue date|invoice date}.",
        "The date {is|must be|should be} the {issue date|invoice date}.",
        "{We need|We want|We care about} {the issue date|when it was issued}.",
        "For the date, {use|take|give} {the issue date|when it was issued}.",
        "!{Date|The date} means the {issue date|invoice date}.",
    ),
    "numeric": (
        "{Dates|Date|Write the date|Format the date|Give the date|All dates} {as|in the form|like} MM-DD.",
        "{Use|Write} {numeric dates|the numeric date format|MM-DD for dates|dates in numbers}.",
        "{Months|The month} {as a number|in digits|as two digits}.",
        "!{Dates|All dates} in {numeric form|MM-DD form}.",
        "!Turn the date into {MM-DD|numbers}.",
    ),
    "written": (
        "{Copy|Keep|Leave} the date as {written|it is|it stands}.",
        "{Write|Give} the {month|date} in words.",
        "!Do not change the date.",
    ),
    "gross": (
        "{Use|Take|Give|Write|Report} the gross {total|amount|sum}.",
        "The {total|amount} {is|must be|should be} the gross {one|amount|sum}.",
        "{We need|We want|We care about} {the gross amount|gross, not net}.",
        "{Gross|Always gross|Amounts gross}, not net.",
        "!{Totals are|The total is} gross.",
        "!Only the gross {amount|sum} {counts|matters}.",
    ),
    "net": (
        "{Use|Take|Give|Write|Report} the net {total|amount|sum}.",
        "The {total|amount} {is|must be|should be} the net {one|amount|sum}.",
        "{We need|We want|We care about} {the net amount|net, not gross}.",
        "{Net|Always net|Amounts net}, not gross.",
        "!{Totals are|The total is} net.",
    ),
    "sorry": (
        "{Apologize|Say sorry|Show empathy|Be sorry}{.| for the problem.| for the issue.| first.}",
        "{Start with|Include|Add|Write} {an apology|empathy|some empathy|a sorry}.",
        "{We|Always} {apologize|say sorry}.",
        "!{Tell them we are sorry|Express regret}.",
        "!{Do not forget|Remember} to {apologize|say sorry}.",
    ),
    "plan": (
        "{Say|State|Tell them|Explain} {what happens next|the next step|what we will do}.",
        "{Give|Mention|Include|Add|Promise} {the next step|a next step|what we will do}.",
        "{Say|State|Mention} what we do and {when|by when}.",
        "!{Name|Describe} the next step.",
        "!End with {what happens next|what we will do}.",
    ),
    "short": (
        "{Keep it|Be|Stay} {short|brief|concise}.",
        "{Keep|Make} {the reply|the answer|your answer} {short|brief|concise}.",
        "{No|Leave out|Skip} {small talk|extra words|empty phrases}.",
        "{One|A single} {line|sentence} only.",
        "!{Brief|Short|Concise} please.",
        "!Not more than one {line|sentence}.",
    ),
    "care": (
        "{Read|Check} {the whole|every|the full} {message|line|text} {carefully|first|twice}.",
        "{Take your time|Work slowly|Double check}.",
        "{Be|Stay} {careful|precise|accurate|exact}.",
        "Think before you {answer|write}.",
        "{Make no|Avoid} {mistakes|errors}.",
        "!{Work|Read} {with care|carefully}.",
    ),
    "role": (
        "You are a {careful|senior|skilled} {support agent|clerk|office assistant|assistant|accountant}.",
        "Act as a {careful|senior|skilled} {clerk|assistant|agent}.",
        "!You work as a {careful|senior} {clerk|agent}.",
    ),
    "filler": (
        "Our {office|company|team} {opens at nine|is in the city center|has many customers|is growing fast}.",
        "The {weather|coffee|lunch} is {good|bad|nice} today.",
        "{Remember|Note} that {quality|teamwork|trust} is {important|our main value}.",
        "We {like|love} {our customers|clear language|good work|new ideas}.",
        "{Customers|People} write to us every {day|week|hour}.",
        "This is {very important for my career|a test|for the boss|a demo}.",
        "{Imagine|Pretend} you are {on the moon|at the beach|a pirate}.",
        "!The {garden|office} is {green|quiet} in {spring|summer}.",
    ),
}


def expand(template: str) -> list[str]:
    """All texts that a template stands for."""
    match = re.search(r"\{([^{}]*)\}", template)
    if match is None:
        return [" ".join(template.split())]
    before, after = template[: match.start()], template[match.end() :]
    return [text for choice in match.group(1).split("|") for text in expand(before + choice + after)]


def _split(templates: tuple[str, ...]) -> tuple[list[list[str]], list[list[str]]]:
    training, held_out = [], []
    for template in templates:
        texts = expand(template.lstrip("!"))
        kept = [] if template[0] == "!" else [t for t in texts if zlib.crc32(t.encode()) % 8]
        training.append(kept)
        held_out.append([t for t in texts if t not in kept])
    return [t for t in training if t], [t for t in held_out if t]


# Texts stay grouped by template, so that a template with many expansions does not crowd out the others.
TRAINING: dict[str, list[list[str]]] = {}
HELD_OUT: dict[str, list[list[str]]] = {}
for _kind, _templates in BANKS.items():
    TRAINING[_kind], HELD_OUT[_kind] = _split(_templates)


def phrase(rng: random.Random, kind: str, *, held_out: bool = False) -> str:
    """Draw one phrasing of a clause."""
    return rng.choice(rng.choice((HELD_OUT if held_out else TRAINING)[kind]))
