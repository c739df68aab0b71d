# shellcheck shell=bash disable=SC2034  # read by those that source it
#
# lib.sh
#   Functions that bench/run and bench/peers share: options, checks of memory and
#   disk, a server that holds all orders in its memory, psql, and kept results.
#
#   Limits: those of scripts/lib.sh, which installs, builds and cleans up.

# shellcheck source-path=SCRIPTDIR source=../scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../scripts/lib.sh"

# the load before this script adds to it
load_before=$(cut -d ' ' -f 1 /proc/loadavg)

# number OPTION VALUE MIN MAX: checks the value of an option
number() {
    if [[ $2 =~ ^[1-9][0-9]{0,9}$ ]] && (($2 >= $3 && $2 <= $4)); then return; fi
    die "$1 takes a number from $3 to $4, not '$2'" "See bench/${0##*/} --help."
}

# set_psql: sets $psql, a psql with the variables of the question and without ~/.psqlrc.
# hyperfine splits "${psql[*]}" at blanks, so no word of it may contain one.
set_psql() {
    psql=("$bindir/psql" -XqAt --set=ON_ERROR_STOP=1 --file="$tmp/build/bench/period.sql")
}
run_psql() { as_runner "${psql[@]}" "$@"; }

# look_for_room ORDERS MEMORY-MB DISK-MB ADVICE: ends the script if the machine has less
look_for_room() {
    local there
    there=$(memory_there)
    ((there >= $2)) ||
        die "$1 orders need $2 MB of memory, and $there MB are available" "Measure fewer: $4"
    there=$(df -Pm "$tmp" | awk 'NR == 2 { print $4 }')
    ((there >= $3)) || die "$1 orders need $3 MB of disk, and $tmp has $there MB" \
        "Name another place: TMPDIR=/var/tmp bench/${0##*/}"
}
memory_there() { echo "$(($(awk '/^MemAvailable/ { print $2 }' /proc/meminfo) / 1024))"; }

# configure SHARED-BUFFERS-MB WORK-MEM-MB [SETTING...]: changes settings, and restarts
configure() {
    {
        echo "shared_buffers = $1MB"
        echo "work_mem = $2MB"
        echo "maintenance_work_mem = 256MB"
        echo "max_parallel_workers_per_gather = 0"
        echo "autovacuum = off"
        echo "max_wal_size = 8GB"
        # every run reads the table from its beginning
        echo "synchronize_seqscans = off"
        printf '%s\n' "${@:3}"
    } >>"$tmp/data/postgresql.conf"
    guarded as_runner "$bindir/pg_ctl" --pgdata="$tmp/data" --log="$tmp/server.log" \
        --wait --silent --mode=fast restart ||
        {
            tail -n 20 "$tmp/server.log" >&2
            die "the server did not start with these settings; its log is above"
        }
}

# note_commit: sets $commit before the build; the checkout may change until the end
note_commit() { commit=$(git -C "$src" describe --always --dirty 2>/dev/null) || commit=unknown; }

cpu_name() {
    local name
    name=$(sed -nE 's/^model name[^:]*: *//p' /proc/cpuinfo | head -n 1)
    echo "${name:-$(uname -m)}"
}

# find_cache: sets $cache, the directory of the packages that package.json names
find_cache() {
    local base=${XDG_CACHE_HOME:-${HOME:-/nonexistent}/.cache} lock
    ((EUID)) || base=/var/cache
    lock=$(cat "$src"/bench/package*.json | sha256sum)
    cache=${WINBACK_BENCH_CACHE:-$base/winback-bench}/${lock:0:12}
}

# install_peers: installs the packages of npm into the cache, and runs no scripts of
# theirs. It runs as the caller, who owns the cache. The file "complete" marks a complete
# copy. npm ci would demand the libraries of all platforms in the lock file.
install_peers() {
    find_cache
    [[ ! -e $cache/complete ]] || return 0
    step "npm install in $cache, for DuckDB, ClickHouse and what draws charts" \
        "(150 MB to download, 620 MB on disk)"
    mkdir -p "$cache"
    cp "$src"/bench/package*.json "$src/bench/.npmrc" "$cache"
    if ! guarded env --chdir="$cache" npm install --no-save --ignore-scripts --no-audit --no-fund \
        >"$tmp/npm.log" 2>&1; then
        tail -n 20 "$tmp/npm.log" >&2
        step "npm could not install them; measuring without DuckDB, ClickHouse and charts"
        return 0
    fi
    touch "$cache/complete"
}

# text_list WORD...: prints the words as a JSON array
text_list() { printf '"%s"\n' "$@" | paste -sd , | sed 's/.*/[&]/'; }

# keep_results FILE: copies it into results/, which git ignores; sets $kept
keep_results() {
    local directory=$src/bench/results
    kept=$directory/$(date -u +%Y-%m-%dT%H%M%SZ).json
    if mkdir -p "$directory" && cp "$1" "$kept"; then
        # files in a checkout belong to its owner
        if ((EUID == 0)); then chown -R --reference="$src" "$directory"; fi
        echo "Also in bench/results/${kept##*/}, with every single run."
    else
        kept=
    fi
}
