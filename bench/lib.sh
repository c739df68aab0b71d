# shellcheck shell=bash disable=SC2034  # read by those that source it
#
# lib.sh
#   What bench/run and bench/peers have in common: options, room, a server that
#   holds all orders in its memory, psql, and results that are kept.
#
#   Limits: as scripts/lib.sh, which finds, installs, builds and cleans up.

# shellcheck source-path=SCRIPTDIR source=../scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../scripts/lib.sh"

# the load before we are it
load_before=$(cut -d ' ' -f 1 /proc/loadavg)

# number OPTION VALUE MIN MAX
number() {
    if [[ $2 =~ ^[1-9][0-9]{0,9}$ ]] && (($2 >= $3 && $2 <= $4)); then return; fi
    die "$1 takes a number from $3 to $4, not '$2'" "See bench/${0##*/} --help."
}

# psql with the variables of the question, and no look at anybody's ~/.psqlrc;
# psql[*] must stay free of blanks, as hyperfine gets it as a line
set_psql() {
    psql=("$bindir/psql" -XqAt --set=ON_ERROR_STOP=1 --file="$tmp/build/bench/period.sql")
}
run_psql() { as_runner "${psql[@]}" "$@"; }

# look_for_room ORDERS MEMORY-MB DISK-MB ADVICE: before anything is made
look_for_room() {
    local there
    there=$(memory_there)
    ((there >= $2)) || die "$1 orders need $2 MB of memory, and $there MB are available" "Measure fewer: $4"
    there=$(df -Pm "$tmp" | awk 'NR == 2 { print $4 }')
    ((there >= $3)) || die "$1 orders need $3 MB of disk, and $tmp has $there MB" \
        "Name another place: TMPDIR=/var/tmp bench/${0##*/}"
}
memory_there() { echo "$(($(awk '/^MemAvailable/ { print $2 }' /proc/meminfo) / 1024))"; }

# configure SHARED-BUFFERS-MB WORK-MEM-MB [SETTING...]: and start anew
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
        { tail -n 20 "$tmp/server.log" >&2; die "the server did not start with the settings above"; }
}

# what is built now, whatever the checkout holds by the end
note_commit() { commit=$(git -C "$src" describe --always --dirty 2>/dev/null) || commit=unknown; }

cpu_name() {
    local name
    name=$(sed -nE 's/^model name[^:]*: *//p' /proc/cpuinfo | head -n 1)
    echo "${name:-$(uname -m)}"
}

# find_cache: sets $cache, where the packages of npm that package.json names go
find_cache() {
    local base=${XDG_CACHE_HOME:-${HOME:-/nonexistent}/.cache} lock
    ((EUID)) || base=/var/cache
    lock=$(cat "$src"/bench/package*.json | sha256sum)
    cache=${WINBACK_BENCH_CACHE:-$base/winback-bench}/${lock:0:12}
}

# keep_results FILE: in results/, where git ignores it; sets $kept
keep_results() {
    local directory=$src/bench/results
    kept=$directory/$(date -u +%Y-%m-%dT%H%M%SZ).json
    if mkdir -p "$directory" && cp "$1" "$kept"; then
        # a checkout is left with files of its owner only
        if ((EUID == 0)); then chown -R --reference="$src" "$directory"; fi
        echo "Also in bench/results/${kept##*/}, with every single run."
    else
        kept=
    fi
}
