#!/bin/sh
# The repository of `dvc2.tar.gz`, in the layout of DVC before version 3, and what `dvc pull` brings of it:
#   python3.11 -m venv dvc2 && dvc2/bin/pip install 'dvc==2.58.2' 'pathspec<0.12' dulwich==0.21.7 && PATH=$PWD/dvc2/bin:$PATH sh make_dvc2.sh
set -eu
to=$PWD
work=$(mktemp -d)
export DVC_NO_ANALYTICS=1 HOME="$work" GIT_CONFIG_NOSYSTEM=1
git config --global user.name t
git config --global user.email t@example.com
git config --global init.defaultBranch main
mkdir -p "$work/dvc2/repo" "$work/dvc2/store"
cd "$work/dvc2/repo"
git init --quiet
dvc init --quiet
dvc remote add --default store ../store
mkdir -p data/train
printf 'id,delay\r\n1,2\r\n' > data/dos.csv
printf 'id,delay\r\n3,4\r\n' > data/train/dos.csv
printf 'id,delay\n5,6\n' > data/train/unix.csv
printf 'a\r\n\000b\r\n' > data/train/binary.bin
dvc add --quiet data/dos.csv data/train
git add .
git commit --quiet -m old
git tag old
dvc push --quiet
rm -rf .dvc/cache .dvc/tmp data/dos.csv data/train
dvc pull --quiet
mkdir ../pulled
mv data/dos.csv data/train ../pulled/
rm -rf .dvc/cache .dvc/tmp .git/hooks
cd "$work"
tar --sort=name --owner=0 --group=0 --numeric-owner -czf "$to/dvc2.tar.gz" dvc2
rm -rf "$work"
