"""Reference values for the metrics and the paired tests of `evaluate`.

Every number comes from another program: scikit-learn for the metrics, MLstatkit and a direct
O(m*n) covariance for DeLong, statsmodels for McNemar and Newcombe, scipy for the bootstrap
intervals and KS.

    pip install numpy scipy scikit-learn statsmodels MLstatkit
    python make_vectors.py            # writes metrics.json and comparison.json beside itself
"""
import contextlib
import io
import json
import pathlib

import numpy as np
from scipy import stats
from sklearn import calibration
from sklearn import metrics as sk
from statsmodels.stats.contingency_tables import mcnemar

HERE = pathlib.Path(__file__).parent
THRESHOLD = 0.5
BINS = 10


def datasets():
    rng = np.random.default_rng(20131231)

    def model(n, rate, signal):
        y = (rng.random(n) < rate).astype(int)
        return y, 1 / (1 + np.exp(-(rng.normal(size=n) + signal * y - signal / 2)))

    y, s = model(500, 0.3, 1.5)
    yield "smooth", y, s
    yield "ties_one_decimal", y, np.round(s, 1)
    yield "ties_two_values", y, np.where(s > 0.4, 0.9, 0.1)
    yield "all_equal", y, np.full(len(y), 0.5)
    yield "all_equal_below", y, np.full(len(y), 0.25)
    y, s = model(4000, 0.004, 2.0)
    yield "rare_class", y, s
    y, s = model(300, 0.9, 1.0)
    yield "common_class", y, s
    yield "perfect", np.array([0, 0, 0, 1, 1]), np.array([0.1, 0.2, 0.3, 0.7, 0.9])
    yield "inverted", np.array([1, 1, 1, 0, 0]), np.array([0.1, 0.2, 0.3, 0.7, 0.9])
    yield "four_rows", np.array([0, 0, 1, 1]), np.array([0.1, 0.4, 0.35, 0.8])
    yield "certain_and_wrong", np.array([0, 1, 0, 1]), np.array([0.0, 0.0, 1.0, 1.0])
    yield "on_the_threshold", np.array([0, 1, 0, 1]), np.array([0.5, 0.5, 0.4999999999999999, 0.51])
    yield "bin_edges", np.array([0, 1, 0, 1, 1, 0]), np.array([0.0, 0.25, 0.5, 0.75, 1.0, 0.5])
    y, s = model(20000, 0.2, 1.2)
    yield "large", y, np.round(s, 3)


def ece(y, s):
    edges = np.linspace(0.0, 1.0, BINS + 1)
    at = np.searchsorted(edges[1:-1], s)
    observed, predicted = calibration.calibration_curve(y, s, n_bins=BINS)
    counts = np.bincount(at, minlength=BINS)
    counts = counts[counts > 0]
    return float(np.sum(counts * np.abs(observed - predicted)) / len(y))


def metric_values(y, s):
    hat = (s >= THRESHOLD).astype(int)
    tn, fp, fn, tp = sk.confusion_matrix(y, hat, labels=[0, 1]).ravel()
    out = {
        "auc_roc": sk.roc_auc_score(y, s),
        "average_precision": sk.average_precision_score(y, s),
        "f1_score": sk.f1_score(y, hat),
        "precision": sk.precision_score(y, hat) if hat.any() else None,
        "recall": sk.recall_score(y, hat),
        "accuracy": sk.accuracy_score(y, hat),
        "balanced_accuracy": sk.balanced_accuracy_score(y, hat),
        "specificity": sk.recall_score(y, hat, pos_label=0),
        "mcc": sk.matthews_corrcoef(y, hat),
        "log_loss": sk.log_loss(y, s),
        "brier": sk.brier_score_loss(y, s),
        "ece": ece(y, s),
        "ks": stats.ks_2samp(s[y == 1], s[y == 0]).statistic,
        "gini": 2 * sk.roc_auc_score(y, s) - 1,
    }
    return {
        "metrics": {k: None if v is None else float(v) for k, v in out.items()},
        "confusion": {"tp": int(tp), "fp": int(fp), "tn": int(tn), "fn": int(fn)},
    }


def weighted_values(y, s, counts):
    """A bootstrap replicate is integer weights: scikit-learn on the repeated rows."""
    return metric_values(np.repeat(y, counts), np.repeat(s, counts))


def delong(y, a, b):
    """The definition, not the fast algorithm: all pairs."""

    def parts(s):
        pos, neg = s[y == 1][:, None], s[y == 0][None, :]
        psi = (pos > neg) + 0.5 * (pos == neg)
        return psi.mean(), psi.mean(axis=1), psi.mean(axis=0)

    (auc_a, pa, na), (auc_b, pb, nb) = parts(a), parts(b)
    cov = np.cov(pa, pb) / len(pa) + np.cov(na, nb) / len(na)
    variance = cov[0, 0] + cov[1, 1] - 2 * cov[0, 1]
    out = {
        "auc": [float(auc_a), float(auc_b)],
        "se": [float(np.sqrt(cov[0, 0])), float(np.sqrt(cov[1, 1]))],
        "delta": float(auc_a - auc_b),
        "delta_se": float(np.sqrt(max(variance, 0))),
    }
    if variance > 1e-18:
        z = (auc_a - auc_b) / np.sqrt(variance)
        out |= {
            "p_two_sided": float(2 * stats.norm.sf(abs(z))),
            "p_below": float(stats.norm.cdf(z)),
            "p_above": float(stats.norm.sf(z)),
        }
        from MLstatkit import Delong_test

        with contextlib.redirect_stdout(io.StringIO()):
            _, p = Delong_test(y, a, b)[:2]
        assert abs(p - out["p_two_sided"]) < 1e-9, (p, out)
    return out


def pairs():
    rng = np.random.default_rng(2013)
    for name, n, rate, shift in [
        ("better", 400, 0.3, 0.8),
        ("worse", 400, 0.3, -0.8),
        ("alike", 150, 0.5, 0.0),
        ("rare", 2000, 0.01, 0.5),
    ]:
        y = (rng.random(n) < rate).astype(int)
        base = rng.normal(size=n)
        champion = 1 / (1 + np.exp(-(base + 1.2 * y + rng.normal(size=n) * 0.5)))
        challenger = 1 / (1 + np.exp(-(base + (1.2 + shift) * y + rng.normal(size=n) * 0.5)))
        yield name, y, challenger, champion
        yield name + "_ties", y, np.round(challenger, 1), np.round(champion, 1)
    y = np.array([0, 0, 1, 1, 0, 1])
    s = np.array([0.2, 0.4, 0.4, 0.9, 0.1, 0.7])
    yield "identical", y, s, s


def bootstrap_case(method):
    rng = np.random.default_rng(7)
    x = rng.exponential(size=60)
    res = stats.bootstrap(
        (x,), np.mean, n_resamples=999, method=method, confidence_level=0.95, random_state=11
    )
    jack = [float(np.mean(np.delete(x, i))) for i in range(len(x))]
    return {
        "observed": float(np.mean(x)),
        "replicates": [float(v) for v in res.bootstrap_distribution],
        "jackknife": jack,
        "level": 0.95,
        "interval": [float(res.confidence_interval.low), float(res.confidence_interval.high)],
    }


def mid_p(b, c):
    if b + c == 0:
        return 1.0
    k = min(b, c)
    return float(min(1.0, 2 * stats.binom.cdf(k, b + c, 0.5) - stats.binom.pmf(k, b + c, 0.5)))


def main():
    rng = np.random.default_rng(99)
    cases = []
    for name, y, s in datasets():
        case = {"name": name, "labels": y.tolist(), "scores": s.tolist()} | metric_values(y, s)
        if name in ("smooth", "ties_one_decimal", "common_class"):
            counts = rng.poisson(1.0, size=len(y))
            case["counts"] = counts.tolist()
            case["weighted"] = weighted_values(y, s, counts)["metrics"]
        cases.append(case)
    (HERE / "metrics.json").write_text(
        json.dumps({"threshold": THRESHOLD, "bins": BINS, "cases": cases}) + "\n"
    )

    paired = [
        {"name": n, "labels": y.tolist(), "challenger": a.tolist(), "champion": b.tolist()}
        | {"delong": delong(y, a, b)}
        for n, y, a, b in pairs()
    ]
    tables = []
    for b, c in [(0, 0), (0, 1), (1, 5), (10, 2), (12, 12), (0, 24), (13, 12), (40, 20), (20, 40), (500, 460)]:
        exact = float(mcnemar([[0, b], [c, 0]], exact=True).pvalue)
        tables.append({"gained": b, "lost": c, "exact": exact, "mid_p": mid_p(b, c)})
    (HERE / "comparison.json").write_text(
        json.dumps(
            {
                "paired": paired,
                "mcnemar": tables,
                "percentile": bootstrap_case("percentile"),
                "bca": bootstrap_case("BCa"),
            }
        )
        + "\n"
    )


main()
