"""Model calls that another library makes inside a lane: set aside before, charged after, never kept.

A library with clients, a cache and threads of its own asks its models itself. It says before each call that
there is one, so that no budget is exceeded, and afterwards what the call used.
"""

from __future__ import annotations

import asyncio
import threading

from hyperfunc.errors import BudgetError
from hyperfunc.ledger import Reservation
from hyperfunc.ledger.keys import content_key
from hyperfunc.program.binding import current_frame

from .account import Charge
from .frames import LaneFrame
from .hosting import can_park, park

__all__ = ["ForeignCall", "foreign_call"]

_COUNTED = "|foreign"


def foreign_call(most: Charge) -> ForeignCall | None:
    """A call that is about to be made here, or ``None`` outside of an evaluation, where nothing is counted.

    Args:
        most: what it may use. Unknown dollars are refused under a budget in dollars.
    """
    frame = current_frame()
    return ForeignCall(frame, most) if isinstance(frame, LaneFrame) else None


class ForeignCall:
    """One model call of another library.

    Args:
        frame: where it is made.
        most: what it may use.
    """

    def __init__(self, frame: LaneFrame, most: Charge) -> None:
        self._frame = frame
        self.most = most
        self._reservation: Reservation | None = None
        self._key = ""

    async def begin(self) -> None:
        """Set it aside, on the loop of the evaluation; waits while calls in flight may give something back.

        Raises:
            BudgetError: nothing more may be dispatched; the lane then has no result.
            CallError: the lane is over.
        """
        session = self._frame.lane.session
        self._claim()
        try:
            self._begun(await session.traffic.begin_foreign(self.most.tokens, self.most.dollars))
        except BudgetError as error:
            self._frame.refused(error)
            raise

    def begin_here(self) -> None:
        """:meth:`begin` from synchronous code: of a thread, or of a lane that can park.

        Raises:
            BudgetError: as there.
        """
        session = self._frame.lane.session
        if threading.get_ident() != session.thread:
            asyncio.run_coroutine_threadsafe(self.begin(), session.loop).result()
        elif can_park():
            park(self.begin())
        else:
            self._claim()
            try:
                self._begun(session.traffic.begin_foreign_now(self.most.tokens, self.most.dollars))
            except BudgetError as error:
                self._frame.refused(error)
                raise

    def end(self, charge: Charge, *, shaky: bool = False) -> None:
        """Say what it used; from any thread.

        Args:
            charge: tokens and dollars.
            shaky: it failed for reasons that are not the program's, so that a lane that fails of it has no
                score instead of a bad one.
        """
        session = self._frame.lane.session
        if threading.get_ident() == session.thread:
            self._end(charge, shaky)
        else:
            session.loop.call_soon_threadsafe(self._end, charge, shaky)

    def _claim(self) -> None:
        """A place of its own, by which it is charged."""
        lane = self._frame.lane
        self._key = content_key(
            "foreign", lane.session.origin, getattr(lane.binding.values, "id", ""), lane.luck, lane.repeat,
            lane.number, [*self._frame.place, self._frame.count(_COUNTED)],
        )  # fmt: skip

    def _begun(self, reservation: Reservation) -> None:
        self._reservation = reservation
        self._frame.lane.flying += 1

    def _end(self, charge: Charge, shaky: bool) -> None:
        lane = self._frame.lane
        reservation, self._reservation = self._reservation, None
        assert reservation is not None
        lane.session.account.pay(self._key, charge, reservation)
        lane.session.traffic.end_foreign()
        self._frame.charge(self._key, charge)
        lane.shaky = lane.shaky or shaky
        lane.landed()
