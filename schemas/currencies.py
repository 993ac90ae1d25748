"""What an amount in a currency's smallest unit is worth: a cent is a hundredth of a dollar, a yen has no cents.

A payment provider tells amounts in the smallest unit of their currency. How many decimals that is says ISO 4217; where
Stripe's interface (https://docs.stripe.com/currencies; from memory and third-party copies, the page itself could not be
read) differs, its amounts are what stands in the tables and files that we read: MGA has no decimals there, ISK and UGX
are written with two that are always 00.
"""

from __future__ import annotations

MICROS = 1_000_000
"""Of one unit of any currency."""
MOST_MICROS = 10**16
"""No event or row is about more than 10^10 units of a currency; 900 such of one day can be added up."""
_TWO = 2
_OTHERS = {
    0: "BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF UYI VND VUV XAF XOF XPF",
    3: "BHD IQD JOD KWD LYD OMR TND",
    4: "CLF UYW",
}
_DECIMALS = {currency: decimals for decimals, currencies in _OTHERS.items() for currency in currencies.split()}


def decimals_of(currency: str) -> int:
    """How many decimals the smallest unit of a currency has; of one that nobody here knows, two."""
    return _DECIMALS.get(currency.upper(), _TWO)


def micros_of_smallest_unit(currency: str) -> int:
    """Millionths of the currency in its smallest unit: 10,000 of a US cent, 1,000,000 of a yen, 1,000 of a fils."""
    return int(MICROS // 10 ** decimals_of(currency))


CURRENCY = "currency"
"""The column that says what money beside it is of. Wherever an amount stands, it stands in the same row."""
MONEY_OF_ANSWERS = (
    "cost", "projected_cost", "budget", "paid", "paid_back", "revenue", "list_price", "margin", "provider_cost",
    "bandwidth_cost", "known_cost", "invoice", "invoice_difference", "amount",
)  # fmt: skip
"""Columns of answers that are amounts of the row's ``currency``."""
