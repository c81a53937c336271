"""Times `data-validate` and its peers side by side: whole processes, round by round, medians and ratios.

    python run.py BINARY PEERS_PYTHON DATA [ROUNDS]

For each size a line a case: wall and user seconds, peak memory, and how many times ours that is.
"""

import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

BINARY, PYTHON, DATA = sys.argv[1:4]
ROUNDS = int(sys.argv[4]) if len(sys.argv) > 4 else 3
HERE = pathlib.Path(__file__).parent
# Bad values of `tailnum`, and orphans of `dest`, a copy of the flights.
BAD, ORPHANS = 4, {"SJU": 5819, "BQN": 896, "STT": 522, "PSE": 365}


def ours(file: str, out: str, threads: int) -> list[str]:
    outputs = ["report", "report-md", "report-html", "report-junit", "statement", "verdict", "dataset"]
    return [
        BINARY, "check", f"--data=flights={DATA}/{file}.parquet", f"--data=airports={DATA}/airports.parquet",
        f"--data=airlines={DATA}/airlines.parquet", f"--suite={HERE}/suite.yaml", f"--threads={threads}", "--profile=",
        *(f"--{name}={out}/{name}" for name in outputs),
    ]  # fmt: skip


def peer(case: str, file: str) -> list[str]:
    return [PYTHON, str(HERE / "peers.py"), case, f"{DATA}/{file}.parquet", f"{DATA}/airports.parquet", f"{DATA}/airlines.parquet"]


def measured(command: list[str]) -> tuple[float, float, float, str]:
    with tempfile.TemporaryFile() as output:
        start = time.monotonic()
        child = subprocess.Popen(command, stdout=output, stderr=subprocess.DEVNULL)
        _, status, usage = os.wait4(child.pid, 0)
        wall = time.monotonic() - start
        child.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        text = output.read().decode().strip()
    if child.returncode not in (0, 3):
        sys.exit(f"{command}: exit {child.returncode}: {text}")
    return wall, usage.ru_utime, usage.ru_maxrss / 1024, text


def is_right(out: str, copies: int) -> None:
    """What ours reports, and the others cannot: which values are bad, and how often each."""
    checks = {check["id"]: check for check in json.loads(pathlib.Path(out, "report").read_text())["checks"]}
    assert checks["regex:flights.tailnum"]["details"]["bad"] == BAD * copies
    found = checks["references:flights.dest -> airports.faa"]["samples"]
    assert {one["value"]: one["count"] for one in found} == {key: rows * copies for key, rows in ORPHANS.items()}
    bad = sorted(check["id"] for check in checks.values() if check["outcome"] != "pass")
    assert bad == ["references:flights.dest -> airports.faa", "regex:flights.tailnum"], bad


def start_up(out: str) -> None:
    """From start to verdict on a thousand rows, beside a process that does nothing."""
    empty = pathlib.Path(out, "empty")
    empty.with_suffix(".rs").write_text("fn main() {}")
    subprocess.run(["rustc", "-O", "-C", "target-feature=+crt-static", "-o", empty, empty.with_suffix(".rs")], check=True)
    suite = pathlib.Path(out, "suite.yaml")
    suite.write_text((HERE / "suite.yaml").read_text().replace("min: 1000000", "min: 1000"))
    command = [part.replace(f"{HERE}/suite.yaml", str(suite)) for part in ours("1k", out, 1)]
    walls = [(measured(command)[0], measured([str(empty)])[0]) for _ in range(50)]
    mine, nothing = (statistics.median(pair[side] for pair in walls) * 1000 for side in (0, 1))
    print(f"\n1,000 rows, from start to verdict: {mine:.1f} ms, {mine / nothing:.0f} times an empty process ({nothing:.2f} ms)")


def main() -> None:
    with tempfile.TemporaryDirectory() as out:
        start_up(out)
        for file, copies in [("1m", 3), ("10m", 30), ("doubles", 3)]:
            cases = {f"data-validate, {threads} thread{'s'[: threads > 1]}": ours(file, out, threads) for threads in (1, 2)}
            cases |= {name: peer(name, file) for name in ["decode", "duckdb", "pandera", "great_expectations"]}
            if file == "10m":
                del cases["great_expectations"]
            found = {name: [] for name in cases}
            for _ in range(ROUNDS):
                for name, command in cases.items():
                    found[name].append(measured(command))
                    if name.startswith("data-validate"):
                        is_right(out, copies)
            print(f"\n{file}: {ROUNDS} rounds, medians; ratios to data-validate with two threads, round by round")
            base = found["data-validate, 2 threads"]
            for name, rounds in found.items():
                middle = [statistics.median(run[part] for run in rounds) for part in range(3)]
                ratio = [statistics.median(a[part] / b[part] for a, b in zip(rounds, base)) for part in range(3)]
                print(f"{name:28} wall {middle[0]:6.2f} s ({ratio[0]:5.2f}x)  user {middle[1]:6.2f} s ({ratio[1]:5.2f}x)  peak {middle[2]:6.0f} MiB ({ratio[2]:5.2f}x)  {rounds[0][3][:40]}")
                if name not in ("decode",) and not name.startswith("data-validate"):
                    assert rounds[0][3].split() == [str(BAD * copies), str(sum(ORPHANS.values()) * copies)], (name, rounds[0][3])


main()
