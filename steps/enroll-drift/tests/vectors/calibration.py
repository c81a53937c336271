"""How often two samples of one distribution are called different at 5 %: by the p-value of the index itself, and by
chi-squared over pooled bins, as `docs/concepts/drift.md` has it.

    python calibration.py
"""
import numpy as np
from recompute import pooled_p
from scipy import stats

RNG = np.random.default_rng(20261126)
WINDOWS = 4000
SHARES = {
    "ten equal bins": np.ones(10),
    "Zipf, 21 categories": 1 / np.arange(1, 22) ** 1.5,
    "two large, 20 rare": np.array([0.6, 0.3] + [0.005] * 20),
}


def index_p(a, b):
    p, q = np.maximum(a / a.sum(), 1e-4), np.maximum(b / b.sum(), 1e-4)
    psi = float(np.sum((q - p) * np.log(q / p)))
    return stats.chi2.sf(psi / (1 / a.sum() + 1 / b.sum()), ((a + b) > 0).sum() - 1)


for name, shares in SHARES.items():
    shares = shares / shares.sum()
    for n, m in ((3000, 500), (3000, 60), (100_000, 500)):
        draws = [(RNG.multinomial(n, shares), RNG.multinomial(m, shares)) for _ in range(WINDOWS)]
        index = np.mean([index_p(a, b) < 0.05 for a, b in draws])
        pooled = np.mean([pooled_p(a, b) < 0.05 for a, b in draws])
        print(f"{name:22} {n:>7} against {m}: index {index:.3f}, pooled {pooled:.3f}")
