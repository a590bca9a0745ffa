# Shared by the scripts of this folder, which source it: where the checkout is, how to speak, where cargo is.
# shellcheck shell=bash

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
# The sourcing script reads these two.
# shellcheck disable=SC2034
deps=$root/.deps

# Progress is for people, so it goes to stderr.
say() { printf '%s\n' "$*" >&2; }

# Ends the script with one message that names it.
die() {
  say "${0##*/}: $*"
  exit 1
}

# Prints the comment block at the top of the calling script: that is its help.
usage() { sed -n '2,/^[^#]/{s/^# \{0,1\}//p;}' "$0"; }

# Makes sure that cargo can be called. rustup writes ~/.cargo/env, which a bare PATH does not include.
find_cargo() {
  if ! command -v cargo >/dev/null && [ -f "${CARGO_HOME:-$HOME/.cargo}/env" ]; then
    # shellcheck source=/dev/null
    . "${CARGO_HOME:-$HOME/.cargo}/env"
  fi
  command -v cargo >/dev/null
}

# Succeeds if version $1 is at least version $2 (numbers between dots).
version_at_least() { [ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1)" = "$2" ]; }
