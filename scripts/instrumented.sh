# shellcheck shell=bash
# shellcheck disable=SC2154  # src, tmp, runner and version are lib.sh's
#
# instrumented.sh
#   Builds PostgreSQL with sanitizers or for valgrind, from the source of Debian's
#   package, for scripts/checked and scripts/fuzz. Source it after lib.sh.
#
#     asan      built by clang with AddressSanitizer and UndefinedBehaviorSanitizer,
#               and with the flags of PostgreSQL's own CI; with scripts/asan,
#               AddressSanitizer checks single chunks of palloc
#     valgrind  built by gcc with PostgreSQL's hints for valgrind; where VALGRIND_OPTS
#               is set, the server runs under valgrind
#
#   Both have assertions, and only the parts of PostgreSQL that a test server needs.
#   An extension that is built with their pg_config gets the same flags.
#
#   A build takes minutes and up to a gigabyte. It is therefore kept outside of the
#   repository, in the cache directory of the user (for root /var/cache/winback),
#   until the source or the recipe of the build changes. It may be removed at any time.
#
#   Limits: only versions whose source apt can fetch.

# Flags of the sanitizers. -fno-sanitize=function: PostgreSQL 15 itself calls functions
# through pointers of other types (the walkers of expression trees), which clang reports
# from version 17 on.
sanitizers=(-fsanitize=address "-fsanitize=alignment,undefined" -fno-sanitize=function
    -fno-sanitize-recover=all -fno-common)

cache=            # where builds are kept
source_version=   # of the package, and of its source

# need_instrumented KIND: notes the missing packages to build and run it.
need_instrumented() {
    need dpkg-dev "to unpack PostgreSQL's source" command -v dpkg-source
    need gcc "to compile PostgreSQL and the extension" command -v gcc
    need libc6-dev "C headers, to compile them" test -e /usr/include/stdio.h
    need make "to build them" command -v make
    need perl "to build PostgreSQL" command -v prove
    need libipc-run-perl "PostgreSQL's TAP tests use it" perl -MIPC::Run -e 1
    need pkg-config "to find ICU" command -v pkg-config
    need tzdata "time zones" test -e /usr/share/zoneinfo/Europe/Berlin
    need libicu-dev "collations, which the tests use" test -e /usr/include/unicode/ucol.h
    if ((version >= 17)); then
        need bison "to build PostgreSQL $version" command -v bison
        need flex "to build PostgreSQL $version" command -v flex
    fi
    case $1 in
        asan)
            need clang "compiler with sanitizers" command -v clang
            need libclang-rt-dev "the sanitizers" has_sanitizers
            ;;
        valgrind) need valgrind "to run the server under it" command -v valgrind ;;
    esac
}

has_sanitizers() {
    echo 'int main(void) { return 0; }' |
        clang -fsanitize=address,undefined -x c -o "$tmp/has_sanitizers" -
}

# prepare_instrumented KIND...: installs missing packages and fetches the source.
prepare_instrumented() {
    local kind
    begin
    choose_version
    choose_runner
    # the runner has temporary files, too
    if ((EUID == 0)); then chown "$runner:" "$tmp"; fi
    step "Looking for what is missing on this machine"
    for kind; do need_instrumented "$kind"; done
    if ((${#missing[@]})); then
        mapfile -t missing < <(printf '%s\n' "${missing[@]}" | sort -u)
        install_missing
    else
        echo "    nothing"
    fi
    # PostgreSQL's programs do not free their memory at their end
    export ASAN_OPTIONS=detect_leaks=0
    cache=${XDG_CACHE_HOME:-$HOME/.cache}/winback
    ((EUID != 0)) || cache=/var/cache/winback
    mkdir -p "$cache"
    choose_source
}

# madison: version and mirror of each package that apt could install, newest first
madison() {
    apt-cache madison "postgresql-$version" |
        awk -F ' *[|] *' '/Packages$/ { split($3, place, " "); print $2, place[1] }'
}

# choose_source: sets $source_version to the newest whose source can be fetched.
choose_source() {
    know_package "postgresql-$version" || update_lists
    for source_version in $(madison | cut -d ' ' -f 1 | uniq); do
        [[ ! -e $cache/source-$source_version/configure ]] || return 0
        step "Fetching the source of postgresql-$version $source_version"
        fetch_source && return
        tail -n 1 "$tmp/source.log"
    done
    die "cannot get the source of postgresql-$version" \
        "apt has no source where  apt-cache madison postgresql-$version  finds the package." \
        "Another version: PG_CONFIG=/usr/lib/postgresql/NN/bin/pg_config"
}

# fetch_source: fetches the source from the mirrors of the package. apt's own sources
# need no deb-src lines, and are not changed.
fetch_source() {
    local apt=$tmp/apt-$source_version place file
    mkdir -p "$apt/lists" "$apt/cache" "$apt/sources.list.d" "$apt/source"
    while IFS= read -r place; do
        for file in /etc/apt/sources.list /etc/apt/sources.list.d/*; do
            [[ -r $file ]] || continue
            if [[ $file == *.sources ]]; then
                # a .sources file consists of stanzas, separated by empty lines
                awk -v place="$place" -v RS= 'index($0, place) { print $0 "\n" }' "$file" |
                    sed 's/^Types:.*/Types: deb-src/' >>"$apt/sources.list.d/all.sources"
            else
                { grep -F "$place" "$file" || true; } |
                    sed -n 's/^deb /deb-src /p' >>"$apt/sources.list"
            fi
        done
    done < <(madison | awk -v want="$source_version" '$1 == want { print $2 }' | sort -u)
    if ((EUID == 0)); then chown -R "$runner:" "$apt"; fi
    guarded source_with_apt "$apt" >"$tmp/source.log" 2>&1 || return
    rm -rf "$cache/source-$source_version"
    mv "$apt/source"/postgresql-*/ "$cache/source-$source_version"
}

source_with_apt() {
    local options=(
        -q -o "Dir::Etc::SourceList=$1/sources.list"
        -o "Dir::Etc::SourceParts=$1/sources.list.d" -o "Dir::State::Lists=$1/lists"
        -o "Dir::Cache=$1/cache" -o APT::Sandbox::User= -o Acquire::Retries=2
    )
    cd "$1/source" &&
        as_runner apt-get "${options[@]}" update &&
        as_runner apt-get "${options[@]}" --only-source source \
            "postgresql-$version=${source_version%+b*}"
}

# instrument KIND: builds and installs that PostgreSQL unless a build is kept. Sets
# $prefix, the directory of the installation, and $bindir. Object files are in
# $prefix/build.
instrument() {
    local kind=$1 recipe configure lock
    prefix=$cache/postgresql-$source_version-$kind
    bindir=$prefix/bin
    configure=(--quiet "--prefix=$prefix" --enable-cassert --enable-debug --enable-tap-tests
        --with-icu
        --without-readline --without-zlib --with-system-tzdata=/usr/share/zoneinfo)
    case $kind in
        asan)
            configure+=(CC=clang "CPPFLAGS=-DUSE_VALGRIND -I$prefix/hints"
                "CFLAGS=-O1 -fno-omit-frame-pointer ${sanitizers[*]}" "LDFLAGS=${sanitizers[*]}")
            ;;
        valgrind)
            configure+=(CC=gcc CPPFLAGS=-DUSE_VALGRIND "CFLAGS=-O1 -fno-omit-frame-pointer")
            ;;
    esac
    recipe=$(
        printf '%s\n' "${configure[@]}"
        sed -n '/^instrument_and_install/,$p' "${BASH_SOURCE[0]}"
        cat "$src"/scripts/asan/valgrind/*.h
        "$([[ $kind == asan ]] && echo clang || echo gcc)" --version
    )
    # until this script ends, other runs may use the same build, but not replace it
    exec {lock}>>"$prefix.lock"
    flock --shared "$lock"
    until is_built "$recipe" || flock --nonblock "$lock"; do
        step "Waiting for another run that uses $prefix"
        sleep 10
        flock --shared "$lock"
    done
    if is_built "$recipe"; then
        flock --shared "$lock"
        step "PostgreSQL $source_version for $kind, as built before in $prefix"
        return
    fi
    step "Building PostgreSQL $source_version for $kind in $prefix (once; this takes minutes)"
    rm -rf "$prefix"
    mkdir -p "$prefix/build"
    cp -r "$src/scripts/asan" "$prefix/hints"
    chmod -R u+rwX,go+rX "$prefix"
    if ((EUID == 0)); then chown -R "$runner:" "$prefix"; fi
    guarded instrument_and_install "$kind" "${configure[@]}" >"$tmp/instrument.log" 2>&1 || {
        tail -n 40 "$tmp/instrument.log" >&2
        die "PostgreSQL cannot be built for $kind; the end of make's output is above"
    }
    printf '%s\n' "$recipe" >"$prefix/recipe"
    flock --shared "$lock"
}

# is_built RECIPE: whether $prefix was built by this recipe
is_built() { [[ -r $prefix/recipe && $(<"$prefix/recipe") == "$1" ]]; }

instrument_and_install() {
    local kind=$1 directory
    shift
    cd "$prefix/build" &&
        as_runner "$cache/source-$source_version/configure" "$@" &&
        as_runner make -s -C src/backend generated-headers || return
    for directory in port common backend; do
        as_runner make -s -C "src/$directory" -j "$(nproc)" all || return
    done
    for directory in backend backend/{snowball,utils/mb/conversion_procs} \
        backend/replication/{libpqwalreceiver,pgoutput} timezone/tznames include \
        interfaces/libpq pl/plpgsql/src bin/{initdb,pg_basebackup,pg_config,pg_ctl,pg_dump} \
        bin/{pgbench,psql} ../contrib/postgres_fdw makefiles test/{regress,isolation,perl} \
        ../config; do
        as_runner make -s -C "src/$directory" -j "$(nproc)" install || return
    done
    as_runner make -s -C src install-local || return
    if [[ $kind == valgrind ]]; then
        rm -rf "$prefix/build"
        wrap_in_valgrind
    fi
}

wrap_in_valgrind() {
    mv "$bindir/postgres" "$bindir/postgres.unwrapped"
    cat >"$bindir/postgres" <<'WRAPPER'
#!/bin/sh
# Runs postgres under valgrind where VALGRIND_OPTS is set, but not if it only prints
# something or makes a new cluster.
case $1 in
    --boot | --check | --single | --describe-config | --version | -V) ;;
    *) [ -z "$VALGRIND_OPTS" ] || exec valgrind "$0.unwrapped" "$@" ;;
esac
exec "$0.unwrapped" "$@"
WRAPPER
    chmod 755 "$bindir/postgres"
}
