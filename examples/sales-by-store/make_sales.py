"""Makes this example's input: two years of weekly sales of invented orange juice, sales/<store>/<brand>.csv.

python make_sales.py       in this folder
"""

import datetime
import random
from pathlib import Path

HERE = Path(__file__).resolve().parent
STORES = range(1001, 1009)
BRANDS = {"grove": 2.19, "morning": 2.59, "sunny-day": 1.99}
WEEKS = 104
START = datetime.date(2023, 1, 5)


def weeks(price, dice):
    """Rows of week, quantity, price and advert; a cheaper week and an advert sell more."""
    for number in range(WEEKS):
        advert = dice.random() < 0.2
        paid = round(price * dice.uniform(0.85, 1.1), 2)
        quantity = int(9000 * (price / paid) ** 2 * (1.4 if advert else 1) * dice.uniform(0.8, 1.2))
        yield f"{START + datetime.timedelta(weeks=number)},{quantity},{paid},{int(advert)}\n"


def main():
    dice = random.Random(11)
    for store in STORES:
        folder = HERE / "sales" / str(store)
        folder.mkdir(parents=True, exist_ok=True)
        for brand, price in BRANDS.items():
            lines = ["week,quantity,price,advert\n", *weeks(price, dice)]
            (folder / f"{brand}.csv").write_text("".join(lines))


if __name__ == "__main__":
    main()
