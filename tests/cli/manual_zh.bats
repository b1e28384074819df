#!/usr/bin/env bats
# shellcheck disable=SC2016 # patterns of Markdown
# The manual's pages in Chinese: the commands of the English ones, with diner speaking Chinese.
load ../helper
load docs

setup_file() { docs_setup; }
teardown_file() { dev_stop; }

commands() { sed -n '/^```console/,/^```/s/^\$ //p' "$1" | sed 's/ | sed .*//'; }

@test "each page has the commands of its original" {
    local page n=0
    for page in "$PROJECT"/docs/manual/*.zh.md; do
        diff <(commands "${page%.zh.md}.md") <(commands "$page")
        n=$((n + 1))
    done
    [ "$n" -ge 1 ]
}

@test "the examples of the pages in Chinese run, and speak Chinese" {
    local page
    for page in "$PROJECT"/docs/manual/*.zh.md; do
        LANGUAGE=zh_CN run --separate-stderr examples check "$page"
        [ "$status" -eq 0 ] || fail "$page"
        assert_stderr_is ""
        grep -q '^提示：' "$page"
    done
}
