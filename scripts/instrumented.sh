# shellcheck shell=bash
# shellcheck disable=SC2154  # src, tmp, runner and version are lib.sh's
#
# instrumented.sh
#   PostgreSQL that watches itself, built from the source of Debian's package:
#   what scripts/checked and scripts/fuzz have in common. To be sourced after
#   lib.sh.
#
#     asan      by clang with AddressSanitizer and UndefinedBehaviorSanitizer,
#               and with the flags of PostgreSQL's own CI; scripts/asan lets the
#               former see single chunks of palloc
#     valgrind  by gcc, telling valgrind about its memory; where VALGRIND_OPTS is
#               set, its server runs under valgrind
#
#   Both have assertions, and no more of PostgreSQL than a server for tests needs.
#   An extension that is built with their pg_config gets the same flags.
#
#   A build takes minutes and up to a gigabyte, so it is kept outside of the
#   repository, in the cache directory of the user (for root /var/cache/winback),
#   until the source or the way to build it changes. Remove it when you like.
#
#   Limits: the version is one that apt knows the source of.

# flags of the sanitizers; -fno-sanitize=function, as PostgreSQL 15 itself calls
# functions by pointers of other types (the walkers of expression trees), which
# clang sees from version 17 on
sanitizers=(-fsanitize=address "-fsanitize=alignment,undefined" -fno-sanitize=function
    -fno-sanitize-recover=all -fno-common)

cache=            # where builds are kept
source_version=   # of the package, and of its source

# need_instrumented KIND: note what is missing to build and to run it.
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

# prepare_instrumented KIND...: everything that must be there for these.
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
    # PostgreSQL's programs give no memory back at their end
    export ASAN_OPTIONS=detect_leaks=0
    cache=${XDG_CACHE_HOME:-$HOME/.cache}/winback
    ((EUID != 0)) || cache=/var/cache/winback
    mkdir -p "$cache"
    choose_source
}

# madison: version and place of the packages that apt could install, newest first
madison() {
    apt-cache madison "postgresql-$version" |
        awk -F ' *[|] *' '/Packages$/ { split($3, place, " "); print $2, place[1] }'
}

# choose_source: sets $source_version, the newest whose source can be had.
choose_source() {
    know_package "postgresql-$version" || update_lists
    for source_version in $(madison | cut -d ' ' -f 1 | uniq); do
        [[ ! -e $cache/source-$source_version/configure ]] || return 0
        step "Fetching the source of postgresql-$version $source_version"
        fetch_source && return
        tail -n 1 "$tmp/source.log"
    done
    die "cannot get the source of postgresql-$version" \
        "It was looked for where  apt-cache madison postgresql-$version  says that the package comes from." \
        "Another version: PG_CONFIG=/usr/lib/postgresql/NN/bin/pg_config"
}

# fetch_source: from where apt would install the package, as apt's sources say;
# they need not name sources of source packages, and remain as they are.
fetch_source() {
    local apt=$tmp/apt-$source_version place file
    mkdir -p "$apt/lists" "$apt/cache" "$apt/sources.list.d" "$apt/source"
    while IFS= read -r place; do
        for file in /etc/apt/sources.list /etc/apt/sources.list.d/*; do
            [[ -r $file ]] || continue
            if [[ $file == *.sources ]]; then
                # by stanzas
                awk -v place="$place" -v RS= 'index($0, place) { print $0 "\n" }' "$file" |
                    sed 's/^Types:.*/Types: deb-src/' >>"$apt/sources.list.d/all.sources"
            else
                { grep -F "$place" "$file" || true; } | sed -n 's/^deb /deb-src /p' >>"$apt/sources.list"
            fi
        done
    done < <(madison | awk -v want="$source_version" '$1 == want { print $2 }' | sort -u)
    if ((EUID == 0)); then chown -R "$runner:" "$apt"; fi
    guarded source_with_apt "$apt" >"$tmp/source.log" 2>&1 || return
    rm -rf "$cache/source-$source_version"
    mv "$apt/source"/postgresql-*/ "$cache/source-$source_version"
}

source_with_apt() {
    local options=(-q -o "Dir::Etc::SourceList=$1/sources.list" -o "Dir::Etc::SourceParts=$1/sources.list.d"
        -o "Dir::State::Lists=$1/lists" -o "Dir::Cache=$1/cache" -o APT::Sandbox::User= -o Acquire::Retries=2)
    cd "$1/source" &&
        as_runner apt-get "${options[@]}" update &&
        as_runner apt-get "${options[@]}" --only-source source "postgresql-$version=${source_version%+b*}"
}

# instrument KIND: sets $prefix, where that PostgreSQL is installed, and $bindir.
# What was compiled is in $prefix/build.
instrument() {
    local kind=$1 recipe configure lock
    prefix=$cache/postgresql-$source_version-$kind
    bindir=$prefix/bin
    configure=(--quiet "--prefix=$prefix" --enable-cassert --enable-debug --enable-tap-tests --with-icu
        --without-readline --without-zlib --with-system-tzdata=/usr/share/zoneinfo)
    case $kind in
        asan)
            configure+=(CC=clang "CPPFLAGS=-DUSE_VALGRIND -I$prefix/hints"
                "CFLAGS=-O1 -fno-omit-frame-pointer ${sanitizers[*]}" "LDFLAGS=${sanitizers[*]}")
            ;;
        valgrind) configure+=(CC=gcc CPPFLAGS=-DUSE_VALGRIND "CFLAGS=-O1 -fno-omit-frame-pointer") ;;
    esac
    recipe=$(
        printf '%s\n' "${configure[@]}"
        sed -n '/^instrument_and_install/,$p' "${BASH_SOURCE[0]}"
        cat "$src"/scripts/asan/valgrind/*.h
        "$([[ $kind == asan ]] && echo clang || echo gcc)" --version
    )
    # other runs may use a build that we use, but not replace it, until we end
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
        die "PostgreSQL cannot be built for $kind; the end of what make said is above"
    }
    printf '%s\n' "$recipe" >"$prefix/recipe"
    flock --shared "$lock"
}

# is_built RECIPE: is $prefix built by it?
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
    for directory in backend backend/{snowball,utils/mb/conversion_procs} timezone/tznames include \
        interfaces/libpq pl/plpgsql/src bin/{initdb,pg_config,pg_ctl,pg_dump,pgbench,psql} \
        makefiles test/{regress,isolation,perl} ../config; do
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
# postgres, under valgrind where VALGRIND_OPTS is set; not where it only answers
# or makes a new cluster
case $1 in
    --boot | --check | --single | --describe-config | --version | -V) ;;
    *) [ -z "$VALGRIND_OPTS" ] || exec valgrind "$0.unwrapped" "$@" ;;
esac
exec "$0.unwrapped" "$@"
WRAPPER
    chmod 755 "$bindir/postgres"
}
