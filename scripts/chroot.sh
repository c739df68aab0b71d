# shellcheck shell=bash
#
# chroot.sh
#   Shared by `make matrix`, `make upgrade` and `make debs`: makes a chroot of the
#   Debian release that has a version of PostgreSQL, and runs our tests in it.
#
#   The idea: mmdebstrap makes each chroot once, under a temporary name; it gets
#   its own name when it is complete. Each run has its own namespaces (unshare),
#   so that nobody outside sees its mounts, and the kernel removes the mounts,
#   the processes and the shared memory when the first process ends, however it
#   ends. During a run the chroot is read-only, so that it never changes; so is
#   the checkout, at /winback. Only /tmp can be written: it is a directory below
#   $tmp. A script that installs packages sets discarding=yes: then an overlay
#   takes what the run writes into the chroot, and ends with the run.
#
#   Packages come from the mirrors that this machine's apt uses for Debian. We
#   skip a release that these mirrors do not have, and we skip everything on a
#   machine that allows no namespaces, for example in a container without
#   privileges; with --require we count both as failures.
#
#   Limits: those of lib.sh; it needs root or sudo, and Linux with namespaces and
#   unshare. A chroot is as old as its making (--fresh makes it anew), and has the
#   last point release of PostgreSQL in its suite, without later security updates.
#
#   WINBACK_CACHE   the directory of the chroots; default: /var/cache/winback
#   WINBACK_MIRROR  the only mirror to use

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# The newest Debian release with each version of PostgreSQL. Experimental has few
# packages and needs sid below it.
declare -A release=([15]=bookworm [17]=trixie [18]=sid [19]="sid experimental")

# apt takes a package from experimental only if no other suite has it. The headers
# of 19 need libpq 19, and sid has an older libpq.
preferences='Package: libpq5 libpq-dev
Pin: version 19*
Pin-Priority: 990'

cache=${WINBACK_CACHE:-/var/cache/winback}/chroots
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
patience=900    # seconds to wait for a chroot; making one usually takes one to three minutes
script=${0##*/}
versions=() fresh=no require=no
subject=PostgreSQL  # the word for what $versions counts: of PostgreSQL, or releases of Debian
word=VERSION        # and for one of them in the usage
discarding=no       # whether a run may write into its chroot, to no effect
making=     # directory of the chroot that is being made
passed=0 failed=0 skipped=0
summary=()

# ------------------------------------------------------------ begin and end

# begin_chroots DESCRIPTION DEFAULT-VERSIONS [ARGUMENT...]: parse the command line,
# become root, and install the programs that are missing.
begin_chroots() {
    local description=$1 default=$2 version
    shift 2
    local arguments=("$@")
    read -ra versions <<<"$default"
    while (($#)); do
        case $1 in
            --fresh) fresh=yes ;;
            --require) require=yes ;;
            -h | --help) usage "$description" "$default"; exit ;;
            -*) usage "$description" "$default" >&2; exit 2 ;;
            *) break ;;
        esac
        shift
    done
    if (($#)); then versions=("$@"); fi
    for version in "${versions[@]}"; do
        [[ ${release[$version]:-} && " $default " == *" $version "* ]] ||
            die "no $subject '$version' here, only $default" "See scripts/$script --help."
    done

    if ((EUID != 0)); then
        can_be_root || die "a chroot takes root, and neither root nor sudo works here" \
            "Run it as root: scripts/$script ${arguments[*]}"
        exec sudo env ${WINBACK_CACHE:+"WINBACK_CACHE=$WINBACK_CACHE"} \
            ${WINBACK_MIRROR:+"WINBACK_MIRROR=$WINBACK_MIRROR"} \
            "$src/scripts/$script" "${arguments[@]}"
    fi
    begin
    step "Looking for what is missing on this machine"
    need mmdebstrap "to make the chroots" command -v mmdebstrap
    need debian-archive-keyring "to know Debian's packages as Debian's" test -r "$keyring"
    if ! can_isolate; then
        local said
        said=$(tail -n 1 "$tmp/isolated.log")
        leave_out_all "this machine allows no namespaces of our own ($said)"
    elif ((${#missing[@]} == 0)); then
        echo "    nothing"
    elif ! (install_missing); then
        # install_missing runs in a subshell: there, an exit does not end us
        leave_out_all "${missing[*]} cannot be installed; see above"
    fi
    ((${#versions[@]})) || return 0

    mkdir -p "$cache"
    exec {lock}>"$cache/lock"
    if ! flock --nonblock "$lock"; then
        step "Waiting for another run to be done with $cache"
        guarded flock "$lock"
    fi
    # directories that an earlier run left when it was killed with -9
    rm -rf --one-file-system "$cache"/.[!.]*.??????
}

usage() {
    cat <<END
Usage: scripts/$script [--fresh] [--require] [$word...]

$1
$word is one of $2; default: all of them.

  --fresh    make the chroots anew, though they are in $cache
  --require  let it be a failure that a release cannot be reached
END
}

at_exit() {
    [[ -z $making ]] || rm -rf --one-file-system "$making"
}

last_words() {
    # we were interrupted, so there is nothing to count
    if interrupted "$1"; then return 0; fi
    (($1 == 0 || failed)) || failed=1
    ((${#summary[@]} == 0)) || printf '%s\n' "" "${summary[@]}"
    counts "$passed" "$failed" "$skipped"
}

# leave_out TITLE REASON: skip one version and say why; with --require, it fails
leave_out() {
    step "$1 is skipped: $2"
    if [[ $require == yes ]]; then
        failed=$((failed + 1))
        summary+=("$1: FAILED, for it is required: $2")
    else
        skipped=$((skipped + 1))
        summary+=("$1: skipped: $2")
    fi
}

leave_out_all() {
    local version
    for version in "${versions[@]}"; do leave_out "$subject $version" "$1"; done
    versions=()
}

# --------------------------------------------------------------- namespaces

# isolated COMMAND...: run the command in namespaces that end with it. Their first
# process is the shell around the command: it reaps the orphans.
isolated() {
    # shellcheck disable=SC2016  # the inner shell expands it
    unshare --mount --pid --ipc --fork --kill-child --mount-proc -- \
        bash -c '"$@"; status=$?; exit "$status"' bash "$@"
}

can_isolate() { isolated mount -t tmpfs tmpfs "$tmp" >"$tmp/isolated.log" 2>&1; }

# inside ROOT SCRATCH COMMAND...: run the command in the chroot, with SCRATCH as /tmp
inside() {
    local seeds
    mapfile -t seeds < <(env | sed -n '/^WINBACK_FUZZ_/p')
    # shellcheck disable=SC2016  # the inner shell expands it
    isolated bash -euc '
        root=$1 scratch=$2 src=$3 discarding=$4
        shift 4
        if [[ $discarding == yes ]]; then
            mkdir "$scratch.overlay"
            mount -t tmpfs tmpfs "$scratch.overlay"
            mkdir "$scratch.overlay"/{upper,work}
            mount -t overlay overlay -o "lowerdir=$root,upperdir=$scratch.overlay/upper" \
                -o "workdir=$scratch.overlay/work" "$root"
        else
            mount --bind "$root" "$root"
            mount -o remount,bind,ro "$root"
        fi
        mount -t proc proc "$root/proc"
        mount --rbind /dev "$root/dev"
        mount -t tmpfs tmpfs "$root/dev/shm"
        mount --bind "$scratch" "$root/tmp"
        mount --bind "$src" "$root/winback"
        mount -o remount,bind,ro "$root/winback"
        exec chroot "$root" "$@"' \
        bash "$1" "$2" "$src" "$discarding" \
        /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root "${seeds[@]}" "${@:3}"
}

# ------------------------------------------------------------------ chroots

# mirrors: print the mirrors of Debian's own packages, best first
mirrors() {
    if [[ ${WINBACK_MIRROR:-} ]]; then
        echo "${WINBACK_MIRROR%/}"
        return
    fi
    # shellcheck disable=SC2016  # apt expands it
    apt-get indextargets --format '$(LABEL) $(REPO_URI)' 'Created-By: Packages' 2>/dev/null |
        sed -nE 's|^Debian (https?://.*[^/])/?$|\1|p' | awk '!seen[$0]++'
}

# find_mirror SUITE: print the first mirror that has the suite
find_mirror() {
    local mirror
    for mirror in $(mirrors); do
        /usr/lib/apt/apt-helper -o Acquire::Retries=1 \
            -o Acquire::http::Timeout=20 -o Acquire::https::Timeout=20 \
            download-file "$mirror/dists/$1/InRelease" "$tmp/InRelease" >"$tmp/mirror.log" 2>&1 ||
            continue
        echo "$mirror"
        return
    done
    return 1
}

# find_chroot TITLE NAME SUITES PACKAGES: find or make the chroot $cache/NAME with
# these packages, from the first of these suites, or from a later one where the
# first lacks a package. On failure, say so, count it and return 1.
find_chroot() {
    local title=$1 name=$2 suites=$3 packages=$4 suite mirror
    local wish="$suites: $packages" sources=() options=()
    if [[ $fresh == no && $(cat "$cache/$name/etc/made-of" 2>/dev/null) == "$wish" ]]; then
        return
    fi
    for suite in $suites; do
        if ! mirror=$(find_mirror "$suite"); then
            leave_out "$title" "Debian $suite cannot be reached (mirrors:\
 $(mirrors | paste -sd ' '); WINBACK_MIRROR names another)"
            return 1
        fi
        sources+=("deb [signed-by=$keyring] $mirror $suite main")
    done
    # of this machine's configuration of apt, take only the proxies
    mapfile -t options < <(apt-config dump |
        sed -nE '/^Acquire::\S*proxy\S* ".+"/I s/^/--aptopt=/p')
    step "Making a chroot of Debian $suites from $mirror in $cache/$name (this takes minutes)"
    if make_chroot; then return; fi
    if said_apt 'Release file .* (is|has) expired'; then
        step "Debian's list of its packages is out of date here;\
 so take it as it is (Check-Valid-Until false)"
        options+=('--aptopt=Acquire::Check-Valid-Until "false"')
        if make_chroot; then return; fi
    fi
    tail -n 20 "$tmp/mmdebstrap.log" >&2
    if said_apt 'Failed to fetch|Unable to (fetch|locate package|correct problems)'; then
        leave_out "$title" \
            "Debian $suites does not give all the packages now; what apt says is above"
    else
        step "$title fails: mmdebstrap could not make the chroot; its last lines are above"
        failed=$((failed + 1))
        summary+=("$title: FAILED, without a chroot")
    fi
    return 1
}

said_apt() { grep -Eq "^E: .*($1)" "$tmp/mmdebstrap.log"; }

# make_chroot: make the chroot that find_chroot's variables describe. It leaves out
# the cluster with which a server package begins, LLVM's static libraries (a quarter
# of the whole size), translations and manuals.
make_chroot() {
    local status=0
    making=$(mktemp -d "$cache/.$name.XXXXXX")
    chmod 755 "$making"
    echo "$preferences" >"$tmp/preferences"
    # shellcheck disable=SC2016  # mmdebstrap expands it
    guarded with_progress "$tmp/mmdebstrap.log" step_of_apt \
        isolated timeout --foreground --signal=KILL "$patience" mmdebstrap \
        --mode=root --variant=apt --format=directory --verbose \
        --include="$packages" --aptopt='Acquire::Retries "3"' "${options[@]}" \
        --dpkgopt=force-unsafe-io --dpkgopt='path-exclude=/usr/lib/llvm-*/lib/*.a' \
        --dpkgopt='path-exclude=/usr/share/locale/*' --dpkgopt='path-exclude=/usr/share/man/*' \
        --setup-hook='mkdir -p "$1/etc/postgresql-common/createcluster.d" "$1/winback"' \
        --setup-hook='echo "create_main_cluster = false" \
            >"$1/etc/postgresql-common/createcluster.d/winback.conf"' \
        --setup-hook="cp '$tmp/preferences' \"\$1/etc/apt/preferences.d/winback\"" \
        "${suites%% *}" "$making" "${sources[@]}" || status=$?
    if ((status)); then
        ((status != 137)) ||
            echo "E: Failed to fetch and install it all in $patience seconds" \
                >>"$tmp/mmdebstrap.log"
        rm -rf --one-file-system "$making"
        making=
        return 1
    fi
    echo "$wish" >"$making/etc/made-of"
    rm -rf --one-file-system "${cache:?}/$name"
    mv "$making" "$cache/$name"
    making=
}

# ---------------------------------------------------------------------- run

# run_in_chroot TITLE NAME SUITES PACKAGES COMMAND...: run the command in the chroot,
# and add one line to the summary. Like scripts/test, the command must print its
# count last.
run_in_chroot() {
    local title=$1 name=$2 p=0 f=0 s=0 status=0 begun line
    find_chroot "${@:1:4}" || return 0
    shift 4
    step "$title"
    begun=$SECONDS
    mkdir -m 1777 "$tmp/$name"
    guarded logged "$name" "$@" || status=$?
    line=$(grep -E "$count_pattern" "$tmp/$name.log" | tail -n 1) || true
    if [[ $line =~ $count_pattern ]]; then
        p=${BASH_REMATCH[1]} f=${BASH_REMATCH[2]} s=${BASH_REMATCH[4]:-0}
    fi
    # without a failed test, it could not start or did not run to its end
    (((status == 0 && p > 0) || f)) || f=1
    passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
    summary+=("$title: $(counts "$p" "$f" "$s"), in $((SECONDS - begun)) s")
    ((f == 0)) || keep_logs "$name"
    rm -rf "${tmp:?}/$name"
}

# logged NAME COMMAND...: run the command inside and log its output; print it without
# the count, without make's line after a failure, and without the directory of the
# logs, which does not exist outside of the chroot
logged() {
    inside "$cache/$1" "$tmp/$1" "${@:2}" 2>&1 | tee "$tmp/$1.log" |
        sed -uE "/$count_pattern/d; /^make: \*\*\*/d; /^The logs are kept in/d"
}

# keep_logs NAME: copy the logs that scripts/test kept to a place that outlives the chroot
keep_logs() {
    local kept=$src/test-failure/$1
    rm -rf "$kept" 2>/dev/null || true
    mkdir -p "$kept" 2>/dev/null || kept=$(mktemp -d "/tmp/winback-test-failure.$1.XXXXXX")
    cp -r "$tmp/$1.log" "$tmp/$1"/winback-test-failure.* "$kept" 2>/dev/null || true
    [[ $kept != "$src"/* ]] || chown -R --reference="$src" "$src/test-failure"
    echo "The logs of this chroot are kept in $kept"
}
