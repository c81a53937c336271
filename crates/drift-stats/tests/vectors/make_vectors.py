"""Reference values for drift-stats, from scipy and statsmodels. Run: python make_vectors.py

Writes *.json beside itself. The samples are in the files, so that a new numpy cannot change them unseen:
the seed only matters when a case is added.
"""
import json
import math
import pathlib

import numpy as np
from scipy import optimize, special, stats
from scipy.spatial import distance
from statsmodels.stats import multitest, proportion

HERE = pathlib.Path(__file__).parent
RNG = np.random.default_rng(20261123)


def write(name, cases):
    text = json.dumps(cases, indent=None, separators=(",", ":"), allow_nan=False)
    (HERE / f"{name}.json").write_text(text.replace('},{"', '},\n{"') + "\n")


def samples():
    """Pairs of samples: equal, shifted, tied, of one value, of different sizes and scales."""
    normal = lambda n, mu=0.0, sd=1.0: RNG.normal(mu, sd, n).round(6).tolist()
    integers = lambda n, top: RNG.integers(0, top, n).astype(float).tolist()
    return [
        ([1.0], [1.0]),
        ([1.0], [2.0]),
        ([1.0, 1.0, 1.0], [1.0, 1.0]),
        (normal(8), normal(8)),
        (normal(30), normal(45, 0.5)),
        (normal(7, 0, 100), normal(400, 30, 100)),
        (integers(60, 5), integers(50, 6)),
        (integers(200, 3), [0.0] * 90 + [2.0]),
        (normal(500), normal(800, 0.1)),
        (normal(1000, 0, 1e-9), normal(1000, 1e-9, 1e-9)),
        (normal(60, 5.0), normal(60, -5.0)),
    ]


def two_samples():
    out = []
    for a, b in samples():
        ks = stats.ks_2samp(a, b, method="exact")
        en = len(a) * len(b) / (len(a) + len(b))
        case = {"a": a, "b": b, "ks": ks.statistic, "ks_exact_p": ks.pvalue,
                "kolmogorov_p": special.kolmogorov(math.sqrt(en) * ks.statistic),
                "wasserstein": stats.wasserstein_distance(a, b)}
        if len(set(a) | set(b)) > 1:
            for name, side in (("two_sided", "two-sided"), ("greater", "greater"), ("less", "less")):
                u = stats.mannwhitneyu(a, b, alternative=side, method="asymptotic")
                case["u"], case["u_p_" + name] = u.statistic, u.pvalue
        out.append(case)
    write("two_samples", out)


def floor(shares, low):
    return np.maximum(shares, low)


def evidently(shares):
    shares = shares.copy()
    smallest = shares[shares != 0].min()
    shares[shares == 0] = smallest / 10**6 if smallest <= 0.0001 else 0.0001
    return shares


def scorecard(counts):
    counts = np.where(counts == 0, 0.9, counts)
    return counts / counts.sum()


def psi(p, q):
    return float(np.sum((q - p) * np.log(q / p)))


def pooled(a, b):
    """Neighbouring bins with fewer than 5 expected rows of the smaller sample, taken together."""
    small = min(sum(a), sum(b)) / (sum(a) + sum(b))
    table, open_ = [], np.zeros(2, int)
    for cell in np.array([a, b]).T:
        if cell.sum() * small >= 5:
            table.append(cell)
            continue
        open_ = open_ + cell
        if open_.sum() * small >= 5:
            table.append(open_)
            open_ = np.zeros(2, int)
    if open_.sum():
        table.append(open_)
    return np.array(table).T


def sparse():
    """Two samples on bins of which some are rare."""
    pairs = [
        ([600, 300, 4, 14, 9], [60, 35, 1, 2, 1]),
        ([1500, 1485, 15, 0], [250, 246, 3, 1]),
        ([1180, 620, 310, 180, 90, 50, 30, 17, 9, 5, 3, 2, 1, 1, 1, 0, 1, 0], [190, 105, 55, 28, 15, 9, 4, 3, 0, 2, 0, 1, 1, 0, 0, 1, 0, 2]),
        ([300] * 10 + [0], [5] * 9 + [4, 0]),
        ([300] * 10 + [0], [0] * 10 + [49]),
        ([600000, 400000, 0], [300, 0, 200]),
        ([3, 2, 1], [1, 1, 1]),
        ([3000, 0], [0, 500]),
    ]
    out = []
    for a, b in pairs:
        table = pooled(a, b)
        case = {"a": a, "b": b, "df": table.shape[1] - 1, "chi2": 0.0, "p": 1.0}
        if table.shape[1] > 1:
            test = stats.chi2_contingency(table, correction=False)
            case |= {"chi2": float(test.statistic), "p": float(test.pvalue)}
        out.append(case)
    write("sparse", out)


def histograms():
    pairs = [
        ([10, 10, 0], [10, 0, 10]),
        ([16, 18, 16, 14, 12, 12], [16, 16, 16, 16, 16, 8]),
        ([428, 425, 414, 427, 440, 447, 380, 386, 444, 386], [426, 437, 429, 391, 469, 433, 360, 443, 371, 418]),
        ([5, 0, 0], [0, 0, 9]),
        ([7], [100]),
        ([1, 99999], [0, 100000]),
        ([2, 0, 3, 0], [200000, 0, 300001, 1]),
    ]
    for bins in (2, 5, 10, 50):
        pairs.append((RNG.poisson(40, bins).tolist(), RNG.poisson(60, bins).tolist()))
        pairs.append((RNG.poisson(0.8, bins).tolist() + [1], RNG.poisson(3, bins).tolist() + [0, ][:1]))
    out = []
    for a, b in pairs:
        x, y = np.array(a, float), np.array(b, float)
        p, q = x / x.sum(), y / y.sum()
        case = {
            "a": a, "b": b,
            "psi_floor": psi(floor(p, 1e-4), floor(q, 1e-4)),
            "psi_deepchecks": psi(floor(p, 0.01), floor(q, 0.01)),
            "psi_evidently": psi(evidently(p), evidently(q)),
            "psi_scorecard": psi(scorecard(x), scorecard(y)),
            "kl": float(stats.entropy(floor(p, 1e-4), floor(q, 1e-4))),
            "kl_evidently": float(stats.entropy(evidently(p), evidently(q))),
            "js_distance": float(distance.jensenshannon(p, q)),
            "js_distance_2": float(distance.jensenshannon(p, q, 2)),
            "hellinger": float(np.linalg.norm(np.sqrt(p) - np.sqrt(q)) / math.sqrt(2)),
            "total_variation": float(np.abs(p - q).sum() / 2),
            "l_infinity": float(np.abs(p - q).max()),
            "ks": float(np.abs(np.cumsum(p) - np.cumsum(q)).max()),
        }
        used = int(((x + y) > 0).sum())
        case["bins_used"] = used
        if used > 1:
            table = np.array([x, y])[:, (x + y) > 0]
            chi2 = stats.chi2_contingency(table, correction=False)
            case |= {"chi2": chi2.statistic, "chi2_p": chi2.pvalue, "chi2_df": int(chi2.dof),
                     "cramers_v": stats.contingency.association(table.astype(int), method="cramer"),
                     "psi_p": float(stats.chi2.sf(case["psi_floor"] / (1 / x.sum() + 1 / y.sum()), used - 1))}
        if used > 1 and (x > 0).all():
            fit = x / x.sum() * y.sum()
            gof, g = stats.chisquare(y, fit), stats.power_divergence(y, fit, lambda_="log-likelihood")
            case |= {"gof": gof.statistic, "gof_p": gof.pvalue, "g": g.statistic, "g_p": g.pvalue}
        out.append(case)
    for case in out:
        # scipy takes the root of a rounding error when both sides are equal.
        for key in ("js_distance", "js_distance_2"):
            case[key] = 0.0 if math.isnan(case[key]) else case[key]
        assert all(math.isfinite(v) for v in case.values() if isinstance(v, float)), case
    write("histograms", out)


def miettinen_nurminen(x, n, y, m, delta):
    """By the likelihood's own root: statsmodels 0.15 is off by 3e-4 here, for its cubic has another root."""
    term = lambda k, p: k / p if k else 0.0
    slope = lambda q: term(x, q + delta) - term(n - x, 1 - q - delta) + term(y, q) - term(m - y, 1 - q)
    low, high = max(0.0, -delta) + 1e-13, min(1.0, 1 - delta) - 1e-13
    if slope(low) <= 0:
        q = max(0.0, -delta)
    elif slope(high) >= 0:
        q = min(1.0, 1 - delta)
    else:
        q = optimize.brentq(slope, low, high, xtol=1e-16, rtol=1e-15)
    variance = ((q + delta) * (1 - q - delta) / n + q * (1 - q) / m) * (n + m) / (n + m - 1)
    return (x / n - y / m - delta) / math.sqrt(variance)


def proportions():
    out = []
    for x, n in [(0, 1), (1, 1), (0, 20), (20, 20), (1, 20), (7, 20), (3, 1000), (0, 5000), (12345, 54321),
                 (999_999, 1_000_000), (400_000, 1_000_000)]:
        for level in (0.8, 0.95, 0.999):
            wilson = proportion.proportion_confint(x, n, 1 - level, "wilson")
            exact = proportion.proportion_confint(x, n, 1 - level, "beta")
            fix = lambda v, other: other if math.isnan(v) else v
            out.append({"x": x, "n": n, "level": level, "wilson": [max(wilson[0], 0.0), min(wilson[1], 1.0)],
                        "clopper_pearson": [fix(exact[0], 0.0), fix(exact[1], 1.0)]})
    write("proportion", out)
    out = []
    for x, n, y, m in [(56, 70, 48, 80), (9, 10, 3, 10), (0, 10, 3, 20), (10, 10, 20, 20), (5, 56, 0, 29),
                       (5, 2000, 60, 40_000), (30, 100, 20, 100), (1, 300, 57, 5700), (700, 100_000, 650, 100_000)]:
        level = 0.9
        newcombe = proportion.confint_proportions_2indep(x, n, y, m, "newcomb", "diff", 1 - level)
        case = {"x": x, "n": n, "y": y, "m": m, "level": level, "newcombe": list(newcombe)}
        if 0 < x + y < n + m:
            case["z"] = proportion.proportions_ztest([x, y], [n, m])[0]
            case["z_p"] = proportion.proportions_ztest([x, y], [n, m])[1]
            delta = 0.02
            z = miettinen_nurminen(x, n, y, m, delta)
            case |= {"delta": delta, "mn_z": z, "mn_p_less": float(stats.norm.cdf(z))}
        out.append(case)
    write("two_proportions", out)
    # Where the share of a further sample lies, by search: no closed form is shared with ours.
    out = []
    for x, n, m in [(0, 1, 1), (0, 1000, 1000), (0, 1785, 892), (26, 1785, 892), (5, 20, 1000), (20, 20, 10),
                    (999, 1000, 50), (12345, 54321, 7)]:
        for level in (0.8, 0.95, 0.999):
            z, p = stats.norm.ppf(0.5 + level / 2), x / n
            miss = lambda q: (p - q) ** 2 - z * z * q * (1 - q) * (1 / n + 1 / m)
            root = lambda a, b, end: end if p == end else float(optimize.brentq(miss, a, b, xtol=1e-16, rtol=1e-15))
            tiny = 1e-15
            out.append({"x": x, "n": n, "m": m, "level": level,
                        "next": [root(tiny, min(p, 1 - tiny), 0.0) if p > 0 else 0.0, root(max(p, tiny), 1 - tiny, 1.0) if p < 1 else 1.0]})
    write("next_share", out)


def multiplicity():
    out = []
    for p in [[0.5], [0.01, 0.04, 0.03], [0.0, 1.0, 0.5, 0.5], [0.05] * 5, RNG.uniform(0, 1, 40).tolist(),
              (RNG.uniform(0, 1, 30) ** 6).tolist()]:
        out.append({"p": p, "holm": multitest.multipletests(p, method="holm")[1].tolist(),
                    "bh": multitest.multipletests(p, method="fdr_bh")[1].tolist()})
    write("multiple", out)


def functions():
    p = [1e-300, 1e-20, 1e-9, 0.001, 0.02425, 0.07, 0.3, 0.5, 0.6, 0.925, 0.975, 0.999999]
    x = [0.05, 0.2, 0.5, 0.8, 0.99, 1.0, 1.2, 1.6, 2.5, 5.0]
    write("functions", {
        "normal_quantile": [[v, float(stats.norm.ppf(v))] for v in p],
        "normal_cdf": [[v, float(stats.norm.cdf(v))] for v in (-30.0, -8.5, -3.0, -0.1, 0.0, 0.7, 2.0, 9.0)],
        "kolmogorov": [[v, float(special.kolmogorov(v))] for v in x],
        "chi2_sf": [[v, df, float(stats.chi2.sf(v, df))] for df in (1, 2, 9, 49, 400)
                    for v in (1e-9, 0.3, 1.0, 9.0, 40.0, 300.0, 900.0)],
        "beta_cdf": [[v, a, b, float(stats.beta.cdf(v, a, b))] for a, b in ((0.5, 0.5), (1, 9), (40, 2), (3e4, 7e5))
                     for v in (1e-6, 0.04, 0.041, 0.3, 0.97)],
    })


def sequential():
    out = []
    for margin in (1.0, 1.25):
        for rate in (1.0, 3.0):
            ticks = [[int(n), int(RNG.binomial(n, 0.01 * rate)), int(19 * n), int(RNG.binomial(19 * n, 0.01))]
                     for n in RNG.poisson(60, 12)]
            ticks[3] = [0, 0, 500, 7]
            wealth, weights = [], (0.2, 0.03, 0.05, 0.2, 0.15, 0.27, 0.1)
            for multiple in (1, 1.25, 1.5, 2, 3, 5, 10):
                r, log = margin * multiple, 0.0
                for n, x, m, y in ticks:
                    if n and m:
                        q = lambda s: s * n / (s * n + m)
                        log += x * math.log(q(r) / q(margin)) + y * math.log((1 - q(r)) / (1 - q(margin)))
                wealth.append(log)
            out.append({"margin": margin, "ticks": ticks,
                        "log_e": float(special.logsumexp(wealth, b=weights))})
    share = []
    for theta, x, n in [(0.05, 52, 1000), (0.05, 0, 400), (0.5, 300, 500), (0.25, 0, 0), (0.05, 51_000, 1_000_000)]:
        log = stats.betabinom.logpmf(x, n, 100 * theta, 100 * (1 - theta)) - stats.binom.logpmf(x, n, theta)
        share.append({"share": theta, "hits": x, "trials": n, "log_e": float(log)})
    write("sequential", {"ratio": out, "share": share})


def quantile_bins():
    out = []
    for values in (RNG.normal(0, 1, 997).round(4).tolist(), RNG.exponential(3, 50).round(1).tolist(),
                   RNG.integers(0, 4, 300).astype(float).tolist()):
        window = (np.array(values) * 1.1 + 0.05).round(4).tolist()
        edges = np.unique(np.quantile(values, np.arange(1, 10) / 10))
        inside = edges if edges[0] != min(values) else np.concatenate([[np.nextafter(edges[0], -np.inf)], edges])
        count = lambda v: np.bincount(np.searchsorted(inside, v, side="left"), minlength=len(inside) + 1).tolist()
        out.append({"baseline": values, "window": window, "edges": inside.tolist(),
                    "baseline_counts": count(values), "window_counts": count(window)})
    write("quantile_bins", out)


if __name__ == "__main__":
    two_samples()
    histograms()
    sparse()
    proportions()
    multiplicity()
    functions()
    sequential()
    quantile_bins()
