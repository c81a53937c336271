"""Times `data-validate` and its peers side by side: whole processes, round by round, medians and ratios.

    python run.py BINARY PEERS_PYTHON S3_SERVER DATA [--rounds N] [--large]

For each size a line a case: wall and user seconds, peak memory, and how many times ours that is. The S3 server is versitygw,
on a free port of this machine; it serves the same files. With `--large` the large sets of data.py too, by ours alone.
"""

import argparse
import contextlib
import json
import os
import pathlib
import socket
import statistics
import subprocess
import sys
import tempfile
import time

arguments = argparse.ArgumentParser()
for name in ("binary", "python", "server", "data"):
    arguments.add_argument(name)
arguments.add_argument("--rounds", type=int, default=3)
arguments.add_argument("--large", action="store_true")
given = arguments.parse_args()
BINARY, PYTHON, DATA, ROUNDS = given.binary, given.python, given.data, given.rounds
HERE = pathlib.Path(__file__).parent
# Bad values of `tailnum`, and orphans of `dest`, a copy of the flights.
BAD, ORPHANS = 4, {"SJU": 5819, "BQN": 896, "STT": 522, "PSE": 365}


def ours(file: str, out: str, threads: int, place: str = DATA) -> list[str]:
    tables = [f"--data=flights={place}/{file}.parquet", f"--data=airports={place}/airports.parquet", f"--data=airlines={place}/airlines.parquet"]
    return check(tables, f"{HERE}/suite.yaml", out, threads)


def check(tables: list[str], suite: str, out: str, threads: int) -> list[str]:
    outputs = ["report", "report-md", "report-html", "report-junit", "statement", "verdict", "dataset"]
    return [
        BINARY, "check", *tables, f"--suite={suite}", f"--threads={threads}", "--profile=",
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


@contextlib.contextmanager
def served(folder: str):
    """The data in a real S3 server, for as long as the block lasts."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    root, side = pathlib.Path(folder, "root"), pathlib.Path(folder, "side")
    bucket = root / "bench"
    bucket.mkdir(parents=True)
    side.mkdir()
    for file in pathlib.Path(DATA).glob("*.parquet"):
        os.link(file, bucket / file.name)
    keys = {"ROOT_ACCESS_KEY": "bench", "ROOT_SECRET_KEY": "bench-secret"}
    server = subprocess.Popen(
        [given.server, "--port", f"127.0.0.1:{port}", "--region", "us-east-1", "posix", "--sidecar", side, root],
        env=os.environ | keys, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        until = time.monotonic() + 30
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            if server.poll() is not None or time.monotonic() > until:
                sys.exit("the S3 server does not listen")
            time.sleep(0.05)
        os.environ |= {
            "AWS_ENDPOINT_URL_S3": f"http://127.0.0.1:{port}", "AWS_ACCESS_KEY_ID": keys["ROOT_ACCESS_KEY"],
            "AWS_SECRET_ACCESS_KEY": keys["ROOT_SECRET_KEY"], "AWS_REGION": "us-east-1", "AWS_EC2_METADATA_DISABLED": "true",
        }  # fmt: skip
        yield "s3://bench"
    finally:
        server.terminate()
        server.wait()


def compare(title: str, cases: dict[str, list[str]], base: str, right) -> None:
    """Runs the cases in turn, round by round."""
    found = {name: [] for name in cases}
    for _ in range(ROUNDS):
        for name, command in cases.items():
            found[name].append(measured(command))
            right(name, found[name][-1][3])
    print(f"\n{title}: {ROUNDS} rounds, medians; ratios to {base}, round by round")
    for name, rounds in found.items():
        middle = [statistics.median(run[part] for run in rounds) for part in range(3)]
        ratio = [statistics.median(a[part] / b[part] for a, b in zip(rounds, found[base])) for part in range(3)]
        print(f"{name:28} wall {middle[0]:6.2f} s ({ratio[0]:5.2f}x)  user {middle[1]:6.2f} s ({ratio[1]:5.2f}x)  peak {middle[2]:6.0f} MiB ({ratio[2]:5.2f}x)", flush=True)


def threads(count: int) -> str:
    return f"data-validate, {count} thread{'s'[: count > 1]}"


def wide_suite(out: str) -> str:
    """Five rules on each of a thousand columns."""
    rules = {"type": "float", "not_null": True, "range": {"min": -100, "max": 100}, "mean": {"min": -1, "max": 1}, "std": {"min": 10, "max": 20}}
    suite = pathlib.Path(out, "wide.yaml")
    suite.write_text(json.dumps({"tables": {"wide": {"columns": {f"f{column:03}": rules for column in range(1000)}}}}))
    return str(suite)


def main() -> None:
    with tempfile.TemporaryDirectory() as out, tempfile.TemporaryDirectory(dir=DATA) as beside:
        start_up(out)
        for file, copies in [("1m", 3), ("10m", 30), ("doubles", 3)]:
            cases = {threads(count): ours(file, out, count) for count in (1, 2)}
            cases |= {name: peer(name, file) for name in ["decode", "duckdb", "pandera", "great_expectations"]}
            if file == "10m":
                del cases["great_expectations"]

            def right(name: str, said: str) -> None:
                if name.startswith("data-validate"):
                    is_right(out, copies)
                elif name != "decode":
                    assert said.split() == [str(BAD * copies), str(sum(ORPHANS.values()) * copies)], (name, said)

            compare(file, cases, threads(2), right)
        with served(beside) as place:
            for file, copies in [("1m", 3), ("10m", 30)]:
                cases = {"local": ours(file, out, 2), "S3": ours(file, out, 2, place)}
                cases |= {f"{name}, no digest": [*command, "--no-digest"] for name, command in cases.items()}
                compare(f"{file}, data-validate, 2 threads", cases, "local", lambda *_: is_right(out, copies))
        if given.large:
            compare("100m", {threads(2): ours("100m", out, 2)}, threads(2), lambda *_: is_right(out, 300))
            wide = check([f"--data=wide={DATA}/wide.parquet"], wide_suite(out), out, 2)
            compare("wide", {threads(2): wide}, threads(2), lambda _, said: said == "PASS" or sys.exit(said))


main()
