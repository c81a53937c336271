"""Ranks of the distribution-free limits of a quantile, by scipy's binomial; writes quantile_limits.json."""

import json
import math
import pathlib

from scipy.stats import binom


def ranks(n: int, p: float, alpha: float) -> dict:
    lower = max((k for k in range(1, n + 1) if binom.cdf(k - 1, n, p) <= alpha), default=None)
    upper = next((k for k in range(1, n + 1) if binom.cdf(k - 1, n, p) >= 1 - alpha), None)
    return {"n": n, "p": p, "alpha": alpha, "rank": math.ceil(n * p - 1e-9), "lower": lower, "upper": upper}


cases = [ranks(n, p, a) for n in (1, 10, 58, 59, 298, 299, 500, 1000, 5000) for p in (0.5, 0.95, 0.99) for a in (0.05, 0.01)]
pathlib.Path(__file__).with_name("quantile_limits.json").write_text(json.dumps(cases, indent=0) + "\n")
