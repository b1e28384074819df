# shellcheck shell=bash
# The environment in which the examples of Markdown pages are run. After ../helper.

docs_setup() { # for setup_file(): the program is found as `diner`, and what pages say is set is set
    # The sample export is of 23:05 that evening: the shops sold for 25 minutes more.
    dev_start --as-of '2026-11-21 23:30:00+08' || return 1
    mkdir -p "$DINER_DEV_DIR/erp"
    export ERP=$DINER_DEV_DIR/erp/stock_20261121.csv ERP_STOCK_FILE=$DINER_DEV_DIR/erp/stock_20261121.csv
    cp "$PROJECT/tests/fixtures/erp/erp_stock_kingdee_gb18030.csv" "$ERP"
    mkdir -p "$FILE_DIR/bin"
    ln -s "$DINER" "$FILE_DIR/bin/diner"
    # crontab(1) of our own: no example may touch the machine's.
    export SPOOL=$FILE_DIR/spool HOME=$FILE_DIR/home XDG_CONFIG_HOME=$FILE_DIR/home/.config
    mkdir -p "$HOME"
    cat >"$FILE_DIR/bin/crontab" <<'SH'
#!/bin/sh
case $1 in
-l) [ -f "$SPOOL" ] && exec cat "$SPOOL"; echo "no crontab for $(id -un)" >&2; exit 1 ;;
-) cat >"$SPOOL.new" && mv "$SPOOL.new" "$SPOOL" ;;
esac
SH
    chmod +x "$FILE_DIR/bin/crontab"
    # What pages of the manual say is set: the samples, and a platform that nobody knows yet.
    export SAMPLES=$PROJECT/tests/fixtures/erp TILL_URL TILL_USER=integration TILL_PASSWORD
    TILL_URL=$(dev_url) TILL_PASSWORD=$(cat "$DINER_DEV_DIR/secrets/integration")
    export PATH=$FILE_DIR/bin:$PATH
}

examples() { (cd "$PROJECT" && python3 tests/cli/docs_examples.py "$@"); }
