"""A repository of two versions made by DVC, and what `dvc pull` brings of each.

python make_dvc.py REMOTE_URL [ENDPOINT]: makes `repo`, pushes to the remote, and pulls into `pulled/v1`, `pulled/v2`,
below the current directory.
"""

import pathlib
import shutil
import subprocess
import sys

from dvc.cli import main as dvc_main

url, endpoint = sys.argv[1], sys.argv[2:]
here = pathlib.Path.cwd()
repo = here / "repo"


def git(*args, cwd=repo):
    name = ["-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "init.defaultBranch=main"]
    subprocess.run(["git", *name, *args], cwd=cwd, check=True, stdout=subprocess.DEVNULL)


def dvc(*args, cwd=repo):
    if dvc_main(["--quiet", "--cd", str(cwd), *args]) != 0:
        sys.exit(f"dvc {' '.join(args)} failed")


def put(name, data):
    path = repo / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


repo.mkdir()
git("init", "--quiet")
dvc("init")
dvc("remote", "add", "--default", "store", url)
if endpoint:
    dvc("remote", "modify", "store", "endpointurl", endpoint[0])

put("data/train/year=2013/month=01/a.csv", b"id,delay\n1,2.5\n2,\n")
put("data/train/year=2013/month=02/b.csv", b"id,delay\n3,7\n")
put("data/train/sub dir/\u00e9t\u00e9.csv", b"id,delay\r\n9,1\r\n")
put("data/train/empty.csv", b"")
put("data/one.csv", b"id,delay\r\n1,2\r\n")
put("data/large.bin", bytes(range(256)) * 40_000)
put("notes.txt", b"kept by Git\n")
dvc("add", "data/train", "data/one.csv", "data/large.bin")
git("add", ".")
git("commit", "--quiet", "-m", "one")
git("tag", "v1")
dvc("push")
# The first commit lies in a pack, the second in files of its own.
git("gc", "--quiet")

put("data/train/year=2013/month=03/c.csv", b"id,delay\n4,4\n")
(repo / "data/train/empty.csv").unlink()
put("data/one.csv", b"id,delay\n1,3\n")
dvc("add", "data/train", "data/one.csv")
(repo / "pipe").mkdir()
command = "cp ../data/one.csv copy.csv && mkdir -p many && cp ../data/one.csv many/x.csv"
dvc("stage", "add", "-n", "copy", "-d", "../data/one.csv", "-o", "copy.csv", "-o", "many", *command.split(), cwd=repo / "pipe")
dvc("repro", "--no-commit", cwd=repo / "pipe")
dvc("commit", "--force", cwd=repo / "pipe")
git("add", ".")
git("commit", "--quiet", "-m", "two")
git("tag", "-a", "-m", "an annotated tag", "v2")
dvc("push")

for tag in ("v1", "v2"):
    clone = here / "pulled" / tag
    git("clone", "--quiet", "--branch", tag, str(repo), str(clone), cwd=here)
    dvc("pull", cwd=clone)
git("clone", "--quiet", "--bare", str(repo), str(here / "bare.git"), cwd=here)
shutil.rmtree(repo / ".dvc" / "cache")
