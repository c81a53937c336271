"""Computes a drift report again with numpy and scipy, from the same data and the frozen bins alone.

    python recompute.py baseline.json report.json TRAIN... -- LIVE...     (Parquet or CSV)

Prints the largest difference of each figure over all columns, and exits 1 above the tolerances. Exact two-sample
values that need no bins (KS, Wasserstein on the raw values) are printed beside ours to show what the grid costs.
"""
import json
import sys

import numpy as np
import pandas as pd
from scipy import stats
from scipy.spatial import distance


def read(paths):
    frames = [pd.read_parquet(p) if p.endswith(".parquet") else pd.read_csv(p, keep_default_na=True) for p in paths]
    return pd.concat(frames, ignore_index=True)


def cells(column, bins):
    """Counts on the frozen bins, then nulls, then odd values."""
    nulls = int(column.isna().sum()) if column.dtype == object or str(column.dtype)[:3] in ("str", "Int") else 0
    values = column.dropna() if nulls else column
    if bins["by"] == "category":
        at = {label: i for i, label in enumerate(bins["labels"])}
        where = values.map(lambda v: at.get(v, len(at))).to_numpy(dtype=int)
        counts = np.bincount(where, minlength=len(at) + 1)
        return [*counts.tolist(), nulls, 0]
    numbers = values.to_numpy(dtype=float)
    if not nulls:  # a float column of pandas has NaN for null
        nulls, numbers = int(np.isnan(numbers).sum()), numbers[~np.isnan(numbers)]
    odd = int((~np.isfinite(numbers)).sum())
    numbers = numbers[np.isfinite(numbers)]
    if bins["by"] == "value":
        known = np.array(bins["values"])
        where = np.searchsorted(known, numbers)
        inside = where.clip(max=len(known) - 1)
        where = np.where(known[inside] == numbers, inside, len(known))
        counts = np.bincount(where, minlength=len(known) + 1)
    else:
        edges = np.array(bins["edges"])
        counts = np.bincount(np.searchsorted(edges, numbers, side="left"), minlength=len(edges) + 1)
    return [*counts.tolist(), nulls, odd]


def pooled_p(before, now):
    """Chi-squared, neighbouring cells with fewer than 15 expected rows of the smaller sample taken together."""
    small = min(sum(before), sum(now)) / (sum(before) + sum(now))
    table, rest = [], np.zeros(2, int)
    for cell in np.array([before, now]).T:
        if cell.sum() * small >= 15:
            table.append(cell)
            continue
        rest = rest + cell
        if rest.sum() * small >= 15:
            table.append(rest)
            rest = np.zeros(2, int)
    if rest.sum():
        table.append(rest)
    return float(stats.chi2_contingency(np.array(table).T, correction=False).pvalue) if len(table) > 1 else 1.0


def main(baseline_path, report_path, train_paths, live_paths):
    baseline = json.load(open(baseline_path))
    checks = {c["target"]["column"]: c for c in json.load(open(report_path))["checks"] if c["kind"] == "psi"}
    train, live = read(train_paths), read(live_paths)
    worst = {}
    p_values, adjusted = [], []

    def compare(name, column, ours, theirs):
        gap = abs(ours - theirs) / max(1.0, abs(theirs))
        if gap > worst.get(name, (-1.0, ""))[0]:
            worst[name] = (gap, column)

    for column, frozen in baseline["columns"].items():
        if column not in checks or checks[column]["observed"] is None:
            continue
        check, details = checks[column], checks[column]["details"]
        before, now = cells(train[column], frozen["bins"]), cells(live[column], frozen["bins"])
        counts = frozen["counts"]
        assert before == [*counts["bins"], counts["nulls"], counts["odd"]], f"{column}: the baseline's counts differ"
        x, y = np.array(before, float), np.array(now, float)
        p, q = x / x.sum(), y / y.sum()
        floor = baseline["method"]["floor"]
        pf, qf = np.maximum(p, floor), np.maximum(q, floor)
        psi = float(np.sum((qf - pf) * np.log(qf / pf)))
        psi_p = pooled_p(before, now)
        compare("psi", column, check["observed"], psi)
        compare("psi p", column, check["p"], psi_p)
        compare("js bits", column, details["js_distance_bits"], float(np.nan_to_num(distance.jensenshannon(p, q, 2))))
        compare("l-inf", column, details["l_infinity"], float(np.abs(p - q).max()))
        if details["level"] != "report":
            p_values.append(psi_p)
            adjusted.append(check["p_adjusted"])
        if "chi2" in details:
            table = np.array([x, y])[:, (x + y) > 0].astype(int)
            compare("chi2 p", column, details["chi2"]["p"], psi_p)
            compare("V", column, details["chi2"]["cramers_v"], stats.contingency.association(table, method="cramer"))
        else:
            a, b = train[column].dropna().to_numpy(float), live[column].dropna().to_numpy(float)
            compare("ks (grid against raw values)", column, details["ks"]["statistic"], stats.ks_2samp(a, b, method="asymp").statistic)
            sd = a.std()
            compare("wasserstein / sd (grid against raw)", column, details["wasserstein"]["distance"] / sd, stats.wasserstein_distance(a, b) / sd)
    for ours, theirs in zip(adjusted, stats.false_discovery_control(p_values)):
        compare("p adjusted", "", ours, float(theirs))
    tolerance = {"ks (grid against raw values)": 0.005, "wasserstein / sd (grid against raw)": 0.05}
    for name, (gap, column) in worst.items():
        print(f"{name:40} {gap:.3g}  {column}")
    print(f"{len(adjusted)} columns, {len(train)} against {len(live)} rows")
    return int(any(gap > tolerance.get(name, 1e-12) for name, (gap, _) in worst.items()))


if __name__ == "__main__":
    arguments = sys.argv[1:]
    cut = arguments.index("--")
    sys.exit(main(arguments[0], arguments[1], arguments[2:cut], arguments[cut + 1:]))
