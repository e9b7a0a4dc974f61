#!/bin/bash
# What a target of the Makefile needs of the machine.
# usage: deploy/needs.sh python git java maven postgres prometheus systemd chromium glewlwyd
# What is missing is installed with apt-get where that is allowed (root, or sudo without a password); otherwise the
# exact command is printed and the script ends with code 1.
set -euo pipefail

PYTHON=${PYTHON:-python3}
OLDEST_PYTHON=3.11   # pyproject.toml, requires-python
OLDEST_JAVA=17       # Apache Kafka 4 brokers
OLDEST_POSTGRES=15   # Debian 12

has_python() { "$PYTHON" -c 'import ensurepip, venv' 2>/dev/null; }
has_java() {
  local version
  version=$(java -version 2>&1 | sed -n 's/.*version "\([0-9]*\).*/\1/p' | head -n 1) || return 1
  [ "${version:-0}" -ge "$OLDEST_JAVA" ]
}
has_git() { command -v git >/dev/null; }
has_maven() { command -v mvn >/dev/null; }
has_postgres() {
  local program version
  for program in /usr/lib/postgresql/*/bin/postgres "$(command -v postgres || true)"; do
    [ -x "$program" ] || continue
    version=$("$program" --version | sed 's/[^0-9]*\([0-9]*\).*/\1/')
    [ "${version:-0}" -ge "$OLDEST_POSTGRES" ] && return 0
  done
  return 1
}
has_prometheus() { command -v prometheus >/dev/null && command -v promtool >/dev/null; }
has_systemd() { command -v systemd-analyze >/dev/null; }
has_glewlwyd() { command -v glewlwyd >/dev/null; }
has_chromium() { { command -v chromium || command -v chromium-browser; } >/dev/null && has_libatomic; }
has_libatomic() { compgen -G "/usr/lib/*/libatomic.so.1" >/dev/null || compgen -G "/usr/lib*/libatomic.so.1" >/dev/null; }

packages_for() {
  case $1 in
    python) echo "python3 python3-venv" ;;
    git) echo "git" ;;   # the house rules read what git knows; a checkout may be copied to a machine without it
    java) echo "default-jre-headless" ;;
    maven) echo "maven" ;;
    postgres) echo "postgresql" ;;
    prometheus) echo "prometheus" ;;
    systemd) echo "systemd" ;;
    glewlwyd) echo "glewlwyd" ;;   # an OpenID Connect provider: signing in is tried with a real one
    chromium) echo "chromium fonts-dejavu-core libatomic1" ;;   # libatomic: Playwright's driver; a bare Debian 12 lacks it
    *) echo "needs.sh: unknown need: $1" >&2; exit 2 ;;
  esac
}

missing_among() {
  local need
  for need in "$@"; do "has_$need" || echo "$need"; done
}

check_python_version() {
  command -v "$PYTHON" >/dev/null || return 0   # absent altogether: the installation below sees to it
  "$PYTHON" -c "import sys; sys.exit(sys.version_info < tuple(map(int, '$OLDEST_PYTHON'.split('.'))))" && return 0
  {
    echo "Berceau needs Python $OLDEST_PYTHON or later, as Debian 12 and 13 have it; $PYTHON is $("$PYTHON" -V 2>&1)."
    echo "If another one is installed, name it, for example: make PYTHON=python3.12 test"
  } >&2
  exit 1
}

may_install() { command -v apt-get >/dev/null && { [ "$(id -u)" -eq 0 ] || sudo -n true 2>/dev/null; }; }

as_root() { if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo -n "$@"; fi; }

# Debian's glewlwyd starts by itself, with a password that everybody knows; the tests start their own and need no service.
keep_from_starting() {
  case " $* " in *" glewlwyd "*) ;; *) return 0 ;; esac
  local unit=${UNITS:-/etc/systemd/system}/glewlwyd.service
  if [ -e "$unit" ] || [ -L "$unit" ]; then return 0; fi   # an administrator's own, or masked already
  as_root mkdir -p "${unit%/*}"
  as_root ln -s /dev/null "$unit"
}

install() {
  local quiet=(env DEBIAN_FRONTEND=noninteractive apt-get -qq -y -o Dpkg::Use-Pty=0)
  echo "Installing with apt-get: $*" >&2
  as_root "${quiet[@]}" install --no-install-recommends "$@" >/dev/null 2>&1 && return 0
  as_root "${quiet[@]}" update   # lists that are absent or old are the usual reason
  as_root "${quiet[@]}" install --no-install-recommends "$@" >/dev/null
}

main() {
  local missing packages=()
  case " $* " in *" python "*) check_python_version ;; esac
  missing=$(missing_among "$@")
  [ -n "$missing" ] || return 0
  for need in $missing; do
    read -ra more <<<"$(packages_for "$need")"
    packages+=("${more[@]}")
  done
  if may_install; then keep_from_starting "${packages[@]}"; install "${packages[@]}"; fi
  case " $* " in *" python "*) check_python_version ;; esac
  missing=$(missing_among "$@")
  [ -n "$missing" ] || return 0
  echo "Missing on this machine:" $missing >&2
  case "$missing" in *glewlwyd*) echo "First, so that its service does not start: sudo systemctl mask glewlwyd" >&2 ;; esac
  echo "Install with: sudo apt-get install -y ${packages[*]}" >&2
  exit 1
}

main "$@"
