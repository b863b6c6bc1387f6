"""Clients that wrap a client: cache, single flight, budget, limits, recording, redaction, faults.

Evaluations and optimisations already keep, share and charge what they ask. These are for clients that are
used outside of a system, or composed by hand; they use the same keys, so both find the same answers::

    route = route_for("local/office")
    client = SingleFlight(Cached(Budgeted(route.client, meter), ledger, route.identity), route.identity)
    answer = await client.complete(request)
"""

from .budgeted import Budgeted
from .cached import Cached
from .faulty import FAULTS, Faulty
from .limited import Limited
from .recording import Exchange, Recording
from .redacting import Redacting
from .single_flight import SingleFlight

__all__ = [
    "FAULTS",
    "Budgeted",
    "Cached",
    "Exchange",
    "Faulty",
    "Limited",
    "Recording",
    "Redacting",
    "SingleFlight",
]
