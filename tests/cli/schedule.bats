#!/usr/bin/env bats
# diner schedule: one marked block in the crontab, units for systemd, nothing else touched.
load ../helper

setup_file() { file_dir; }
teardown_file() { file_dir_remove; }

# crontab(1) and systemctl(1) of our own: no test may touch the machine's.
setup() {
    cd "$BATS_TEST_TMPDIR" || return 1
    export HOME=$BATS_TEST_TMPDIR/home SPOOL=$BATS_TEST_TMPDIR/spool CALLS=$BATS_TEST_TMPDIR/calls
    mkdir -p "$HOME" bin pipelines
    cat >bin/crontab <<'SH'
#!/bin/sh
case $1 in
-l) [ -f "$SPOOL" ] && exec cat "$SPOOL"; echo "no crontab for tester" >&2; exit 1 ;;
-) cat >"$SPOOL.new" && mv "$SPOOL.new" "$SPOOL" ;;
*) exit 2 ;;
esac
SH
    cat >bin/systemctl <<'SH'
#!/bin/sh
echo "$*" >>"$CALLS"
SH
    chmod +x bin/*
    export PATH=$PWD/bin:$PATH
    printf 'version: 1\nname: nightly\nsteps: [{ run: orders }]\n' >pipelines/nightly.yaml
    cp "$PROJECT/pipelines/orders.yaml" pipelines
    printf 'pipeline_path: [%s]\nstate_dir: %s\n' "$PWD/pipelines" "$PWD/state" >diner.yaml
    export DINER_CONFIG=$PWD/diner.yaml
}

@test "install: when there is no crontab yet" {
    run --separate-stderr "$DINER" schedule install
    assert_status 0
    assert_stdout_is ""
    assert_stderr_has "crontab installed"
    assert_equal "$(head -1 "$SPOOL")" "# BEGIN diner"
    assert_equal "$(tail -1 "$SPOOL")" "# END diner"
    # 05:15 in Shanghai, on a machine in UTC
    line="15 21 * * * PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    line="$line DINER_CONFIG=$PWD/diner.yaml $(realpath "$DINER") run nightly >>$PWD/state/nightly.log 2>&1"
    grep -qxF "$line" "$SPOOL" || fail "no such line: $line" "$(cat "$SPOOL")"
    [ -d "$PWD/state" ]
}

@test "install: other lines stay byte for byte, twice is once" {
    printf 'MAILTO=ops@example.com\n\n0 1 * * *\tbackup --all %% x\n# 中文\n' >"$SPOOL"
    cp "$SPOOL" before
    run --separate-stderr "$DINER" schedule install
    assert_status 0
    cmp <(head -c "$(stat -c %s before)" "$SPOOL") before
    cp "$SPOOL" once
    run --separate-stderr "$DINER" schedule install
    assert_status 0
    assert_stderr_has "crontab is so already"
    cmp "$SPOOL" once
    run --separate-stderr "$DINER" schedule remove
    assert_status 0
    assert_stderr_has "crontab removed"
    cmp "$SPOOL" before
    run --separate-stderr "$DINER" schedule remove
    assert_status 0
    assert_stderr_has "crontab is so already"
}

@test "a new time replaces the block where it stands" {
    "$DINER" schedule install
    echo "0 9 * * * after" >>"$SPOOL"
    DINER_SCHEDULE_NIGHTLY=06:40 run --separate-stderr "$DINER" schedule install
    assert_status 0
    grep -q '^40 22 ' "$SPOOL"
    assert_equal "$(grep -c 'run nightly' "$SPOOL")" 1
    assert_equal "$(tail -1 "$SPOOL")" "0 9 * * * after"
}

@test "--platform: auto-cancel and settle every ten minutes, points and tiers each night" {
    run --separate-stderr "$DINER" schedule install --platform
    assert_status 0
    for job in auto-cancel settle; do
        line="*/10 * * * * PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        line="$line DINER_CONFIG=$PWD/diner.yaml $(realpath "$DINER") orders $job >>$PWD/state/$job.log 2>&1"
        grep -qxF "$line" "$SPOOL" || fail "no such line: $line" "$(cat "$SPOOL")"
    done
    grep -qE "^15 21 \* \* \* .* members points expire >>$PWD/state/points.log" "$SPOOL"
    grep -qE "^15 21 \* \* \* .* members tiers evaluate >>" "$SPOOL"
    run --separate-stderr "$DINER" schedule show -o json
    assert_json '[.[] | select(.crontab) | .job] == ["nightly", "auto-cancel", "settle", "points", "tiers"]'
    # Nobody is told anything before there is a channel to tell by.
    run ! grep -q 'notify deliver' "$SPOOL"
    DINER_NOTIFY_WEBHOOK_URL=http://127.0.0.1:9/hook "$DINER" schedule install --platform
    grep -qE "^[*]/1 [*] .* notify deliver >>$PWD/state/notify.log" "$SPOOL" || fail "no notify" "$(cat "$SPOOL")"
    run ! grep -q 'payments bill' "$SPOOL"
    DINER_PAYMENTS_WECHAT_MCH_ID=1900000109 "$DINER" schedule install --platform
    grep -qE '^30 2 [*] [*] [*] .* payments bill fetch >>' "$SPOOL" || fail "no bills" "$(cat "$SPOOL")"
    grep -qE '^45 2 [*] [*] [*] .* payments reconcile --date yesterday >>' "$SPOOL" || fail "no reconcile" "$(cat "$SPOOL")"
    DINER_SCHEDULE_CANCEL_EVERY=7m run --separate-stderr "$DINER" schedule install --platform
    assert_status 3
    assert_stderr_has "every 7 min"
    "$DINER" schedule install --platform --systemd
    grep -q 'OnUnitActiveSec=10min' "$HOME/.config/systemd/user/diner-auto-cancel.timer"
    grep -q 'ExecStart=.* orders settle$' "$HOME/.config/systemd/user/diner-settle.service"
    grep -q 'Description=diner: members points expire, at 05:15 Asia/Shanghai' "$HOME/.config/systemd/user/diner-points.timer"
    grep -q 'OnCalendar=\*-\*-\* 05:15:00 Asia/Shanghai' "$HOME/.config/systemd/user/diner-tiers.timer"
    "$DINER" schedule remove --systemd
    refute_exists "$HOME/.config/systemd/user/diner-settle.timer"
    "$DINER" schedule install
    run --separate-stderr "$DINER" schedule show -o json
    assert_json '[.[] | select(.crontab) | .job] == ["nightly"]'
}

@test "the time is the business's, told in the machine's" {
    DINER_TIMEZONE=America/New_York TZ=America/New_York run --separate-stderr "$DINER" schedule install
    assert_status 0
    grep -q '^15 5 ' "$SPOOL"
}

@test "--dry-run shows the difference and writes nothing" {
    run --separate-stderr "$DINER" schedule install --dry-run
    assert_status 0
    assert_stdout_has "+# BEGIN diner"
    assert_stdout_matches '\+15 21 .* run nightly'
    assert_stderr_has "would be changed"
    refute_exists "$SPOOL"
    "$DINER" schedule install
    cp "$SPOOL" before
    run --separate-stderr "$DINER" schedule remove --dry-run
    assert_status 0
    assert_stdout_has "-# END diner"
    refute_stdout_has "+"
    cmp "$SPOOL" before
}

@test "a broken block is refused, the crontab untouched" {
    printf '# BEGIN diner\n0 1 * * * backup\n' >"$SPOOL"
    cp "$SPOOL" before
    run --separate-stderr "$DINER" schedule install
    assert_status 1
    assert_stdout_is ""
    assert_stderr_has "crontab -e"
    cmp "$SPOOL" before
}

@test "a crontab that cannot be read or written: an error, nothing lost" {
    printf '0 1 * * * backup\n' >"$SPOOL"
    sed -i 's/^-l).*/-l) echo "permission denied" >\&2; exit 1 ;;/' bin/crontab
    run --separate-stderr "$DINER" schedule install
    assert_status 1
    assert_stderr_has "permission denied"
    assert_equal "$(cat "$SPOOL")" "0 1 * * * backup"
    run --separate-stderr env PATH=/nonexistent "$DINER" schedule install
    assert_status 1
    assert_stderr_has "install the package cron"
}

@test "nothing to schedule: no pipeline 'nightly'" {
    rm pipelines/nightly.yaml
    run --separate-stderr "$DINER" schedule install
    assert_status 1
    assert_stderr_has nightly
    refute_exists "$SPOOL"
}

@test "what cron will not have is warned about" {
    DINER_DSN=postgresql:///x run --separate-stderr "$DINER" schedule install
    assert_status 0
    assert_stderr_has "'connections.warehouse' comes from env DINER_DSN"
}

@test "paths with blanks, quotes and percent signs survive cron and the shell" {
    odd="$BATS_TEST_TMPDIR/o'dd 100%"
    mkdir -p "$odd"
    printf 'pipeline_path: ["%s"]\nstate_dir: "%s"\n' "$PWD/pipelines" "$odd" >"$odd/diner.yaml"
    DINER_CONFIG="$odd/diner.yaml" run --separate-stderr "$DINER" schedule install
    assert_status 0
    grep -q '100\\%' "$SPOOL"
    # As cron does: \% is %, then /bin/sh -c in a bare environment.
    command=$(sed -n 's/^15 21 \* \* \* //p' "$SPOOL" | sed 's/\\%/%/g')
    run env -i HOME=/ LANG=C PATH=/usr/bin:/bin SHELL=/bin/sh setsid --wait /bin/sh -c "$command" </dev/null
    [ -s "$odd/nightly.log" ]
}

@test "the installed line runs in cron's environment and leaves its log" {
    "$DINER" schedule install
    command=$(sed -n 's/^15 21 \* \* \* //p' "$SPOOL" | sed 's/\\%/%/g')
    # There is no database here: the run must get as far as saying so, in the log.
    run env -i HOME=/ LOGNAME=x LANG=C PATH=/usr/bin:/bin SHELL=/bin/sh setsid --wait /bin/sh -c "$command" </dev/null
    assert_equal "$output" ""
    assert_equal "$status" 3
    grep -q "warehouse" state/nightly.log
}

@test "relative pipeline paths: the job starts where they are found" {
    printf 'pipeline_path: [pipelines]\nstate_dir: state\n' >diner.yaml
    run --separate-stderr "$DINER" schedule install
    assert_status 0
    grep -qF "cd $PWD && PATH=" "$SPOOL"
    grep -qF ">>$PWD/state/nightly.log" "$SPOOL"
}

@test "systemd: units in the user's directory, enabled; removed without a trace" {
    run --separate-stderr "$DINER" schedule install --systemd
    assert_status 0
    assert_stderr_has "systemd installed"
    dir=$HOME/.config/systemd/user
    assert_file "$dir/diner-nightly.service"
    grep -qxF "OnCalendar=*-*-* 05:15:00 Asia/Shanghai" "$dir/diner-nightly.timer"
    grep -qxF "ExecStart=\"$(realpath "$DINER")\" run nightly" "$dir/diner-nightly.service"
    grep -qxF -- "--user enable --now diner-nightly.timer" "$CALLS"
    refute_exists "$SPOOL"
    if command -v systemd-analyze >/dev/null; then
        systemd-analyze calendar '*-*-* 05:15:00 Asia/Shanghai' >/dev/null
    fi
    run --separate-stderr "$DINER" schedule remove --systemd
    assert_status 0
    refute_exists "$dir/diner-nightly.service"
    refute_exists "$dir/diner-nightly.timer"
    grep -qxF -- "--user disable --now diner-nightly.timer" "$CALLS"
}

@test "systemd: --dry-run writes nothing" {
    run --separate-stderr "$DINER" schedule install --systemd --dry-run
    assert_status 0
    assert_stdout_has "+[Timer]"
    refute_exists "$HOME/.config"
    refute_exists "$CALLS"
}

@test "show: what runs when, and where it is installed" {
    run --separate-stderr "$DINER" schedule show -o json
    assert_status 0
    assert_json '.[0] == {job: "nightly", at: "05:15", timezone: "Asia/Shanghai", at_here: "21:15", crontab: false, systemd: false}'
    "$DINER" schedule install --crontab --systemd
    run --separate-stderr "$DINER" schedule show -o json
    assert_json '.[0].crontab and .[0].systemd'
    assert_stderr_is ""
}

@test "the shipped examples say the same" {
    grep -q '^15 5 \* \* \* diner /usr/local/bin/diner run nightly ' "$PROJECT/configs/cron/diner"
    grep -qxF "OnCalendar=*-*-* 05:15:00 Asia/Shanghai" "$PROJECT/configs/systemd/diner-nightly.timer"
    grep -qxF "ExecStart=/usr/local/bin/diner run nightly" "$PROJECT/configs/systemd/diner-nightly.service"
}
