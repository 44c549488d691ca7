#!/usr/bin/env bash
# Makes .bench/venv, with everything that `make bench` compares against. A peer that cannot be installed is left out
# (the bench's table says so); everything else must be there.
set -euo pipefail
cd "$(dirname "$0")/.."

if ! command -v java >/dev/null && [[ $(id -u) -eq 0 ]] && command -v apt-get >/dev/null; then
    echo "setup: installing Java, which Spark needs" >&2
    { apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -y -q default-jre-headless; } >&2 </dev/null \
        || echo "setup: no Java: the bench will leave Spark out" >&2
fi

tools/setup.sh .bench/venv bench.lock && exit 0

echo "setup: bench.lock could not be installed as a whole; installing piece by piece" >&2
if uv --version >/dev/null 2>&1; then
    install=(uv pip install --quiet --python .bench/venv/bin/python)
else
    install=(.bench/venv/bin/python -m pip install --quiet --disable-pip-version-check)
fi
grep -v -- '--hash' bench.lock | sed 's/ *\\$//' >.bench/pins.txt
"${install[@]}" --constraint .bench/pins.txt numpy pandas pyarrow tensorflow-cpu pillow
for peer in joblib 'ray[data]' 'dask[dataframe]' pyspark; do
    "${install[@]}" --constraint .bench/pins.txt "$peer" || echo "setup: $peer could not be installed" >&2
done
