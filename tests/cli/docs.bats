#!/usr/bin/env bats
# The manual: its pipelines lint, its connectors open, its examples run, its links lead somewhere,
# and what is generated is as generated.
# shellcheck disable=SC2016 # patterns of Markdown and YAML
load ../helper
load docs

setup_file() { docs_setup; }
teardown_file() { dev_stop; }

pages() { # by hand: what is generated is no page
    (cd "$PROJECT" && find README.md CHANGELOG.md CONTRIBUTING.md docs docs/manual -maxdepth 1 -name '*.md' | sort -u)
}

# Each YAML block of the pages that is a whole file goes to DIR/N.yaml, its place to DIR/N.place.
yaml_files() { # DIR
    local block n=0
    mapfile -t list < <(pages)
    while IFS= read -r -d '' block; do
        case ${block#*$'\n'} in
        'version: 1'*)
            n=$((n + 1))
            printf '%s\n' "${block%%$'\n'*}" >"$1/$n.place"
            printf '%s\n' "${block#*$'\n'}" >"$1/$n.yaml"
            ;;
        esac
    done < <(examples blocks yaml "${list[@]}")
}

is_connector() { grep -q '^base_url:' "$1"; }

@test "pipelines and jobs of the manual are without fault" {
    local file files=0
    yaml_files "$BATS_TEST_TMPDIR"
    mkdir "$BATS_TEST_TMPDIR/connectors"
    for file in "$BATS_TEST_TMPDIR"/*.yaml; do # those that pipelines of the manual name
        if is_connector "$file"; then
            cp "$file" "$BATS_TEST_TMPDIR/connectors/$(sed -n 's/^name: *//p' "$file").yaml"
        fi
    done
    mkdir "$BATS_TEST_TMPDIR/pipelines"
    for file in "$BATS_TEST_TMPDIR"/*.yaml; do # and those that jobs of the manual run
        cp "$file" "$BATS_TEST_TMPDIR/pipelines/$(sed -n 's/^name: *//p' "$file" | head -n 1).yaml"
    done
    export DINER_CONNECTOR_PATH=$PROJECT/configs/connectors,$BATS_TEST_TMPDIR/connectors
    export DINER_PIPELINE_PATH=$PROJECT/pipelines,$BATS_TEST_TMPDIR/pipelines
    export DINER_DSN_ERP=host=erp # the other database of the manual: known is enough for lint
    for file in "$BATS_TEST_TMPDIR"/*.yaml; do
        if is_connector "$file"; then continue; fi
        run --separate-stderr "$DINER" pipeline lint "$file"
        [ "$status" -eq 0 ] || fail "$(cat "${file%.yaml}.place")"
        files=$((files + 1))
    done
    [ "$files" -ge 8 ] || fail "only $files pipelines were found"
}

# A connector is in order when the only thing wrong with it is that nobody answers.
@test "connectors of the manual open, and ask" {
    local file name resource secrets files=0
    yaml_files "$BATS_TEST_TMPDIR"
    mkdir "$BATS_TEST_TMPDIR/connectors"
    printf 'a-secret-word\n' >"$BATS_TEST_TMPDIR/secret"
    openssl genpkey -algorithm RSA -out "$BATS_TEST_TMPDIR/pem" 2>/dev/null
    chmod 600 "$BATS_TEST_TMPDIR/secret" "$BATS_TEST_TMPDIR/pem"
    for file in "$BATS_TEST_TMPDIR"/*.yaml; do
        is_connector "$file" || continue
        name=$(sed -n 's/^name: *//p' "$file")
        resource=$(sed -n '/^resources:/,$s/^  \([a-z_]*\):.*/\1/p' "$file" | head -n 1)
        sed -e 's|^base_url:.*|base_url: http://127.0.0.1:9|' \
            -e "s|file:/etc/[a-z/.]*\.pem|file:$BATS_TEST_TMPDIR/pem|" \
            -e "s|file:/etc/[a-z/.]*|file:$BATS_TEST_TMPDIR/secret|" "$file" \
            >"$BATS_TEST_TMPDIR/connectors/$name.yaml"
        cat >"$BATS_TEST_TMPDIR/try.pipeline" <<TXT
version: 1
name: try
streams:
  it:
    source: { connector: $name, resource: $resource, params: { $(params_of "$file") }$(if grep -q '^ *format: file' "$file"; then echo ', format: csv'; fi) }
    target: { file: it.csv }
    columns: { id: text }
TXT
        mv "$BATS_TEST_TMPDIR/try.pipeline" "$BATS_TEST_TMPDIR/connectors/try.yaml"
        mapfile -t secrets < <(grep -o 'env:[A-Z_]*' "$file" | sort -u |
            sed 's/env:\(.*\)/\1=a-secret-word/')
        DINER_RETRY_MAX=0 DINER_CONNECTOR_PATH=$BATS_TEST_TMPDIR/connectors \
            run --separate-stderr env "${secrets[@]}" "$DINER" pipeline preview \
            "$BATS_TEST_TMPDIR/connectors/try.yaml"
        [ "$status" -eq 5 ] || fail "$(cat "${file%.yaml}.place")"
        assert_stderr_has "127.0.0.1 port 9"
        refute_stderr_has a-secret-word
        files=$((files + 1))
    done
    [ "$files" -ge 3 ] || fail "only $files connectors were found"
}

# The first resource's path may want values: shop: x, ...
params_of() { # FILE
    local path
    path=$(sed -n '/^resources:/,$p' "$1" | sed -n 's/^ *path: *//p' | head -n 1)
    grep -o '\${[a-z_]*}' <<<"$path" | sed 's/..\(.*\)}/\1: x/' | paste -sd, -
}

@test "the examples of every page but the manual's run" {
    local page
    # The stock sync first: its page shows the correction, which happens once.
    # Those of the manual are run in their own order by manual.bats.
    for page in docs/stock-sync.md $(pages | grep -vE '^docs/(stock-sync\.md|manual/)'); do
        run --separate-stderr examples check "$page"
        [ "$status" -eq 0 ] || fail "$page"
        assert_stderr_is ""
    done
}

@test "every block of commands is run, or says why it cannot be" {
    mapfile -t list < <(pages)
    run examples unmarked "${list[@]}"
    assert_status 0
    printf '%s\n' '```console' '$ true' '```' '' '<!-- not run: -->' '```sh' 'true' '```' '' '<!-- not run: takes a cluster -->' '```console' \
        '$ true' '```' >"$BATS_TEST_TMPDIR/a.md"
    run examples unmarked "$BATS_TEST_TMPDIR/a.md"
    assert_status 1
    assert_stdout_is "$(printf '%s:1: $ true\n%s:6: true' "$BATS_TEST_TMPDIR/a.md" "$BATS_TEST_TMPDIR/a.md")"
}

@test "an example that fails, or prints another table, is found" {
    printf '%s\n' 'x' '' '<!-- run -->' '```console' '$ false' '```' >"$BATS_TEST_TMPDIR/a.md"
    run --separate-stderr python3 "$PROJECT/tests/cli/docs_examples.py" check "$BATS_TEST_TMPDIR/a.md"
    assert_status 1
    assert_stdout_has "a.md:4: \$ false"
    printf '%s\n' '<!-- run -->' '```console' '$ diner runs list' 'ID  NAME  OTHER' '```' >"$BATS_TEST_TMPDIR/b.md"
    run --separate-stderr python3 "$PROJECT/tests/cli/docs_examples.py" check "$BATS_TEST_TMPDIR/b.md"
    assert_status 1
    assert_stdout_has "b.md:2"
}

# Every link of a page to a file of the project, with the page: PAGE TARGET
links() {
    local page
    for page in $(pages) $(cd "$PROJECT" && git ls-files 'docs/reference/*.md'); do
        sed -e '/^```/,/^```/d' -e 's/`[^`]*`//g' "$PROJECT/$page" | grep -oE '\]\([^)]+\)' |
            sed -e 's/^](//' -e 's/)$//' -e "s|^|$page |"
    done
}

# GitHub's anchor of each heading.
anchors() { # FILE
    sed -n 's/^##* //p' "$1" | tr '[:upper:]' '[:lower:]' | sed -e 's/[^a-z0-9 _-]//g' -e 's/ /-/g'
}

@test "every relative link leads to a file, every anchor to a heading" {
    local page link file seen=0 broken=
    while read -r page link; do
        case $link in http:* | https:* | mailto:*) continue ;; esac
        seen=$((seen + 1))
        file=$PROJECT/$page
        if [ -n "${link%%#*}" ]; then file=$(dirname "$file")/${link%%#*}; fi
        if [ ! -e "$file" ]; then
            broken+="$page: $link"$'\n'
        elif [[ $link == *'#'* ]] && ! anchors "$file" | grep -qxF -- "${link#*#}"; then
            broken+="$page: $link (no such heading)"$'\n'
        fi
    done < <(links)
    [ -z "$broken" ] || fail "$broken"
    [ "$seen" -ge 20 ] || fail "only $seen links were found"
}

@test "what is generated is as generated: completions, man pages, reference" {
    run --separate-stderr "$PROJECT/tests/docs" "$DINER" --check
    assert_status 0
    assert_stdout_is ""
}

@test "every setting has its place in the reference" {
    local name
    for name in $("$DINER" config show -o json | jq -r '.[].setting' | grep -v '^connections\.'); do
        grep -qF "\`$name\`" "$PROJECT/docs/reference/settings.md" || fail "no $name"
    done
}
