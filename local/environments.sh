#!/bin/sh
# Installs the Python environments of the project that are missing, old, or whose Python has gone.
#
#   sh local/environments.sh                   with the first Python that can do it
#   sh local/environments.sh PYTHON            with this one: a name or a path
#   sh local/environments.sh PYTHON FOLDER     only this environment, such as that of a program that one command needs
#
# It is a shell script because it runs before there is a Python that is known to work.
set -eu

DEVELOPMENT=.venv
MINISTACK=.local/ministack
LOCK=.local/lock
POLICIES=.local/policies

# What an environment is installed from. If a file is newer than the environment, it is installed again.
sources_of() {
  case $1 in
    "$DEVELOPMENT")
      echo pyproject.toml clients/python/pyproject.toml layers/dependencies/requirements.in layers/dependencies/requirements.txt ;;
    "$MINISTACK") echo local/ministack-requirements.txt ;;
    "$LOCK") echo local/lock-requirements.txt ;;
    "$POLICIES") echo local/policies-requirements.txt ;;
  esac
}

# No trap removes this file: a subshell that gets a signal at its start could run the trap of this shell.
output=$(mktemp)

# Runs a program for at most ten seconds, and writes what it prints to the file $output. Returns its status: 137 if it
# was ended. macOS has no `timeout`. The output goes to a file, not to a pipe: a child of the program that goes on would
# keep a pipe open. A program that prints without end is ended by the limit of the file, a megabyte or two.
run_briefly() {
  ( ulimit -f 2048 2>/dev/null; exec "$@" ) >"$output" 2>&1 </dev/null &
  program=$!
  ( nap=; trap 'kill $nap; exit' TERM; sleep 10 & nap=$!; wait $nap; kill -9 $program ) >/dev/null 2>&1 </dev/null &
  watch=$!
  status=0
  wait $program 2>/dev/null || status=$?
  kill $watch 2>/dev/null || true
  wait $watch 2>/dev/null || true
  return $status
}

# An upgrade of the system may remove the Python of an environment, or put another version in its place.
is_installed() {
  [ -s "$1/installed" ] && [ -z "$(find -L $(sources_of "$1") -newer "$1/installed")" ] &&
    run_briefly "$1/bin/python" -I -S -c 'import sys; print("%d.%d" % sys.version_info[:2])' &&
    [ "$(head -n 1 "$output")" = "$(cat "$1/installed")" ]
}

# Prints why a Python cannot install the environments, or "fits" if it can. It must run in any Python.
PROBE='
import sys
version = "%d.%d" % sys.version_info[:2]
if sys.version_info < (3, 11):
    print("is Python " + version)
elif sys.implementation.name != "cpython":
    print("is " + sys.implementation.name + ", not CPython")
else:
    for module in "ctypes", "ssl", "zlib", "venv", "ensurepip":
        try:
            __import__(module)
        except ImportError:
            hint = "; on Debian or Ubuntu: sudo apt install python" + version + "-venv"
            print("has no module " + module + (hint if module in ("venv", "ensurepip") else ""))
            break
    else:
        print("fits")
'

tried=
# Sets `python` to a program if it can install the environments, or else adds to `tried` why it cannot.
try() {
  [ -x "$1" ] && [ ! -d "$1" ] || return 1
  status=0
  run_briefly "$1" -c "$PROBE" || status=$?
  # The first line that has a text, without what could control the terminal.
  said=$(head -c 4000 "$output" | LC_ALL=C tr -cd '[:print:]\n' | grep . | head -n 1 | cut -c 1-200 || true)
  case $status in
    0) [ "$said" != fits ] || { python=$1 && return 0; } ;;
    137) said='does not answer within ten seconds' ;;
    *) said="does not run${said:+: $said}" ;;
  esac
  said=${said:-is no Python: it prints nothing}
  tried="$tried  $1: $said
"
  return 1
}

# Tries all programs of a name on the PATH, not only the first: that may be a shim of pyenv which does not run.
try_name() {
  rest=$PATH:
  while [ -n "$rest" ]; do
    folder=${rest%%:*}
    rest=${rest#*:}
    try "${folder:-.}/$1" && return 0
  done
  return 1
}

# Tries all programs of a name that pyenv has installed.
try_pyenv() {
  for program in "${PYENV_ROOT:-${HOME:-}/.pyenv}"/versions/*/bin/"$1"; do
    try "$program" && return 0
  done
  return 1
}

find_python() {
  for name in python3 python3.14 python3.13 python3.12 python3.11; do
    try_name "$name" && return 0
  done
  try_pyenv python3
}

find_named_python() {
  case $1 in
    */*) try "$1" ;;
    *) try_name "$1" || try_pyenv "$1" ;;
  esac
}

refuse() {
  rm -f "$output"
  echo "✗ $1" >&2
  printf '%s' "${tried:-  there is no program of that name
}" >&2
  echo 'Install Python 3.13, or name a Python of 3.11 or later: make env PYTHON=/usr/bin/python3.13' >&2
  exit 1
}

named=${1:-}
if [ $# -gt 1 ]; then
  shift
else
  set -- "$DEVELOPMENT" "$MINISTACK" # what nearly every command needs
fi
missing=
for environment in "$@"; do
  is_installed "$environment" || missing="$missing $environment"
done
[ -n "$missing" ] || { rm -f "$output" && exit 0; }

if [ -n "$named" ]; then
  find_named_python "$named" || refuse "PYTHON=$named cannot be used to install Saxaul. Tried:"
else
  find_python || refuse 'No Python on this machine can install Saxaul. Tried:'
fi
rm -f "$output"
"$python" -m local.install $missing || exit
for environment in $missing; do
  [ -s "$environment/installed" ] || refuse "$python ended without an error, but $environment is not installed."
done
