#!/bin/sh
# Installs the services of the test suites on Debian, without Docker: PostgreSQL with pgvector, Redis,
# PgBouncer and Chromium. Idempotent. It starts and enables no service: the tests start private ones
# (scripts/private-services.ts). Run it as root, or as a user with sudo rights.
set -eu

# 0.8.3 and 0.8.4 fix index corruption under vacuum.
PGVECTOR_MINIMUM=0.8.4
# Built from Debian's source archive if the package index has only older versions.
PGVECTOR_SOURCE=0.8.6
PGVECTOR_SHA256=25c9b78cfdaa43c66788d7490246ac24e4fe1c86f19c4b60c089b723f84a4a0d

log() { printf '%s\n' "install-services: $*"; }
fail() { log "$*" >&2; exit 1; }

command -v apt-get >/dev/null || fail 'requires Debian (apt-get was not found)'
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null || fail 'requires root: run it as root, or install sudo'
  exec sudo -- sh "$0" "$@"
fi

export DEBIAN_FRONTEND=noninteractive
work=$(mktemp -d)
# apt downloads as its own user, which needs access to the folder.
chmod 755 "$work"
policy=/usr/sbin/policy-rc.d
policy_mark='written by install-services.sh'

cleanup() {
  rm -rf "$work"
  if grep -qs "$policy_mark" "$policy"; then rm -f "$policy"; fi
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# Runs a command and prints its output only if it fails.
quietly() {
  if ! "$@" >"$work/log" 2>&1; then
    tail -n 40 "$work/log" >&2
    fail "failed: $*"
  fi
}

updated=no
update_once() {
  [ "$updated" = yes ] && return
  log 'updating the package index'
  quietly apt-get update -qq
  updated=yes
}

is_installed() { [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }
candidate() { LC_ALL=C apt-cache policy "$1" | sed -n 's/^  Candidate: //p' | grep -v '^(none)$' || true; }

# Maintainer scripts call policy-rc.d before they start a service. An existing policy is not replaced. This
# one rejects only the services that this script installs, and is removed at the end.
hold_services() {
  if [ -e "$policy" ] && ! grep -qs "$policy_mark" "$policy"; then return; fi
  cat >"$policy" <<POLICY
#!/bin/sh
# $policy_mark, which removes this file at its end
case "\$*" in
  *postgresql*start* | *redis*start* | *pgbouncer*start*) exit 101 ;;
esac
exit 0
POLICY
  chmod 755 "$policy"
}

# Installs the missing packages of a list.
install_missing() {
  missing=
  for package in "$@"; do
    is_installed "$package" || missing="$missing $package"
  done
  [ -n "$missing" ] || return 0
  update_once
  log "installing$missing"
  hold_services
  # shellcheck disable=SC2086 # a list of package names
  quietly apt-get install -y -qq --no-install-recommends $missing
  for package in $missing; do
    case $package in
      postgresql-*[0-9]) unit=postgresql ;;
      redis-server | pgbouncer) unit=$package ;;
      *) continue ;;
    esac
    # Debian enables installed services. Disables only those that this run installed.
    if command -v systemctl >/dev/null; then systemctl disable "$unit" >/dev/null 2>&1 || true; fi
  done
}

# Prints the major version that scripts/private-services.ts runs. Prints nothing without a server.
server_major() {
  if command -v pg_config >/dev/null; then
    bin=$(pg_config --bindir)
    if [ -x "$bin/initdb" ]; then
      "$bin/postgres" --version | sed -E 's/^[^0-9]*([0-9]+).*/\1/'
      return
    fi
  fi
  find /usr/lib/postgresql -path '*/bin/initdb' 2>/dev/null |
    sed -E 's|^/usr/lib/postgresql/([0-9]+)/.*|\1|' | sort -n | tail -n 1
}

vector_version() {
  sed -n "s/^default_version *= *'\(.*\)'/\1/p" \
    "/usr/share/postgresql/$1/extension/vector.control" 2>/dev/null || true
}

# Unpacks the source archive to $work/pgvector. apt has the mirrors and proxies of this machine.
fetch_pgvector() {
  archive=pool/main/p/pgvector/pgvector_$PGVECTOR_SOURCE.orig.tar.gz
  # shellcheck disable=SC2016 # apt's own placeholders
  for mirror in $(apt-get indextargets --format '$(REPO_URI)' \
    'Created-By: Packages' 'Origin: Debian' 'Label: Debian' | sort -u); do
    if /usr/lib/apt/apt-helper download-file "${mirror%/}/$archive" "$work/pgvector.tar.gz" \
      "SHA256:$PGVECTOR_SHA256" >"$work/log" 2>&1; then
      mkdir "$work/pgvector"
      tar -xzf "$work/pgvector.tar.gz" -C "$work/pgvector" --strip-components=1
      return
    fi
  done
  tail -n 10 "$work/log" >&2 2>/dev/null || true
  fail "pgvector $PGVECTOR_SOURCE was not found on the configured Debian mirrors"
}

build_pgvector() {
  install_missing build-essential "postgresql-server-dev-$1"
  update_once
  fetch_pgvector
  log "building pgvector $PGVECTOR_SOURCE for PostgreSQL $1"
  # An empty OPTFLAGS omits -march=native, so that the library also runs on other processors.
  for target in all install; do
    quietly make -C "$work/pgvector" with_llvm=no OPTFLAGS= "PG_CONFIG=/usr/lib/postgresql/$1/bin/pg_config" "$target"
  done
}

install_pgvector() {
  found=$(vector_version "$1")
  if [ -n "$found" ] && dpkg --compare-versions "$found" ge "$PGVECTOR_MINIMUM"; then
    log "pgvector $found is already installed"
    return
  fi
  update_once
  packaged=$(candidate "postgresql-$1-pgvector")
  if [ -n "$packaged" ] && dpkg --compare-versions "$packaged" ge "$PGVECTOR_MINIMUM"; then
    install_missing "postgresql-$1-pgvector"
  else
    build_pgvector "$1"
  fi
  found=$(vector_version "$1")
  [ -n "$found" ] || fail "pgvector was installed, but PostgreSQL $1 does not find it"
  log "pgvector $found is installed"
}

major=$(server_major)
if [ -z "$major" ]; then
  [ -n "$(candidate postgresql)" ] || update_once
  major=$(candidate postgresql | sed -E 's/^([0-9]+).*/\1/')
  [ -n "$major" ] || fail 'the package index has no postgresql'
fi

install_missing "postgresql-$major" redis-server pgbouncer chromium fonts-liberation
install_pgvector "$major"
log "ready: PostgreSQL $major, Redis, PgBouncer, Chromium"
