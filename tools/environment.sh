#!/bin/sh
# Makes the environment in .venv from requirements.lock; does nothing where it is up to date.
#
#   PYTHON=/path/to/python3   the interpreter to make it with (otherwise the first that fits)
#   INSTALLER=pip             never uv, even where uv could be had
#
# pip installs uv, hash-checked, from the lock, and uv the rest: it takes a sixth of pip's time.
# uv does not read pip's settings, so where pip was told of a package index, or uv fails, pip does
# all of it. Every file is checked against its hash in the lock either way.
set -eu
cd "$(dirname "$0")/.."

venv=.venv
stamp=$venv/made-from            # what the finished environment was made from
unfinished=$venv/unfinished      # there while it is being made: an interrupted one is thrown away

say() { printf '%s\n' "$*" >&2; }
stop() { say "make: $*"; exit 2; }

fits() { # INTERPRETER: Python 3.11, 3.12 or 3.13?
    "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' 2>/dev/null
}

has_venv() { # INTERPRETER
    "$1" -c 'import ensurepip, venv' 2>/dev/null
}

version_of() { # INTERPRETER: "3.11.7", or nothing
    "$1" -c 'import sys; print("%d.%d.%d" % sys.version_info[:3])' 2>/dev/null || true
}

find_python() {
    found=
    if [ -n "${PYTHON:-}" ]; then
        set -- "$PYTHON"
    else
        set -- python3 python3.13 python3.12 python3.11 python
    fi
    for candidate in "$@"; do
        command -v "$candidate" >/dev/null 2>&1 || continue
        found="$found $candidate ($(version_of "$candidate"))"
        fits "$candidate" || continue
        without_venv=$candidate
        has_venv "$candidate" || continue
        python=$candidate
        return
    done
    if [ -n "${without_venv:-}" ]; then
        minor=$("$without_venv" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
        stop "$without_venv is Python $(version_of "$without_venv") without its venv module." \
            "On Debian or Ubuntu: sudo apt-get install python$minor-venv, then run make again."
    fi
    stop "Python 3.11, 3.12 or 3.13 is needed; found:${found:- none}." \
        "Install one, or name it: make PYTHON=/path/to/python3.12 ..."
}

fingerprint() { # what the environment depends on: the lock, the entry points, this folder
    cat requirements.lock pyproject.toml | cksum
    pwd -P
}

new_environment() {
    say "Making $venv with $python (Python $(version_of "$python"))."
    mkdir -p "$venv"
    : >"$unfinished"
    "$python" -m venv "$venv" || stop "$python could not make $venv (its reason is above)."
}

install_with_uv() {
    [ "${INSTALLER:-}" != pip ] || return 1
    # An index that was chosen for pip is the only one that may be asked.
    if [ -n "${PIP_INDEX_URL:-}${PIP_NO_INDEX:-}" ] ||
        "$venv/bin/python" -m pip config list 2>/dev/null | grep -Eq '\.(index-url|no-index)='; then
        return 1
    fi
    awk '/^uv==/ { on = 1 } on { print; if ($0 !~ /\\$/) exit }' requirements.lock \
        >"$venv/uv.lock.txt"
    pip_install --quiet --no-deps --require-hashes -r "$venv/uv.lock.txt" || return 1
    UV_HTTP_RETRIES=${UV_HTTP_RETRIES:-1} "$venv/bin/uv" pip sync --python "$venv/bin/python" \
        --require-hashes --compile-bytecode --no-config requirements.lock || {
        say "uv could not install everything; pip does it now."
        return 1
    }
}

pip_install() {
    "$venv/bin/python" -m pip --disable-pip-version-check install --no-input "$@"
}

if [ -f "$stamp" ] && [ ! -f "$unfinished" ] && [ -x "$venv/bin/python" ] &&
    [ "$(cat "$stamp")" = "$(fingerprint)" ]; then
    exit 0
fi

if [ -f "$unfinished" ]; then
    say "The last attempt to make $venv was interrupted: starting it again from nothing."
    rm -rf "$venv"
elif [ -f "$stamp" ] && [ "$(sed -n 2p "$stamp")" != "$(pwd -P)" ]; then
    say "$venv was made for another folder: making it again from nothing."
    rm -rf "$venv"
elif [ -d "$venv" ] && ! fits "$venv/bin/python"; then
    say "$venv has no Python 3.11 to 3.13 that runs: making it again from nothing."
    rm -rf "$venv"
fi

if [ ! -d "$venv" ]; then
    find_python
    new_environment
fi
started=$(date +%s)
say "Installing the packages of requirements.lock: on Linux some 710 MB to download, 3.3 GB on disk."
: >"$unfinished"
if ! install_with_uv; then
    if [ -f "$stamp" ]; then # pip leaves packages that the lock no longer has
        find_python
        rm -rf "$venv"
        new_environment
    fi
    pip_install --require-hashes -r requirements.lock
fi
rm -f "$stamp"
pip_install --quiet --no-index --no-deps --no-build-isolation --editable .
# TensorFlow's log lines go to the terminal that JupyterLab was started in, not under a cell in red.
mkdir -p "$venv/etc/ipython"
echo 'c.IPKernelApp.capture_fd_output = False' >"$venv/etc/ipython/ipython_kernel_config.py"
# JupyterLab asks nobody for news, and does not ask whether it may.
mkdir -p "$venv/share/jupyter/lab/settings"
echo '{"@jupyterlab/apputils-extension:notification": {"fetchNews": "false"}}' \
    >"$venv/share/jupyter/lab/settings/overrides.json"
fingerprint >"$venv/made-from.new"
mv "$venv/made-from.new" "$stamp"
rm -f "$unfinished"
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null && ! command -v bwrap >/dev/null; then
    say "Installing bubblewrap, which locks in students' code while it is graded."
    { apt-get -o DPkg::Lock::Timeout=120 update -qq &&
        DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=120 install -y -qq \
            --no-install-recommends bubblewrap >/dev/null 2>&1; } ||
        say "It could not be installed: \`autograder doctor\` says what that means."
fi
say "Environment ready in $(($(date +%s) - started)) s."
