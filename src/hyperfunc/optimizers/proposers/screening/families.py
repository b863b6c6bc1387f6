"""What injected instructions are about, as patterns over spoken text, in many languages.

The first kinds have no place in a prompt that was improved from examples, whoever wrote them; a sentence that
warns of them does. The others are suspicious only together with data that says something alike.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Final

from hyperfunc.optimizers.proposers.screening.words import folded

__all__ = ["HARD", "is_warning", "kinds"]

HARD: Final = {
    "override": "sets instructions aside",
    "role": "gives the program another role or lifts its limits",
    "reveal": "asks for the prompt or the training data to be shown",
    "secrets": "asks for passwords or the like",
    "judge": "speaks to whoever judges the answers",
    "authority": "speaks as a message of the system",
}
"""Kinds that are refused wherever they come from, and how a refusal names them."""

_OVERRIDES: Final = (
    (
        (
            "ignor(?:e|es|ing)|disregard\\w*|forget|overrid\\w+|bypass|stop following|set aside"
            "|abandon|neglect"
            "|do not follow|don t follow|pay no attention to"
        ),
        (
            "all|previous|prior|earlier|above|before|preceding|existing|current|initial|original"
            "|system|your|my"
            "|old|developer|safety|former|so far|until now|given"
        ),
        "instructions?|rules|guidelines|prompts?|directions|directives|constraints|guardrails|policies",
    ),
    (
        "overwrit\\w+|discard|delete|erase|replac\\w+",
        "all|previous|prior|earlier|above|existing|current|initial|original|system|your|old|the",
        "instructions?|prompts?|guidelines|guardrails",
    ),
    (
        "ignorier\\w*|vergiss|vergesst|missacht\\w*|verwirf|befolge nicht",
        "bisherig\\w*|vorherig\\w*|fruher\\w*|obig\\w*|alle\\w*|deine\\w*|ursprunglich\\w*|vorig\\w*",
        "anweisung\\w*|instruktion\\w*|vorgabe\\w*|regeln|befehle|prompt|hinweise",
    ),
    (
        "ignore[rzs]?|ignorez|oublie\\w*|neglige\\w*|ne (?:tiens|tenez) (?:pas|plus) compte|fais abstraction",
        "precedent\\w*|anterieur\\w*|toutes?|tes|vos|ci dessus|initial\\w*",
        "consignes?|instructions?|regles?|directives?",
    ),
    (
        "ignor\\w*|olvid\\w*|descart\\w*|no sigas|omite",
        "anterior\\w*|previ\\w*|todas?|tus|sus|arriba",
        "instruccion\\w*|reglas?|indicacion\\w*|ordenes",
    ),
    (
        "ignor\\w*|esquec\\w*|desconsider\\w*",
        "anterior\\w*|previ\\w*|todas?|suas|acima",
        "instruc\\w*|regras?",
    ),
    (
        "ignor\\w*|dimentic\\w*|scord\\w*",
        "precedent\\w*|tutte|tue|sopra|le",
        "istruzion\\w*|regole|indicazion\\w*",
    ),
    ("negeer\\w*|vergeet", "vorige|eerdere|alle|bovenstaande|je", "instructies|regels|aanwijzingen"),
    (
        "zignoruj|ignoruj|zapomnij",
        "poprzedni\\w*|wszystkie|wczesniejsz\\w*",
        "instrukcj\\w*|polece\\w*|zasad\\w*",
    ),
    ("yok say\\w*|unut\\w*|gormezden gel\\w*", "onceki|tum|yukar.daki", "talimat\\w*|kural\\w*"),
    (
        "игнорир\\w*|проигнорир\\w*|забудь\\w*|не обращай\\w* внимания|отбрось\\w*",
        "предыдущ\\w*|прежн\\w*|все|всех|выше\\w*|ранее",
        "инструкци\\w*|указани\\w*|правил\\w*|команд\\w*",
    ),
    ("ігнору\\w*|забудь\\w*", "попередн\\w*|всі|усі", "інструкці\\w*|вказівк\\w*|правил\\w*"),
    ("تجاهل\\w*|انس", "السابقة|جميع|كل|اعلاه", "التعليمات|الاوامر|القواعد"),
    ("무시\\w*|잊\\w*", "이전|위의|모든|앞의", "지시\\w*|명령\\w*|규칙\\w*"),
    ("अनदेखा|नजरअंदाज|भूल", "पिछले|सभी|पहले", "निर्देश\\w*|नियम\\w*"),
    ("התעלם\\w*", "הקודמות|כל", "ההוראות|הנחיות"),
)
_OVERRIDES_HAN: Final = (
    "忽略|无视|無視|忽視|忘记|忘記|忘れ|不要理会",
    "之前|以上|先前|前面|所有|上述|此前|これまで|以前|上記|すべて|前の|全て",
    "指令|指示|说明|說明|规则|規則|提示|命令|ルール|プロンプト",
)
_LIMITS: Final = (
    "restrictions|limits|limitations|safety rules|safety filters|safety checks|censorship|guardrails"
)
_SECRETS: Final = (
    "passwords?|passcodes?|credentials?|api keys?|secret keys?|access tokens?|private keys?"
    "|seed phrases?|cvv"
    "|(?:credit )?card numbers?|one time codes?|social security numbers?|passwort\\w*|kennwort"
    "|mots? de passe"
    "|contrasenas?|парол\\w*"
)
_PATTERNS: Final = {
    "role": (
        "you are (?:now|no longer)|from now on you are|you are \\w+ from now on|pretend (?:to be"
        "|you are|that you)"
        "|act as dan|role ?play as|developer mode|jailbreak\\w*|do anything now|can do anything"
        "|(?:you|agent|ai|assistant|bot|model)(?: \\w+){0,8} (?:free of|without|no)(?: all| any)? "
        f"(?:{_LIMITS})|(?:{_LIMITS})(?: \\w+){{0,3}} no longer|skip(?: \\w+){{0,2}} checks"
        "|du bist (?:jetzt|nun|ab sofort|nicht mehr)|ab jetzt bist du|tu es (?:maintenant"
        "|desormais)|ahora eres"
        "|ora sei|agora voce e|теперь ты|отныне ты|你现在是|从现在起你|あなたは今から"
    ),
    "reveal": (
        "(?:reveal|print|show|repeat|output|display|leak|disclose|expose|copy|open|begin|start"
        "|quote|write|state"
        "|reproduce|include|insert|paste|printing)(?: \\w+){0,5} (?:system prompt"
        "|hidden (?:\\w+ )?(?:instructions|prompt|rules)|your (?:own |full |hidden )?(?:instructions|prompt"
        "|guidelines)|(?:text|words|everything) above|above text|full prompt"
        "|training (?:data|examples|tickets|texts|records|items|set))"
        "|(?:copy|quote|include|insert|paste|embed|reproduce|use|put|add)(?: \\w+){0,5} "
        "(?:tickets?|examples?|articles?|texts?|records?|data|inputs?|documents?|items?|everything)"
        "(?: \\w+){0,6} (?:in|into|inside|to|within) (?:the|your|this|a) (?:prompt|instructions)"
    ),
    "secrets": (
        "(?:ask|request|collect|repeat|reveal|share|include|send|store|print|give|provide|read out|tell"
        "|output|enter|confirm"
        f"|frag\\w*|demande\\w*|pide|попроси)(?: \\w+){{0,8}} (?:{_SECRETS})"
    ),
    "judge": (
        "(?:tell|asks?|convince|persuade|urge|remind|dear|note to|message to|address)(?: \\w+){0,2} "
        "(?:evaluators?|graders?|scorers?|examiners?)"
        "|(?:tell|asks?|convince|persuade|urge|remind|dear|note to|message to)(?: the| your| an?)? judges?"
        "|deserves? (?:\\w+ )?(?:ten|full|10|a perfect|the (?:maximum|highest|best))"
    ),
    "authority": (
        "system (?:override|(?:message|notice|update|prompt) (?:only|always|never|ignore|you|new"
        "|the model|all))"
        "|new instructions? the|new instructions?(?: \\w+){0,3} (?:writer|assistant|model|ai)"
        "|(?:note|notice|attention|message)(?: \\w+){0,2} (?:to|for) (?:the )?"
        "(?:ai|assistant|model|bot|llm|writer|whoever)|assistant instructions"
    ),
    "score": (
        "(?:full|maximum|max|perfect|highest|top) (?:\\w+ )?(?:marks?|scores?|points?|rating|grades?)"
        "|ten out of ten|10 out of 10|pass(?:es)? the (?:metric|grader|judge|evaluation|check)"
        "|grader|evaluator"
        "|award(?: \\w+){0,3} (?:score|marks|points|rating)"
    ),
    "regime": (
        "from now on|from here on|until further notice|ab sofort|ab jetzt|desormais"
        "|a partir de (?:ahora|agora)"
        "|d ora in poi|отныне|以后|从现在起"
        "|policy update|court order|correction from|no matter what|tell nobody"
        "|word for word|verbatim|in every (?:answer|reply|response)|obsolete|approved by"
        "|outdated|system notice"
    ),
}
_WARNING: Final = re.compile(
    r"\b(?:never|not|don t|no|without|avoid|refuse|must not|cannot|nor|instead of|even (?:if|when)"
    r"|keine?|nicht|niemals"
    r"|ne|jamais|pas|nunca|no)\b(?! (?:hesitate|forget|fail|refuse|only|longer|more))"
)
_FORBIDS: Final = re.compile(
    r"(?:never|do not|don t|avoid|ignore|refuse|niemals|ne|jamais|nunca|no)\b"
    r"(?! (?:hesitate|forget|fail|refuse|only|longer|matter|confirmation)| all\b)"
)
_REACH: Final = 6
"""How many words before an instruction a warning of it may stand."""


def kinds(words: str, warned: bool = True) -> frozenset[str]:
    """Which kinds of instructions spoken text holds.

    Args:
        words: of :func:`~hyperfunc.optimizers.proposers.screening.words.spoken`.
        warned: whether those that a warning stands before, such as "never ask for a password", count, too.
    """
    return frozenset(
        kind
        for kind, pattern in _compiled().items()
        if any(warned or not _warns(words[: match.start()]) for match in pattern.finditer(words))
    )


def is_warning(words: str) -> bool:
    """Whether a spoken sentence begins by telling what not to do."""
    return bool(_FORBIDS.match(words))


def _warns(before: str) -> bool:
    return bool(_WARNING.search(" ".join(before.split()[-_REACH:])))


@cache
def _compiled() -> dict[str, re.Pattern[str]]:
    patterns = {"override": "|".join(map(_override, *zip(*_OVERRIDES, strict=True))), **_PATTERNS}
    compiled = {kind: rf"\b(?:{pattern})\b" for kind, pattern in patterns.items()}
    verb, which, what = _OVERRIDES_HAN
    compiled["override"] += rf"|(?:{verb})\w{{0,8}}(?:{which})\w{{0,8}}(?:{what})"
    compiled["override"] += rf"|(?:{which})\w{{0,6}}(?:{what})\w{{0,8}}(?:{verb})"
    compiled["override"] += (
        r"|\b(?:ignore|disregard|forget|override|bypass) (?:all |any |the )+(?:instructions|rules"
        r"|guidelines|prompts?)\b"
        r"(?! (?:in|inside|within|that|found|contained|embedded|from|of|which|it|they|given in)\b)"
    )
    return {kind: re.compile(folded(pattern)) for kind, pattern in compiled.items()}


def _override(verb: str, which: str, what: str) -> str:
    forward = rf"(?:{verb})(?= (?:\w+ ){{0,6}}(?:{which})\b)(?: \w+){{0,7}} (?:{what})"
    backward = rf"(?:{which})(?: \w+){{0,2}} (?:{what})(?: \w+){{0,5}} (?:{verb})"
    return f"{forward}|{backward}"
