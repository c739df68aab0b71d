# shellcheck shell=bash
#
# lib.sh
#   The functions that `make test`, `make demo` and other scripts share. They
#   install missing packages, build the extension, run a PostgreSQL server that
#   has it, and remove everything at the end.
#
#   The idea: the scripts write to one temporary directory only.
#
#     $tmp/build     a copy of the source tree. The scripts build and test there,
#                    so the checkout does not change and may be read-only
#     $tmp/stage     `make install DESTDIR=` puts the extension here, and not into
#                    the system's own PostgreSQL directories
#     $tmp/data      the data directory of a throw-away server
#     $tmp/socket    the socket of this server, which opens no TCP port
#
#   initdb refuses to run as root, so a script that runs as root only calls
#   apt-get and copies files itself; as_runner builds and runs all code.
#
#   When a script ends, also by an error or by Ctrl-C, it runs clean_up, which
#   kills the process group of the current job and the servers whose
#   postmaster.pid lies below $tmp. Only kill -9 prevents that.
#
#   Limits: the scripts need Debian or a distribution made from it. Up to 17, only
#   Debian's PostgreSQL finds an extension outside of its own directories
#   (extension_destdir); from 18 on every PostgreSQL can (extension_control_path).

set -euo pipefail

src=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
wanted_pg_config=${PG_CONFIG:-}
real_data=${WINBACK_REAL_DATA:+$(realpath -m "$WINBACK_REAL_DATA")}

version=      # the major version of PostgreSQL
tmp=          # our temporary directory
runner=       # as_runner runs commands as this user if we are root
job=          # the process group of the current job
reporter=     # the process that reports the progress of the current job
dropin=       # this file keeps apt-get from creating a cluster
dropin_dir=   # the directory of this file, if we created it
missing=()    # packages that the script needs
wanted=()     # packages that the script can do without

# interrupted STATUS: return whether SIGHUP, SIGINT or SIGTERM ended the script
interrupted() { (($1 == 129 || $1 == 130 || $1 == 143)); }

step() { printf '==> %s\n' "$*"; }

# die MESSAGE [LINE...]: print the error and the lines of advice, and exit with status 1.
die() {
    printf 'ERROR: %s\n' "$1" >&2
    shift
    (($# == 0)) || printf '  %s\n' "$@" >&2
    exit 1
}

# counts PASSED FAILED SKIPPED: print the last line of a script that runs tests
counts() {
    printf '%d passed, %d failed' "$1" "$2"
    if (($3)); then printf ', %d skipped' "$3"; fi
    echo
}
# Scripts match this line of other scripts; BASH_REMATCH 1, 2 and 4 are the numbers.
# shellcheck disable=SC2034
count_pattern='^([0-9]+) passed, ([0-9]+) failed(, ([0-9]+) skipped)?$'

# Unset the caller's locale, time zone and PostgreSQL settings and those of a calling
# make, so that results do not depend on them.
forget_environment() {
    local name
    for name in "${!PG@}" "${!LC_@}" TZ LANGUAGE CDPATH MAKEFLAGS MFLAGS MAKELEVEL \
        MAKEOVERRIDES TEMP_CONFIG INITDB_TEMPLATE; do
        # keep the caller's time limits for a slow server
        [[ $name == PGCTLTIMEOUT || $name == PG_TEST_TIMEOUT_DEFAULT ]] || unset "$name"
    done
    export LANG=C.UTF-8 LC_ALL=C.UTF-8 TZ=UTC
    PATH=$PATH:/usr/sbin:/sbin
    umask 022
}

# guarded COMMAND...: run a job in a process group of its own and without input, so
# that clean_up can kill the job and all its descendants.
guarded() {
    local status=0
    set -m
    "$@" </dev/null &
    job=$!
    set +m
    wait "$job" || status=$?
    job=
    return "$status"
}

as_runner() {
    if ((EUID == 0)); then
        setpriv --reuid="$runner" --regid="$(id -g "$runner")" --init-groups -- \
            env HOME="$tmp" TMPDIR="$tmp" USER="$runner" LOGNAME="$runner" "$@"
    else
        env HOME="$tmp" TMPDIR="$tmp" "$@"
    fi
}

as_root() {
    if ((EUID == 0)); then "$@"; else sudo "$@"; fi
}

can_be_root() {
    ((EUID == 0)) && return
    command -v sudo >/dev/null || return
    # sudo may ask for a password only if standard input is a terminal
    sudo -n true 2>/dev/null || { [[ -t 0 ]] && sudo true; }
}

# --------------------------------------------------------------- progress

# with_progress LOG STEP_OF COMMAND...: run the command with its output in LOG. As long as
# it runs, print what the function STEP_OF reads in LOG: on a terminal in one line that
# changes each second, elsewhere in a line every 5 seconds, and every 10 seconds after a
# minute, so that a log stays readable.
with_progress() {
    local log=$1 step_of=$2 status=0
    shift 2
    : >"$log"
    report_progress "$log" "$step_of" &
    reporter=$!
    "$@" >"$log" 2>&1 || status=$?
    kill "$reporter" 2>/dev/null || true
    # without the message that the shell has killed it
    wait "$reporter" 2>/dev/null || true
    reporter=
    if on_terminal; then printf '\r\033[K'; fi
    return "$status"
}

on_terminal() { [[ -t 1 && ${TERM:-dumb} != dumb ]]; }

report_progress() {
    local log=$1 step_of=$2 begun=$SECONDS pause=5 pipe line
    trap - ERR
    trap 'exit 0' TERM
    if on_terminal; then pause=1; fi
    # bash waits for input without a program such as sleep, which would outlive it
    exec {pipe}<> <(:)
    # a reporter ends with its script, even if kill -9 ended that
    while kill -0 "$$" 2>/dev/null; do
        ((pause == 1 || SECONDS - begun < 60)) || pause=10
        read -rt "$pause" -u "$pipe" _ || true
        line=$("$step_of" "$log" 2>/dev/null) || true
        printf -v line '%5d s  %.66s' "$((SECONDS - begun))" "${line:-waiting}"
        if on_terminal; then printf '\r\033[K%s' "$line"; else printf '%s\n' "$line"; fi
    done
}

# step_of_apt LOG: print what apt-get does, and to which package
step_of_apt() {
    awk '
        match($0, /[0-9]+ newly installed/) { total = " of " $3 + $1 }
        # Get:7 MIRROR SUITE ARCHITECTURE PACKAGE ARCHITECTURE VERSION [SIZE], or
        # Get:7 MIRROR SUITE ARCHITECTURE Packages [SIZE]
        /^(Get|Hit):[0-9]/ {
            package = NF > 6 && $6 !~ /^\[/
            doing = package ? "downloads " $5 " (" ++got total ")" : "reads the list of " $3
        }
        /^(Ign|Err):[0-9]/ { doing = "has not yet got " $3 " " $5 " from " $2 }
        /^Unpacking / { doing = "unpacks " $2 " (" ++unpacked total ")" }
        /^Setting up / { doing = "sets up " $3 " (" ++set_up total ")" }
        /^Processing triggers for / { doing = "runs the triggers of " $4 }
        /^0% \[|^Reading package lists/ { if (!doing) doing = "reads its lists" }
        END { print "apt " (doing ? doing : "works") }' "$1"
}

# step_of_build LOG: print what make, a compiler or debhelper does
step_of_build() {
    awk '
        match($0, /[^ \/]+\.c( |$)/) { doing = "compiles " substr($0, RSTART, RLENGTH) }
        /^ +dh_|^ +debian\/rules|^dpkg-/ { doing = "runs " $1 }
        /^###/ { part = $2 " " $3 ": " }
        /^test / { doing = "has tested " $2 }
        /^ok [0-9]/ { doing = "has tested " $4 }
        END { print part doing }' "$1"
}

# ---------------------------------------------------------------- the end

clean_up() {
    local status=$? group=$job file pid i
    trap '' HUP INT TERM
    [[ -z $reporter ]] || kill -TERM "$reporter" 2>/dev/null || true
    if [[ $group ]]; then
        kill -TERM -- "-$group" 2>/dev/null || true
        wait "$group" 2>/dev/null || true
        sleep 0.2
        kill -KILL -- "-$group" 2>/dev/null || true
    fi
    at_exit "$status" || status=1
    if [[ $tmp ]]; then
        # The working directory of a server is its data directory. Another
        # process that has the pid of a dead server has a different one.
        while IFS= read -r -d '' file; do
            pid=$(head -n 1 "$file" 2>/dev/null) || continue
            [[ $(readlink "/proc/$pid/cwd") == "$(dirname "$file")" ]] || continue
            kill -QUIT "$pid" 2>/dev/null || continue
            for ((i = 0; i < 100; i++)); do
                # kill -0 succeeds for a zombie, which a container may never reap
                [[ $(readlink "/proc/$pid/cwd") ]] || break
                sleep 0.1
            done
        done < <(find "$tmp" -name postmaster.pid -print0 2>/dev/null)
        rm -rf "$tmp"
    fi
    [[ -z $dropin ]] || release_main_cluster
    last_words "$status" || true
    exit "$status"
}

# A script redefines at_exit to run it before clean_up removes $tmp, and last_words to
# print its last lines.
at_exit() { :; }
last_words() { :; }

# ---------------------------------------------------------- the beginning

# begin: set the environment and traps, and create the temporary directory. Its path
# must be short, because the path of a socket has at most 107 bytes. The user that runs
# the server must be able to enter it and to run programs there.
begin() {
    local base
    forget_environment
    # print the command that failed if no message of ours explains the failure
    set -E
    trap 'printf "ERROR: %s, line %d, failed: %s\n" \
        "${BASH_SOURCE[0]}" "$LINENO" "$BASH_COMMAND" >&2' ERR
    trap clean_up EXIT
    trap 'exit 129' HUP
    trap 'exit 130' INT
    trap 'exit 143' TERM
    for base in "${TMPDIR:-/tmp}" /tmp; do
        [[ $base =~ ^/[A-Za-z0-9/._-]{1,40}$ && -d $base && -w $base ]] || continue
        tmp=$(mktemp -d "$base/winback.XXXXXX")
        chmod 755 "$tmp"
        cp /bin/true "$tmp/program"
        if ((EUID == 0)); then
            setpriv --reuid=65534 --regid=65534 --clear-groups -- \
                "$tmp/program" 2>/dev/null && break
        else
            "$tmp/program" 2>/dev/null && break
        fi
        rm -r "$tmp"
        tmp=
    done
    [[ $tmp ]] || die "cannot make a temporary directory in /tmp" \
        "Name one that every user can enter and run programs in: TMPDIR=/var/tmp make ..."
    unset TMPDIR
}

# choose_version: set $version and $bindir to those of PG_CONFIG, else of the newest
# installed server, else of the server that Debian's package postgresql installs.
choose_version() {
    local candidate found=
    if [[ $wanted_pg_config ]]; then
        if candidate=$(command -v "$wanted_pg_config"); then
            bindir=$("$candidate" --bindir)
            version=$("$candidate" --version | sed -E 's/^PostgreSQL ([0-9]+).*/\1/')
        elif [[ $wanted_pg_config =~ ^/usr/lib/postgresql/([0-9]+)/bin/pg_config$ ]]; then
            version=${BASH_REMATCH[1]}
            bindir=${wanted_pg_config%/pg_config}
        else
            die "PG_CONFIG=$wanted_pg_config is not a program" \
                "Name an installed pg_config, or" \
                "/usr/lib/postgresql/NN/bin/pg_config to have NN installed."
        fi
        step "PostgreSQL $version, as PG_CONFIG says"
        return
    fi
    for candidate in /usr/lib/postgresql/*/bin/postgres; do
        [[ -x $candidate && $candidate =~ /([0-9]+)/bin/postgres$ ]] || continue
        if ((BASH_REMATCH[1] > ${found:-0})); then found=${BASH_REMATCH[1]}; fi
    done
    if [[ $found ]]; then
        version=$found
        step "PostgreSQL $version, the newest that is installed here"
    else
        need_apt postgresql "No PostgreSQL server is installed in /usr/lib/postgresql."
        know_package postgresql || can_be_root ||
            no_root gcc libc6-dev make perl libipc-run-perl postgresql postgresql-server-dev-all
        know_package postgresql || update_lists
        [[ $(apt-cache depends postgresql 2>/dev/null) =~ Depends:\ postgresql-([0-9]+) ]] ||
            not_found postgresql \
                "See whether /etc/apt/sources.list or sources.list.d names a Debian mirror."
        version=${BASH_REMATCH[1]}
        step "PostgreSQL $version, the version of this Debian release (none is installed)"
    fi
    bindir=/usr/lib/postgresql/$version/bin
}

# ------------------------------------------------------------ installation

# need PACKAGE REASON TEST...: if TEST fails, add the package to $missing and print why.
need() {
    local package=$1 reason=$2
    shift 2
    "$@" >/dev/null 2>&1 && return
    missing+=("$package")
    printf '    %-24s %s\n' "$package" "$reason"
}

# want PACKAGE REASON TEST...: the same for $wanted
want() {
    local before=${#missing[@]}
    need "$@"
    ((${#missing[@]} > before)) || return 0
    unset 'missing[-1]'
    wanted+=("$1")
}

need_apt() {
    command -v apt-get >/dev/null || die "$2" \
        "This machine has no apt-get, so please install it by hand ($1)."
}

apt_get() {
    as_root env DEBIAN_FRONTEND=noninteractive NEEDRESTART_MODE=l \
        apt-get -q -y -o DPkg::Lock::Timeout=120 -o Acquire::Retries=2 "$@" </dev/null
}

know_package() { apt-cache show "$1" >/dev/null 2>&1; }

can_install() {
    apt-get -s install --no-remove --no-install-recommends "$1" >/dev/null 2>&1
}

no_root() {
    die "packages are missing, and neither root nor sudo works here" \
        "As root, run this, and then come back:" "" \
        "    apt-get update" "    apt-get install --no-install-recommends $*" "" \
        "A PostgreSQL server that is new on a machine comes with a running cluster \"main\"; if" \
        "you do not want that, first put  create_main_cluster = false  into a file ending in" \
        ".conf in /etc/postgresql-common/createcluster.d/."
}

update_lists() {
    step "apt-get update, for apt's package lists are empty or out of date"
    with_progress "$tmp/apt.log" step_of_apt apt_get update || apt_failed "apt-get update failed"
}

# not_found PACKAGE LINE...: say that apt does not find the package. apt-get update counts it
# as a success if it reached no mirror.
not_found() {
    [[ ! $(unreachable) ]] || apt_failed "apt finds no package $1"
    die "apt finds no package $1" "${@:2}"
}

# unreachable: print the first line of apt's log about a mirror or a proxy that could not be
# reached, if there is one
unreachable() {
    [[ -e $tmp/apt.log ]] || return 0
    local said='Temporary failure resolving|Could not resolve|Unable to connect to'
    said+='|[Cc]ould not connect to|Cannot initiate the connection'
    said+='|Connection (timed out|refused|failed)|Network is unreachable|No route to host'
    grep -Em 1 "$said" "$tmp/apt.log" || true
}

# apt_failed MESSAGE [LINE...]: print the reason that apt's log gives, and exit. The lines
# are the advice if the network is not the reason.
apt_failed() {
    local message=$1 reason
    shift
    reason=$(unreachable | sed -E 's/^([EW]: |Err:[0-9]+ )//; s/^ +//')
    [[ ! $reason ]] || die "$message: apt reaches no mirror" "$reason" \
        "Mend the network of this machine, its name server (/etc/resolv.conf) or its proxy" \
        "(Acquire::http::Proxy in /etc/apt/apt.conf.d), and run this again."
    tail -n 40 "$tmp/apt.log" >&2
    die "$message; its last lines are above" "$@"
}

# leave_to_owner DIRECTORY: give a directory that root has written to the owner of the directory
# above it. Files in a checkout belong to its owner.
leave_to_owner() {
    if ((EUID == 0)); then chown -R --reference="$(dirname "$1")" "$1"; fi
}

# install_what_is_missing: install the packages that the script needs, or say that it has them
install_what_is_missing() {
    if ((${#missing[@]})); then install_missing; else echo "    nothing"; fi
}

# install_missing: print the command, and install all packages with it.
#
# Debian's server package creates and starts a cluster "main" when it is installed for
# the first time. We do not need one, so a drop-in file, which createcluster.conf
# documents, prevents it while apt-get runs. A setting of the machine's owner has
# precedence.
install_missing() {
    local command plan package count install=(install --no-remove --no-install-recommends)
    need_apt "${missing[*]}" "Something is missing: ${missing[*]}"
    can_be_root || no_root "${missing[@]}" "${wanted[@]}"
    for package in "${missing[@]}" "${wanted[@]}"; do
        know_package "$package" || { update_lists; break; }
    done
    for package in "${wanted[@]}"; do
        if can_install "$package"; then
            missing+=("$package")
        else
            step "Without $package, which apt cannot install"
        fi
    done
    ((${#missing[@]})) || return 0
    command="apt-get install --no-install-recommends ${missing[*]}"
    for package in "${missing[@]}"; do
        know_package "$package" && continue
        [[ $package == postgresql-* ]] || not_found "$package" \
            "See whether /etc/apt/sources.list or sources.list.d names a Debian mirror."
        not_found "$package" \
            "This release may not have PostgreSQL $version. Choose another one with" \
            "PG_CONFIG=/usr/lib/postgresql/NN/bin/pg_config, or add https://apt.postgresql.org" \
            "to apt's sources."
    done
    plan=$(LC_ALL=C apt-get -s install --no-install-recommends "${missing[@]}" 2>&1) || true
    if grep -Eq '^(Inst postgresql-[0-9]+ \[|Remv )' <<<"$plan"; then
        die "to install them, apt would upgrade a PostgreSQL server or remove a package" \
            "That is yours to decide. As root, look at it and run it yourself:" "" "    $command" ""
    fi
    hold_back_main_cluster
    count=$(grep -c '^Inst' <<<"$plan" || true)
    step "$command ($count packages with their dependencies; this may take minutes)"
    if ! with_progress "$tmp/apt.log" step_of_apt apt_get "${install[@]}" "${missing[@]}"; then
        [[ ! $(unreachable) ]] || apt_failed "apt-get could not install the packages"
        step "That failed; once more with fresh package lists"
        update_lists
        with_progress "$tmp/apt.log" step_of_apt apt_get "${install[@]}" "${missing[@]}" ||
            apt_failed "apt-get could not install the packages" \
                "Mend that, for instance with  apt-get -f install  and  dpkg --configure -a," \
                "and come back."
    fi
    [[ -z $dropin ]] || release_main_cluster
}

hold_back_main_cluster() {
    local conf=/etc/postgresql-common/createcluster.conf
    local dir=/etc/postgresql-common/createcluster.d
    [[ " ${missing[*]} " == *" postgresql-$version "* ]] || return 0
    if grep -Eqrs '^[[:space:]]*create_main_cluster' "$conf" "$dir"; then return; fi
    [[ -d $dir ]] || dropin_dir=$dir
    dropin=$dir/winback-$$.conf
    as_root mkdir -p "$dir"
    # shellcheck disable=SC2016  # the inner shell expands it
    as_root sh -c 'echo "create_main_cluster = false  # while winback runs apt-get" >"$1"' \
        sh "$dropin"
}

release_main_cluster() {
    as_root rm -f "$dropin"
    if [[ $dropin_dir ]] && ! dpkg -S "$dropin_dir" >/dev/null 2>&1; then
        as_root rmdir --ignore-fail-on-non-empty "$dropin_dir"
    fi
    dropin='' dropin_dir=''
}

# need_build_tools: note the packages that every build needs
need_build_tools() {
    need gcc "to compile the extension" command -v gcc
    need libc6-dev "C headers, to compile the extension" test -e /usr/include/stdio.h
    need make "to build the extension" command -v make
    need "postgresql-server-dev-$version" "PostgreSQL's headers and PGXS" has_pgxs
}

# prepare test|demo: create the temporary directory and install missing packages.
prepare() {
    begin
    choose_version
    step "Looking for what is missing on this machine"
    need_build_tools
    need "postgresql-$version" "the server to run it in" \
        test -x "$bindir/initdb" -a -x "$bindir/postgres"
    if [[ $1 == test ]]; then
        need perl "prove, to run the TAP tests" command -v prove
        need libipc-run-perl "PostgreSQL's TAP tests use it" perl -MIPC::Run -e 1
    fi
    # the package node-d3 has only scripts, and nothing here runs Node
    want node-d3 "D3, to draw the report" test -r /usr/share/nodejs/d3/dist/d3.min.js
    # Only one test uses each of these, and a browser takes 490 MB with its dependencies,
    # which is too much for a developer's machine.
    if [[ $1 == test && ${CI:-} == true ]]; then
        # for the archive of `make dist`, which t/190_first_minutes.pl unpacks
        want git "to make an archive" command -v git
        want unzip "to unpack an archive" command -v unzip
        want python3-jsonschema "to validate META.json" \
            /usr/bin/python3 -s -c "import jsonschema"
        want chromium-headless-shell "to look at the report in a browser" has_chromium
        want_drivers
        want_bi
    fi
    if ((${#missing[@]})); then
        install_missing
    elif ((${#wanted[@]})); then
        # in a subshell, so that die does not end the script
        (install_missing) || step "Continuing without ${wanted[*]}"
    else
        echo "    nothing"
    fi
    has_pgxs || die "$bindir/pg_config leads to no pgxs.mk: the development files are missing"
}

# want_drivers: note the packages of the drivers that t/130_drivers.pl tests. With their
# dependencies, Java and R among them, they take 400 MB, which is too much for a developer's
# machine, as only this test uses them.
want_drivers() {
    local import=(/usr/bin/python3 -s -c)
    want python3-psycopg2 "a driver for Python" "${import[@]}" "import psycopg2"
    want python3-psycopg "another driver for Python" "${import[@]}" "import psycopg"
    want python3-asyncpg "another driver for Python" "${import[@]}" "import asyncpg"
    want libpostgresql-jdbc-java "the driver for Java" test -r /usr/share/java/postgresql.jar
    want default-jdk-headless "to run a Java program" command -v javac
    want odbc-postgresql "the driver for ODBC" has_odbc
    want python3-pyodbc "to use ODBC" "${import[@]}" "import pyodbc"
    want libdbd-pg-perl "the driver for Perl" perl -MDBD::Pg -e 1
    want node-pg "a driver for Node.js" has_node_pg
    want r-cran-rpostgresql "a driver for R" test -d /usr/lib/R/site-library/RPostgreSQL
}

# want_bi: note the packages with which t/180_bi.pl reads the templates and dashboards of
# examples/bi. It also uses drivers for Python, and npm if it is there.
want_bi() {
    local import=(/usr/bin/python3 -s -c)
    want python3-jinja2 "to render templates for BI tools" "${import[@]}" "import jinja2"
    want python3-yaml "to read the models of dbt" "${import[@]}" "import yaml"
    want python3-jsonschema "to validate a dashboard" "${import[@]}" "import jsonschema"
}

# add_npm_driver: let npm install node-pg if apt could not, because Debian's package does not
# go with a Node.js that comes from elsewhere
add_npm_driver() {
    if has_node_pg || ! command -v npm >/dev/null; then return 0; fi
    step "npm install pg, for Debian's package node-pg does not go with this Node.js"
    if guarded as_runner timeout 120 npm install --prefix "$tmp/npm" --ignore-scripts \
        --no-audit --no-fund pg@8 >"$tmp/npm.log" 2>&1; then
        export NODE_PATH=$tmp/npm/node_modules
    else
        tail -n 5 "$tmp/npm.log"
        step "Continuing without it"
    fi
}

has_node_pg() { [[ -r /usr/share/nodejs/pg/package.json ]] && command -v node; }

has_odbc() { compgen -G "/usr/lib/*/odbc/psqlodbcw.so"; }

has_chromium() { command -v chromium-headless-shell || command -v chromium; }

has_pgxs() { [[ -x $bindir/pg_config && -e $("$bindir/pg_config" --pgxs) ]]; }

# -------------------------------------------------- build, stage and server

# choose_runner: set $runner if we are root
choose_runner() {
    ((EUID == 0)) || return 0
    runner=nobody
    if id postgres >/dev/null 2>&1; then runner=postgres; fi
}

# copy_tree: choose the runner, and copy the checkout without build and test results to
# $tmp/build.
copy_tree() {
    choose_runner
    mkdir "$tmp/build"
    tar -C "$src" -cf - --exclude=./.git --exclude='*.o' --exclude='*.bc' --exclude='*.so' \
        --exclude=./results --exclude=./output_iso --exclude=./tmp_check --exclude=./log \
        --exclude='./test-failure*' --exclude='./regression.*' --exclude=./dist . |
        tar -C "$tmp/build" --no-same-owner -xf -
}

# enter_copy: make the runner the owner of $tmp, and change to the copy, because the
# runner may have no access to the current directory
enter_copy() {
    chmod -R u+rwX,go+rX "$tmp"
    if ((EUID == 0)); then chown -R "$runner:" "$tmp"; fi
    chmod 700 "$tmp"
    cd "$tmp/build"
}

# build: copy the tree, build the copy, and install it into the stage.
build() {
    local data=$real_data
    set_make_options
    copy_tree
    if ((EUID == 0)); then
        step "Building a copy in $tmp, as user $runner"
    else
        step "Building a copy in $tmp"
    fi
    mkdir "$tmp/stage" "$tmp/socket"

    # Copy real data for the tests that use it, because the runner may have no
    # access to its directory.
    unset WINBACK_REAL_DATA
    [[ $data || ! -d $src/../shared/data ]] || data=$src/../shared/data
    if [[ $data ]]; then
        [[ -d $data ]] || die "WINBACK_REAL_DATA=$data is not a directory"
        mkdir "$tmp/real-data"
        find -L "$data" -maxdepth 1 -type f -name '*.csv' -exec cp -t "$tmp/real-data" {} +
        export WINBACK_REAL_DATA=$tmp/real-data
    fi
    enter_copy

    if ! guarded with_progress "$tmp/build.log" step_of_build build_and_stage; then
        cat "$tmp/build.log" >&2
        die "the build failed; the output of the compiler is above"
    fi
    # show the warnings of a successful build
    grep -A 2 'warning:' "$tmp/build.log" || true
}

make_copy() {
    as_runner make --no-print-directory PG_CONFIG="$bindir/pg_config" "${make_options[@]}" "$@"
}

build_and_stage() {
    make_copy -j "$(nproc)" all && make_copy install DESTDIR="$tmp/stage"
}

# set_make_options: leave out the bitcode, which is a copy of the code for the JIT
# compiler and takes half of the time, if the script does not need it or if the clang that
# PostgreSQL was built with is not installed
make_options=() bitcode=yes
set_make_options() {
    local pgxs clang
    make_options=()
    pgxs=$("$bindir/pg_config" --pgxs)
    clang=$(sed -nE 's/^CLANG *= *//p' "$(dirname "$pgxs")/../Makefile.global")
    [[ $bitcode == yes ]] && command -v "${clang:-clang}" >/dev/null ||
        make_options=(with_llvm=no)
    # as src/compat.h says
    [[ ! ${WINBACK_UNKNOWN_MAJOR:-} ]] || make_options+=(WINBACK_UNKNOWN_MAJOR=1)
}

# extension_settings STAGE: print the settings of a server that finds the extension in STAGE
extension_settings() {
    local sharedir settings
    sharedir=$("$bindir/pg_config" --sharedir)
    settings=$(as_runner "$bindir/postgres" --describe-config)
    if grep -q '^extension_destdir' <<<"$settings"; then
        echo "extension_destdir = '$1'"
    elif ((version >= 18)); then
        echo "extension_control_path = '$1$sharedir:\$system'"
    else
        return 1
    fi
    echo "dynamic_library_path = '$1$("$bindir/pg_config" --pkglibdir):\$libdir'"
}

# start_server: start a server, and set PGHOST, PGPORT, PGUSER and PGDATABASE for it, and
# TEMP_CONFIG and WINBACK_DESTDIR for tests that start servers of their own.
start_server() {
    extension_settings "$tmp/stage" >"$tmp/extension.conf" ||
        die "this PostgreSQL $version can only load extensions from its own directories" \
            "Use a PostgreSQL package of Debian or apt.postgresql.org, or PostgreSQL 18" \
            "or newer."

    step "Starting a throw-away PostgreSQL $version server in $tmp"
    guarded as_runner "$bindir/initdb" --pgdata="$tmp/data" --username=postgres --auth=trust \
        --encoding=UTF8 --locale=C.UTF-8 --no-sync >"$tmp/initdb.log" 2>&1 ||
        { cat "$tmp/initdb.log" >&2; die "initdb failed"; }
    {
        cat "$tmp/extension.conf"
        echo "listen_addresses = ''"
        echo "unix_socket_directories = '$tmp/socket'"
        echo "timezone = 'UTC'"
        echo "log_timezone = 'UTC'"
        echo "fsync = off"
        # several test suites run at the same time
        echo "max_worker_processes = 32"
        echo "max_parallel_workers = 32"
    } >>"$tmp/data/postgresql.conf"
    guarded as_runner "$bindir/pg_ctl" --pgdata="$tmp/data" --log="$tmp/server.log" \
        --wait --silent start ||
        { cat "$tmp/server.log" >&2; die "the server did not start; its log is above"; }

    export PGHOST=$tmp/socket PGPORT=5432 PGUSER=postgres PGDATABASE=postgres
    export TEMP_CONFIG=$tmp/extension.conf WINBACK_DESTDIR=$tmp/stage
    chmod 644 "$tmp/extension.conf"
}
