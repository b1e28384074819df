#!/usr/bin/env bats
# shellcheck disable=SC2030,SC2031
# `make install` and the Debian package: the same files, installed, upgraded and removed without a trace.
load ../helper

setup_file() {
    # The package is of the plain build; with sanitizers there is none.
    if [[ $DINER != */san/* ]]; then
        file_dir
        "$PROJECT/.ci/deb" "${DINER%/diner}" 0.1.0 "$FILE_DIR/old" 3>&- || return 1
        # The next version: the same files, but for one that is gone and one that is new.
        dpkg-deb -R "$FILE_DIR"/old/*.deb "$FILE_DIR/next"
        sed -i 's/^Version: .*/Version: 0.1.1/' "$FILE_DIR/next/DEBIAN/control"
        mv "$FILE_DIR/next/usr/share/doc/diner/NEWS.gz" "$FILE_DIR/next/usr/share/doc/diner/NEWER.gz"
        sed -i 's|/NEWS.gz$|/NEWER.gz|' "$FILE_DIR/next/DEBIAN/md5sums"
        mkdir "$FILE_DIR/new"
        dpkg-deb -Znone -b "$FILE_DIR/next" "$FILE_DIR/new" >&2
    fi
}
teardown_file() { file_dir_remove; }
setup() {
    [[ $DINER != */san/* ]] || skip "a build with sanitizers"
    cd "$BATS_TEST_TMPDIR" || return 1
}

installed() { (cd "$1" && find . -type f -o -type l | sort); }

# A root of its own, under the dependencies of this machine: they are checked as dpkg does.
private_dpkg() { # DPKG-ARGUMENT...
    dpkg --admindir="$PWD/admin" --instdir="$PWD/root" --log="$PWD/log" "$@"
}
private_root() {
    mkdir -p root admin/{info,updates,triggers}
    cp /var/lib/dpkg/status admin/status
    # A diner of this machine is another matter.
    cp /var/lib/dpkg/status admin/available
}

@test "make install and the package have the same files; uninstall leaves none" {
    make -s -C "$PROJECT" install-files B="${DINER%/diner}" DESTDIR="$PWD/stage" PREFIX=/usr >/dev/null
    dpkg-deb -x "$FILE_DIR"/old/*.deb unpacked
    # What Debian wants of a package besides.
    diff <(installed stage) <(installed unpacked | sed 's|\(/man1/.*\)\.gz$|\1|' | grep -v '/doc/diner/[a-zA-Z.]*$')
    assert_equal "$(installed unpacked | grep '/doc/diner/[a-zA-Z.]*$' | xargs -n 1 basename | paste -sd' ')" "NEWS.gz changelog.gz copyright"
    make -s -C "$PROJECT" uninstall DESTDIR="$PWD/stage" PREFIX=/usr
    assert_equal "$(installed stage)" ""
}

@test "what is installed names its own place" {
    make -s -C "$PROJECT" install-files B="${DINER%/diner}" DESTDIR="$PWD/stage" PREFIX=/opt/diner >/dev/null
    examples=stage/opt/diner/share/doc/diner/examples
    grep -q '/opt/diner/bin/diner run nightly' "$examples/cron/diner"
    grep -qxF 'ExecStart=/opt/diner/bin/diner run nightly' "$examples/systemd/diner-nightly.service"
    # All that configs/ has, but for the connectors, which are no examples.
    diff <(cd "$PROJECT/configs" && find . -name connectors -prune -o -type f -print | sort) <(installed "$examples")
}

@test "installed, upgraded, removed" {
    private_root
    run private_dpkg -i "$FILE_DIR"/old/*.deb
    assert_status 0
    assert_equal "$(root/usr/bin/diner --version)" "$("$DINER" --version)"
    run env -i root/usr/bin/diner config show -o csv pipeline_path
    assert_stdout_has /usr/share/diner/pipelines
    DINER_PIPELINE_PATH=root/usr/share/diner/pipelines DINER_CONNECTOR_PATH=root/usr/share/diner/connectors \
        root/usr/bin/diner pipeline lint nightly
    installed root >before
    run private_dpkg -i "$FILE_DIR"/new/*.deb
    assert_status 0
    assert_equal "$(private_dpkg -s diner | grep -E '^(Version|Status)' | paste -sd' ')" "Status: install ok installed Version: 0.1.1"
    diff <(sed 's/NEWS/NEWER/' before | sort) <(installed root)
    run private_dpkg --verify diner
    assert_stdout_is ""
    run private_dpkg -P diner
    assert_status 0
    assert_equal "$(installed root)" ""
    run private_dpkg -s diner
    assert_status 1
}

# What was done, without times: the night's rows, the rejects, the files.
demo() { # PROGRAM NAME
    run --separate-stderr env DINER_DEV_DIR="$FILE_DIR/$2" "${@:3}" "$PROJECT/tests/demo" "$1"
    env DINER_DEV_DIR="$FILE_DIR/$2" "$1" dev down >/dev/null 2>&1 3>&-
    assert_status 0
    sed -n '/^== the night/,/^It is still up/p' <<<"$output" | sed -E "s|$FILE_DIR/$2|DIR|g; s/ +/ /g" |
        awk '/^PIPELINE/ { night = 1 } /^$/ { night = 0 } night { print $1, $2, $3, $4, $5; next } { print }' >"$2.done"
}

@test "make install, the package and the demo agree: the same files, and the same night by them" {
    make -s -C "$PROJECT" install-files B="${DINER%/diner}" DESTDIR="$PWD/stage" PREFIX=/usr >/dev/null
    dpkg-deb -x "$FILE_DIR"/old/*.deb unpacked
    for share in stage/usr/share/diner unpacked/usr/share/diner; do
        diff -r "$PROJECT/configs/connectors" "$share/connectors"
        diff -r -x tests "$PROJECT/pipelines" "$share/pipelines" # what they are tested with stays here
    done
    cmp stage/usr/bin/diner "$DINER"
    demo "$DINER" built
    share=$PWD/unpacked/usr/share/diner
    demo "$PWD/unpacked/usr/bin/diner" package DINER_PIPELINE_PATH="$share/pipelines" DINER_CONNECTOR_PATH="$share/connectors"
    [ "$(grep -c succeeded built.done)" -ge 10 ]
    diff built.done package.done
}

@test "every library that the program needs at some time is of a package it names" {
    depends=$(dpkg-deb -f "$FILE_DIR"/old/*.deb Depends Recommends)
    sonames=$({ readelf -d "$DINER" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p'; strings -n 5 "$DINER" | grep -xE 'lib[a-z_]+\.so\.[0-9.]+'; } |
        sed "s|^|*/$(gcc -print-multiarch)/|")
    # With what .ci/deps installs all of it can be had.
    run apt-get -s -q -o Debug::NoLocking=1 -o APT::Install-Recommends=false install "$FILE_DIR"/old/*.deb
    assert_status 0
    assert_stdout_has "Inst diner (0.1.0 "
    # Of a library that may have several names, the one that is here.
    # shellcheck disable=SC2086 # words
    packages=$(set -f; dpkg-query -S $sonames 2>/dev/null | sed 's/:.*//' | sort -u)
    [ "$(wc -l <<<"$packages")" -ge 12 ]
    for package in $packages; do
        grep -qE "\b${package//+/.}\b" <<<"$depends" || fail "$package" "$depends"
    done
}

@test "lintian finds nothing" {
    run lintian --allow-root --fail-on error,warning "$FILE_DIR"/old/*.deb
    assert_status 0
    assert_stdout_is ""
}
