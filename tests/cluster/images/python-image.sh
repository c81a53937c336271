#!/bin/sh
# Lays out a Debian with Python and the packages of an environment: python-image.sh ROOT ENVIRONMENT
set -eu
root=$1
environment=$2
mmdebstrap --quiet --mode=root --variant=minbase --include="$PACKAGES" \
  --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
  bookworm "$root"
rm -rf "$root"/var/cache/apt/* "$root"/var/lib/apt/lists/* "$root"/dev
mkdir -p "$root/dev" "$root/opt/py"

# The machine's Python and Debian's are of one minor version, so the packages fit both.
cp -a "$environment"/lib/python3.11/site-packages/. "$root/opt/py/"
ln -s usr/bin/python3 "$root/entrypoint"
cd "$root/opt/py"
find . -depth \( -name tests -o -name __pycache__ -o -name test \) -type d -exec rm -rf {} +
find . \( -name '*.a' -o -name '*.pyx' -o -name '*.h' -o -name '*.hpp' \) -type f -delete
rm -rf pip setuptools _distutils_hack distutils-precedence.pth pip-*.dist-info setuptools-*.dist-info

for program in mlflow:mlflow.cli:cli mlserver:mlserver.cli:main; do
  name=${program%%:*}
  module=$(echo "$program" | cut -d: -f2)
  function=${program##*:}
  printf '#!/usr/bin/python3\nimport sys\nfrom %s import %s\nsys.exit(%s())\n' "$module" "$function" "$function" >"$root/usr/local/bin/$name"
  chmod 755 "$root/usr/local/bin/$name"
done

# Programs that MLflow's server starts.
for name in uvicorn gunicorn; do
  if [ -f "$environment/bin/$name" ]; then
    sed '1s|.*|#!/usr/bin/python3|' "$environment/bin/$name" >"$root/usr/local/bin/$name"
    chmod 755 "$root/usr/local/bin/$name"
  fi
done
