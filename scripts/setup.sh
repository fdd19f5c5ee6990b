#!/usr/bin/env bash
# Makes (or updates) a virtual environment, by default the one that development uses.
# Usage: scripts/setup.sh [DIRECTORY [REQUIREMENTS FILE]]
# PYTHON chooses the interpreter; any Python from 3.11 on will do.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

venv=${1:-.venv}
requirements=${2:-requirements-dev.txt}
recent='import sys; sys.exit(sys.version_info < (3, 11))'

is_recent() { "$1" -c "$recent" >/dev/null 2>&1; }

find_python() {
    local candidate
    for candidate in ${PYTHON:+"$PYTHON"} python3 python3.13 python3.12 python3.11 python3.14 python; do
        # Asked by running it: a version manager's stand-in may exist and fail.
        if is_recent "$candidate"; then
            command -v "$candidate"
            return
        fi
    done
    echo "This project needs Python 3.11 or newer: install it, or name it with PYTHON=/path/to/python3." >&2
    return 1
}

if ! is_recent "$venv/bin/python"; then
    python=$(find_python)
    echo "Making $venv with $("$python" --version) ..."
    if "$python" -c 'import ensurepip' >/dev/null 2>&1; then
        "$python" -m venv --clear "$venv"
    elif "$python" -m pip --version >/dev/null 2>&1; then
        # Debian ships pip and ensurepip apart: an environment without pip is filled from outside.
        "$python" -m venv --clear --without-pip "$venv"
    else
        echo "$python has neither ensurepip nor pip. On Debian or Ubuntu: apt-get install python3-venv python3-pip" >&2
        exit 1
    fi
fi

if "$venv/bin/python" -m pip --version >/dev/null 2>&1; then
    pip=("$venv/bin/python" -m pip)
else
    pip=("$(find_python)" -m pip --python "$venv/bin/python")
fi
echo "Installing $requirements into $venv ..."
"${pip[@]}" install --quiet --disable-pip-version-check --requirement "$requirements"
