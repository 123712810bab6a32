"""Daily weather by region: seasons, spells of a few days, more rain in the west than in the east."""

import numpy as np
import polars as pl

from simulator import words
from simulator.window import DAY, HOUR, Window

HISTORY_DAYS = 30
REGIONS = tuple(dict.fromkeys(place[1] for place in words.PLACES))
WARMEST_DAY, MEAN, SWING = 200, 10.5, 6.5  # day of the year; degrees Celsius
KEPT, NEWS = 0.75, 1.8  # of yesterday's deviation; degrees
WET_DAYS = 0.42


def weather_export(window: Window) -> pl.DataFrame:
    """One row a region and day, published at six the next morning; the last day of the window is not out yet."""
    rng = window.random(61)
    days = np.arange(-HISTORY_DAYS, window.days - 1)
    shape = (len(days), len(REGIONS))
    of_year = np.array([window.date(day).timetuple().tm_yday for day in days.tolist()])
    season = MEAN + SWING * np.cos(2 * np.pi * (of_year - WARMEST_DAY) / 365)
    news = rng.normal(0, NEWS, shape) * 0.4 + rng.normal(0, NEWS, (len(days), 1))
    deviation = np.zeros(shape)
    for day in range(1, len(days)):
        deviation[day] = KEPT * deviation[day - 1] + news[day]
    mean = season[:, None] + deviation + rng.normal(0, 1, len(REGIONS)).clip(-2, 2)
    half_range = rng.uniform(2, 6, shape)
    rain = np.where(rng.random(shape) < WET_DAYS, rng.gamma(0.9, 5.0, shape), 0.0)
    day_number = np.repeat(window.at(0) // DAY + days, len(REGIONS))
    return pl.DataFrame(
        {
            "region": list(REGIONS) * len(days),
            "observed_on": pl.Series(day_number).cast(pl.Int32).cast(pl.Date),
            "temperature_min_celsius": np.round((mean - half_range).ravel(), 1),
            "temperature_max_celsius": np.round((mean + half_range).ravel(), 1),
            "precipitation_mm": np.round(rain.ravel(), 1),
            "published_at": pl.Series((day_number + 1) * DAY + 6 * HOUR).cast(pl.Datetime("ms")),
        }
    )
