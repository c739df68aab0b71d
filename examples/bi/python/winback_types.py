"""The types of winback as values of Python.

winback_psycopg.py and winback_asyncpg.py make the drivers return and accept them. A status or an
event is also a str, so status == "won_back" holds.
"""
import struct
from dataclasses import dataclass
from decimal import Context, Decimal
from enum import Enum
from typing import Optional


class Label(str, Enum):
    """A value that PostgreSQL shows as a word. It is sorted as PostgreSQL sorts it."""

    def __str__(self):
        return self.value

    def __lt__(self, other):
        order = list(type(self))
        return order.index(self) < order.index(type(self)(other))

    def __gt__(self, other):
        return type(self)(other) < self

    def __le__(self, other):
        return not self > other

    def __ge__(self, other):
        return not self < other

    @classmethod
    def from_text(cls, text):
        return cls(text)

    @classmethod
    def from_binary(cls, data):
        return cls(bytes(data).decode())

    def to_binary(self):
        return self.value.encode()


class LifecycleStatus(Label):
    """lifecycle_status: what a customer is"""

    PROSPECT = "prospect"
    NEW = "new"
    ACTIVE = "active"
    INACTIVE = "inactive"
    CHURNED = "churned"
    REACTIVATED = "reactivated"
    WON_BACK = "won_back"


class LifecycleEvent(Label):
    """lifecycle_event: what a customer did"""

    INTEREST = "interest"
    PURCHASE = "purchase"
    CANCELLATION = "cancellation"
    ADJUSTMENT = "adjustment"


@dataclass(frozen=True)
class RateTally:
    """rate_tally: two numbers of customers. Add up tallies of groups that share no customer, and
    never tallies of several periods, and never average rates."""

    returned: int
    eligible: int

    def __post_init__(self):
        if not 0 <= self.returned <= self.eligible:
            raise ValueError(f"{self} has more returned than eligible customers, or fewer than 0")

    @property
    def rate(self) -> Optional[float]:
        """The fraction of eligible customers who returned, None if nobody was eligible."""
        return self.returned / self.eligible if self.eligible else None

    def __add__(self, other):
        return RateTally(self.returned + other.returned, self.eligible + other.eligible)

    def __sub__(self, part):
        return RateTally(self.returned - part.returned, self.eligible - part.eligible)

    def __radd__(self, zero):
        """sum() begins with 0"""
        return self if zero == 0 else NotImplemented

    def __str__(self):
        return f"{self.returned}/{self.eligible}"

    @classmethod
    def from_text(cls, text):
        return cls(*map(int, text.split("/")))

    @classmethod
    def from_binary(cls, data):
        return cls(*struct.unpack("!qq", data))

    def to_binary(self):
        return struct.pack("!qq", self.returned, self.eligible)


@dataclass(frozen=True)
class SpendTally:
    """spend_tally: how many customers spent, the sum, and the sum of the squares"""

    customers: int
    sum: Decimal
    squares: Decimal

    @property
    def mean(self) -> Optional[Decimal]:
        return self.sum / self.customers if self.customers else None

    def __str__(self):
        return f"{self.customers}/{self.sum}/{self.squares}"

    @classmethod
    def from_text(cls, text):
        customers, total, squares = text.split("/")
        return cls(int(customers), Decimal(total), Decimal(squares))

    @classmethod
    def from_binary(cls, data):
        (length,) = struct.unpack_from("!i", data, 8)
        return cls(
            *struct.unpack_from("!q", data),
            _numeric(data[12 : 12 + length]),
            _numeric(data[16 + length :]),
        )


def _numeric(data):
    """A numeric as PostgreSQL sends it: four numbers, and the digits to the base 10000."""
    count, weight, sign, scale = struct.unpack_from("!hhHh", data)
    whole = 0
    for digit in struct.unpack_from(f"!{count}h", data, 8):
        whole = whole * 10000 + digit
    exact = Context(prec=200000)
    value = Decimal(-whole if sign == 0x4000 else whole)
    value = exact.scaleb(value, 4 * (weight + 1 - count))
    return exact.quantize(value, exact.scaleb(Decimal(1), -scale))


# name of the type, class; these are sent and received in binary, too
BINARY = {
    "lifecycle_status": LifecycleStatus,
    "lifecycle_event": LifecycleEvent,
    "rate_tally": RateTally,
}

# These are sent as text. A binary cursor of psycopg returns a str of them as bytes: cast it to text
# or jsonb in the query.
TEXT = {
    "spend_tally": SpendTally,
    "customer_history": str,
    "lifecycle_tally": str,
    "return_curve": str,
}

# these are rows, and become named tuples or records of the driver
ROWS = (
    "lifecycle_counts",
    "lifecycle_explanation",
    "lifecycle_transition",
    "customer_returns",
    "rate_effect",
    "rate_effect_stratified",
    "spend_effect",
)
