#!/bin/sh
# Installs the Python environments of the project that are missing, old, or whose Python has gone.
#
#   sh local/environments.sh             with the first Python that can do it
#   sh local/environments.sh PYTHON      with this one: a name or a path
#
# It is a shell script because it runs before there is a Python that is known to work.
set -eu

DEVELOPMENT=.venv
MINISTACK=.local/ministack

# What an environment is installed from. If a file is newer than the environment, it is installed again.
sources_of() {
  case $1 in
    "$DEVELOPMENT") echo pyproject.toml clients/python/pyproject.toml layers/dependencies/requirements.txt ;;
    "$MINISTACK") echo local/ministack-requirements.txt ;;
  esac
}

# An upgrade of the system may remove the Python of an environment, or put another version in its place.
is_installed() {
  [ -s "$1/installed" ] && [ -z "$(find -L $(sources_of "$1") -newer "$1/installed")" ] &&
    [ "$("$1/bin/python" -I -S -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>&1)" = "$(cat "$1/installed")" ]
}

# Prints why a Python cannot install the environments, or nothing if it can. It must run in any Python.
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
'

tried=
# Sets `python` to a program if it can install the environments, or else adds to `tried` why it cannot.
try() {
  [ -x "$1" ] && [ ! -d "$1" ] || return 1
  if said=$("$1" -c "$PROBE" 2>&1); then
    [ -n "$said" ] || { python=$1 && return 0; }
  else
    said=$(printf '%s\n' "$said" | grep . | head -n 1 || true)
    said="does not run${said:+: $said}"
  fi
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
  echo "✗ $1" >&2
  printf '%s' "${tried:-  there is no program of that name
}" >&2
  echo 'Install Python 3.13, or name a Python of 3.11 or later: make env PYTHON=/usr/bin/python3.13' >&2
  exit 1
}

missing=
for environment in "$DEVELOPMENT" "$MINISTACK"; do
  is_installed "$environment" || missing="$missing $environment"
done
[ -n "$missing" ] || exit 0

if [ -n "${1:-}" ]; then
  find_named_python "$1" || refuse "PYTHON=$1 cannot be used to install Saxaul. Tried:"
else
  find_python || refuse 'No Python on this machine can install Saxaul. Tried:'
fi
exec "$python" -m local.install $missing
