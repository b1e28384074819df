#!/usr/bin/env bats
# shellcheck disable=SC2016
# Files that are written: packed, split, with a checksum, workbooks, encodings.
load ../helper
load pipelines

setup_file() { dev_start; }
teardown_file() { dev_stop; }
setup() { pipelines_setup; }

to_file() { # QUERY, KEYS OF THE TARGET
    pipeline f <<YAML
streams: { s: { source: { connection: warehouse, query: "$1" }, target: { $2 } } }
YAML
}

writes() { # QUERY, KEYS OF THE TARGET
    to_file "$@"
    diner_run f
    assert_status 0
}

listed() { find out -mindepth 1 -printf '%P\n' | sort | xargs; }

SALES="select 'S' || lpad((i % 3 + 1)::text, 3, '0') as store, i as id, i * 1.5 as amount from generate_series(1, 10) i"

# ---- from text to text ---------------------------------------------------------------------------

from_csv() { # KEYS OF THE SOURCE, KEYS OF THE TARGET, COLUMNS: of ../in.csv, all of them by default
    pipeline f <<YAML
streams: { s: { source: { file: ../in.csv$1 }, target: { file: f.csv$2 }, columns: { ${3:-a: text, b: text, c: text} },
    on_error: { max_rejects: 9, max_reject_rate: 100% } } }
YAML
    diner_run f
    assert_status 0
}

@test "a row is written as it was read where that is how it would be written, and nowhere else" {
    printf '%s\n' a,b,c 1,客,x '"1",2,3' '1,"2,3",' ' 1,2,3' '1,2,3 ' '=1,-2,+3' ,, 1,,3 "1,'2,3" "$(printf '1,\t2,3')" >in.csv
    from_csv '' ', formula_guard: false'
    assert_equal "$(cat out/f.csv)" "$(printf '%s\n' a,b,c 1,客,x 1,2,3 '1,"2,3",' '" 1",2,3' '1,2,"3 "' '=1,-2,+3' ,, 1,,3 "1,'2,3" $'1,\t2,3')"
    from_csv '' ''
    assert_equal "$(sed -n '7p;11p' out/f.csv)" "'=1,'-2,'+3"$'\n'"1,'"$'\t2,3'
    from_csv '' ', formula_guard: false, delimiter: ";"'
    assert_equal "$(sed -n '2p;4p' out/f.csv)" $'1;客;x\n1;2,3;'
    from_csv '' ', formula_guard: false, quote_all: true'
    assert_equal "$(sed -n 2p out/f.csv)" '"1","客","x"'
    from_csv '' ', formula_guard: false, null: "-"'
    assert_equal "$(sed -n '8p;9p' out/f.csv)" $'-,-,-\n1,-,3'
    from_csv '' ', formula_guard: false, crlf: true'
    assert_equal "$(sed -n 2p out/f.csv)" $'1,客,x\r'
    from_csv '' ', formula_guard: false' 'x: { type: text, from: a }, b: text, c: { type: text, required: true }'
    assert_moved s "10 8 0 0 0 0 2 0"
    assert_equal "$(sed -n '1p;2p;8p' out/f.csv)" $'x,b,c\n1,客,x\n1,\'2,3'
    from_csv '' ', formula_guard: false' 'b: text, a: text, c: text'
    assert_equal "$(sed -n 2p out/f.csv)" '客,1,x'
    from_csv '' ', formula_guard: false' 'a: text, b: text'
    assert_equal "$(sed -n 2p out/f.csv)" '1,客'
    from_csv ', fill_down: [a]' ', formula_guard: false'
    assert_equal "$(sed -n 8p out/f.csv)" '=1,,'
    printf '%s\n' a,b,c '1,2"3,4' >in.csv
    from_csv ', quote: none' ', formula_guard: false'
    assert_equal "$(sed -n 2p out/f.csv)" '1,"2""3",4'
}

# ---- gzip ----------------------------------------------------------------------------------------

@test "gzip: the same rows are the same file, which stays" {
    writes "select i as id, repeat('x', 50) as name from generate_series(1, 50000) i" \
        'file: f.csv.gz, compress: gzip'
    [ "$(gzip -dc out/f.csv.gz | wc -l)" -eq 50001 ]
    gzip -t out/f.csv.gz
    [ "$(stat -c %s out/f.csv.gz)" -lt 500000 ]
    local before
    before=$(stat -c %i out/f.csv.gz)
    diner_run f
    assert_moved s "50000 0 0 50000 0 0 0 0"
    assert_equal "$(stat -c %i out/f.csv.gz)" "$before"
}

@test "a name that says gzip wants it" {
    to_file "select 1 as id" 'file: f.csv.gz'
    run --separate-stderr "$DINER" pipeline lint f
    assert_status 3
    assert_stdout_has "would be no gzip file, as its name says"
    assert_stdout_has "add  compress: gzip"
}

# ---- split ---------------------------------------------------------------------------------------

@test "split by rows: each part with a header, numbered; parts of a former run go" {
    writes "$SALES" 'file: "s_${split.part}.csv", split: { rows: 4 }'
    assert_equal "$(listed)" "s_0001.csv s_0002.csv s_0003.csv"
    assert_equal "$(cat out/s_0003.csv)" $'store,id,amount\nS001,9,13.5\nS002,10,15.0'
    touch out/s_0009.csv # not ours
    writes "${SALES/10/3}" 'file: "s_${split.part}.csv", split: { rows: 4 }'
    assert_equal "$(listed)" "s_0001.csv s_0009.csv"
    diner_run f
    assert_moved s "3 0 0 3 0 0 0 0"
    assert_sql "select count(*) from diner.state where name like 'part:%'" 1
}

@test "split by rows: another day's parts are not a former run's" {
    pipeline f <<YAML
params: { day: { default: a } }
streams: { s: { source: { connection: warehouse, query: "$SALES" }, target: { file: "s_\${params.day}_\${split.part}.csv", split: { rows: 6 } } } }
YAML
    diner_run f
    diner_run f --param day=b
    assert_equal "$(listed)" "s_a_0001.csv s_a_0002.csv s_b_0001.csv s_b_0002.csv"
}

@test "split by bytes, of text before it is packed" {
    writes "select i as id, repeat('x', 90) as name from generate_series(1, 100) i" \
        'file: "s_${split.part}.csv", split: { bytes: 1000 }'
    [ "$(listed | wc -w)" -gt 9 ]
    local f
    for f in out/*; do [ "$(stat -c %s "$f")" -le 1000 ] || fail "$f is too long"; done
    assert_equal "$(cat out/* | grep -c x)" 100
    assert_equal "$(cat out/* | grep x | sort -u | wc -l)" 100
}

@test "split by value: a file each; names stay in the directory" {
    writes "$SALES" 'file: "by/${split.store}/s.csv", split: { by: store }'
    assert_equal "$(find out -type f | sort | xargs)" "out/by/S001/s.csv out/by/S002/s.csv out/by/S003/s.csv"
    assert_equal "$(cat out/by/S003/s.csv)" $'store,id,amount\nS003,2,3.0\nS003,5,7.5\nS003,8,12.0'
    local value
    for value in ../x a/b .hidden; do
        to_file "select '$value' as store" 'file: "s_${split.store}.csv", split: { by: [store] }'
        diner_run f
        assert_status 1
        assert_stderr_has "the value '$value' of 'store' cannot be part of a file's name"
    done
    to_file "select i::text as store from generate_series(1, 501) i" 'file: "t_${split.store}.csv", split: { by: [store] }'
    diner_run f
    assert_status 1
    assert_stderr_has "more than 500 files"
    assert_equal "$(find out -name 't_*' | wc -l)" 0
    assert_equal "$(find out -name '.*.tmp' | wc -l)" 0
}

@test "split: lint wants names that differ and columns that are there" {
    pipeline f <<'YAML'
streams:
  a: { source: { connection: warehouse, query: select 1 as id }, target: { file: a.csv, split: { rows: 1 } } }
  b: { source: { file: x.csv }, target: { file: "b_${split.part}.csv", split: { by: [stor] } }, columns: { store: text } }
  c: { source: { file: x.csv }, target: { file: "c_${split.store}.csv", split: { rows: 5, bytes: 1MB } }, columns: { store: text } }
  d: { source: { file: x.csv }, target: { file: "d.csv", split: { by: store } }, columns: { store: text } }
  e: { source: { file: x.csv }, target: { file: "e/${split.store}/x", checksum: sha256, split: { by: store } }, columns: { store: text } }
YAML
    run --separate-stderr "$DINER" pipeline lint f
    assert_status 3
    assert_stdout_has "the parts of a split would all have this name"
    assert_stdout_has "'\${split.part}' is not defined"
    assert_stdout_has "split: 'stor' is not a column of the stream"
    assert_stdout_has "'\${split.store}' is not defined"
    assert_stdout_has "files are split by one of 'rows', 'bytes' and 'by'"
    assert_stdout_has "would have one name: add \${split.store}"
    assert_stdout_has "with a checksum, the parts of a split are in one directory"
}

# ---- checksum ------------------------------------------------------------------------------------

@test "checksum: as sha256sum has it, one for all parts; nothing is touched when nothing changed" {
    writes "$SALES" 'file: f.csv, checksum: sha256'
    (cd out && sha256sum -c f.csv.sha256)
    local before
    before=$(stat -c %i out/f.csv.sha256)
    diner_run f
    assert_moved s "10 0 0 10 0 0 0 0"
    assert_equal "$(stat -c %i out/f.csv.sha256)" "$before"
    writes "$SALES" 'file: "s_${split.store}.csv.gz", compress: gzip, split: { by: store }, checksum: sha256'
    (cd out && sha256sum -c s_all.csv.gz.sha256)
    assert_equal "$(wc -l <out/s_all.csv.gz.sha256)" 3
}

@test "there is no checksum file unless all that it speaks of is in place" {
    writes "$SALES" 'file: "s_${split.store}.csv", split: { by: store }, checksum: sha256'
    rm out/s_S003.csv && mkdir out/s_S003.csv # a part of a former run that cannot be removed
    to_file "select * from ($SALES) q where store < 'S003'" 'file: "s_${split.store}.csv", split: { by: store }, checksum: sha256'
    diner_run f
    assert_status 1
    assert_stderr_has "cannot remove '$PWD/out/s_S003.csv', a part of a former run"
    refute_exists out/s_all.csv.sha256
    rmdir out/s_S003.csv
    diner_run f
    assert_status 0
    (cd out && sha256sum --quiet -c s_all.csv.sha256)
    assert_equal "$(listed)" "s_S001.csv s_S002.csv s_all.csv.sha256"
}

@test "a plan and a dry run write nothing" {
    to_file "$SALES" 'file: "d/s_${split.store}.csv", split: { by: store }, checksum: sha256'
    run --separate-stderr "$DINER" pipeline plan f -o json
    assert_status 0
    assert_json '.[0].inserted == 10'
    diner_run f --dry-run
    assert_status 0
    assert_equal "$(find out -type f | wc -l)" 0
    assert_sql "select count(*) from diner.state" 0
}

# ---- encodings -----------------------------------------------------------------------------------

@test "characters the encoding lacks are listed with row and column, all of them counted" {
    to_file "select i as id, case when i % 2 = 0 then '生抽😀' else '生抽' end as name, '𠮷' as note from generate_series(1, 30) i" \
        'file: f.csv, encoding: GBK'
    diner_run f
    assert_status 1
    assert_stderr_has "out/f.csv': GBK lacks 45 of the characters: row 1 'note' U+20BB7 '𠮷', row 2 'name' U+1F600 '😀', row 2 'note' U+20BB7"
    assert_stderr_has "row 14 'name' U+1F600 '😀', ..."
    assert_stderr_has "GB18030 and UTF-8 have all characters; nothing was written"
    assert_equal "$(listed)" ""
    writes "select '生抽😀' as name, '𠮷' as note" 'file: f.csv, encoding: GB18030'
    assert_equal "$(iconv -f GB18030 -t UTF-8 out/f.csv)" $'name,note\n生抽😀,𠮷'
}

@test "UTF-16 with its mark" {
    writes "select null::text as name union all select 'a'" 'file: f.csv, encoding: UTF-16LE, bom: true'
    assert_equal "$(iconv -f UTF-16 -t UTF-8 out/f.csv)" $'name\n""\na'
}

# ---- workbooks -----------------------------------------------------------------------------------

@test "xlsx: numbers as numbers up to 15 digits, beyond and codes as text, dates, null" {
    writes "select '007' as code, 123456789012345::int8 as n15, 1234567890123456::int8 as n16, 19.90::numeric(12,2) as price, date '2026-11-22' as day, true as ok, null::text as nothing, '=1+1 <生抽>' as name, timestamptz '2026-11-22 08:00+08' as at, date '1899-01-01' as old" \
        'file: f.xlsx, format: xlsx'
    unzip -p out/f.xlsx xl/worksheets/sheet1.xml >sheet.xml
    grep -q '<v>123456789012345</v>' sheet.xml
    grep -q '<t>1234567890123456</t>' sheet.xml
    grep -q '<t>007</t>' sheet.xml
    grep -qE '<v>19.9(0*[0-9])?</v>' sheet.xml
    grep -q '<v>46348</v>' sheet.xml
    grep -q '<t>=1+1 &lt;生抽&gt;</t>' sheet.xml
    grep -q '<t>2026-11-22[T ]00:00:00' sheet.xml
    grep -q '<t>1899-01-01</t>' sheet.xml
    run ! grep -q 'r="G2"' sheet.xml
    unzip -p out/f.xlsx xl/styles.xml | grep -q 'formatCode="0.00"\|numFmtId="2"'
    diner_run f
    assert_moved s "1 0 0 1 0 0 0 0" # the same rows are the same file
}

@test "xlsx: split and checksum; a text that no cell holds is a reject; keys of csv are refused" {
    writes "$SALES" 'file: "s_${split.part}.xlsx", format: xlsx, split: { rows: 5 }, checksum: sha256'
    (cd out && sha256sum -c s_all.xlsx.sha256)
    assert_equal "$(unzip -p out/s_0002.xlsx xl/worksheets/sheet1.xml | grep -o '<row ' | wc -l)" 6
    writes "select repeat('生', 32767) as a union all select repeat('x', 32768)" 'file: l.xlsx, format: xlsx'
    assert_moved s "2 1 0 0 0 0 1 0"
    assert_sql "select reason from diner.reject" "longer than 32767 characters, which is all a cell can hold"
    to_file "select 1 as id" 'file: f.xlsx, format: xlsx, crlf: true, compress: gzip'
    run --separate-stderr "$DINER" pipeline lint f
    assert_stdout_has "'crlf' means nothing to the format xlsx"
    assert_stdout_has "'compress' means nothing to the format xlsx"
    to_file "select 1 as id" "file: $PWD/pipe, format: xlsx"
    mkfifo pipe
    cat pipe 3>&- >/dev/null &
    diner_run f
    assert_status 1
    assert_stderr_has "it is no plain file"
}

@test "xlsx: more rows than a sheet has are refused with the way out, in flat memory" {
    to_file "select i as id from generate_series(1, 1048576) i" 'file: f.xlsx, format: xlsx'
    grep -q __asan_init "$DINER" || ulimit -v 500000
    diner_run f
    assert_status 1
    assert_stderr_has "a sheet has at most 1048576 rows"
    assert_stderr_has 'split: { rows: 1000000 }'
    assert_equal "$(listed)" ""
}

# ---- kills ---------------------------------------------------------------------------------------

@test "killed during a split export: the next run cleans up and leaves exactly its files" {
    to_file "select 'S' || i % 7 as store, i as id, repeat('x', 200) as pad from generate_series(1, 400000) i" \
        'file: "s_${split.store}.csv", split: { by: store }, checksum: sha256'
    local round killed=0
    for round in 1 2 3 4; do
        "$DINER" run f >/dev/null 2>&1 3>&- &
        local pid=$!
        sleep "0.$((round * 2))"
        if kill -9 "$pid" 2>/dev/null; then killed=$((killed + 1)); fi
        wait "$pid" 2>/dev/null || true
        if [ -e out/s_all.csv.sha256 ]; then # the mark says that all is whole
            (cd out && sha256sum --quiet -c s_all.csv.sha256)
        fi
    done
    [ "$killed" -gt 0 ] || fail "every run was over before it was killed"
    # Of fewer stores: what is left of the others' files goes too.
    writes "select 'S' || i % 2 as store, i as id, repeat('x', 200) as pad from generate_series(1, 400000) i" \
        'file: "s_${split.store}.csv", split: { by: store }, checksum: sha256'
    assert_equal "$(find out -name '.*' | wc -l)" 0
    [ -e out/s_S0.csv ] && [ -e out/s_S1.csv ]
    assert_equal "$(cat out/s_S[01].csv | grep -vc store)" 400000
    (cd out && sha256sum --quiet -c s_all.csv.sha256)
}

@test "a disk that fills up in the middle of a split export: the old files stay, and the next run writes its own" {
    mkdir small
    if [ "$(id -u)" -ne 0 ] || ! mount -t tmpfs -o size=128k none small 2>/dev/null; then
        skip "needs root to make a small file system"
    fi
    export DINER_OUTPUT_DIR=$PWD/small
    local kind failed=0
    for kind in csv:none csv:gzip jsonl:none xlsx:none; do
        (
            rm -rf small/*
            name="s_\${split.part}.${kind%:*}" more='' pad="md5(i::text)"
            case $kind in *:gzip) name=$name.gz more=', compress: gzip' ;; esac
            case $kind in csv*) more="$more, checksum: sha256" ;; esac
            writes "select i as id, $pad as x from generate_series(1, 300) i" "file: \"$name\", split: { rows: 100 }$more"
            sha256sum small/* >before
            [ "$(grep -c s_ before)" -ge 3 ]
            # parts of 40 KB and more: the third or fourth does not fit
            to_file "select i as id, repeat($pad, 12) as x from generate_series(1, 3000) i" "file: \"$name\", split: { rows: 100 }$more"
            diner_run f
            assert_status 1
            assert_stderr_has "No space left on device"
            sha256sum -c --quiet before
            assert_equal "$(find small -type f | wc -l)" "$(grep -c . before)"
            assert_sql "select status from diner.run order by id desc limit 1" failed
            mount -o remount,size=4m small
            diner_run f
            assert_status 0
            assert_moved s "3000 3000 0 0 0 0 0 0"
            assert_equal "$(find small -name 's_*[0-9].*' -type f | wc -l)" 30
            [ -z "$(find small -name '.*' -type f)" ]
            rm -rf small/*
            mount -o remount,size=128k small
            sql "delete from diner.state" >/dev/null
        ) || failed=1
        [ "$failed" -eq 0 ] || break
    done
    umount small
    [ "$failed" -eq 0 ] || fail "$kind"
}

@test "killed during a packed load: the next run ends with exactly the rows" {
    pipeline s <<'YAML'
streams: { s: { source: { file: ../in.csv.gz }, columns: { code: text, qty: int } } }
YAML
    { echo code,qty; seq 1 500000 | sed 's/.*/K&,&/'; } | gzip -1 -c >in.csv.gz
    local round killed=0
    for round in 1 2 3 4; do
        "$DINER" run s >/dev/null 2>&1 3>&- &
        local pid=$!
        sleep "0.$((round * 15))"
        if kill -9 "$pid" 2>/dev/null; then killed=$((killed + 1)); fi
        wait "$pid" 2>/dev/null || true
    done
    [ "$killed" -gt 0 ] || fail "every run was over before it was killed"
    wait_for 10 sql_is_free
    diner_run s
    assert_status 0
    assert_sql "select count(*), count(distinct code), sum(qty) from t.s" "500000|500000|125000250000"
}

sql_is_free() { [ "$(sql "select count(*) from pg_locks where locktype = 'advisory'")" = 0 ]; }
