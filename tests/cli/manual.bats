#!/usr/bin/env bats
# docs/manual: what a reader would type, page after page, on one environment.
load ../helper
load docs

setup_file() { docs_setup; }
teardown_file() { dev_stop; }

# In the order of its index.
manual_pages() { sed -n 's/^| \[[^]]*\](\([a-z-]*\.md\)).*/\1/p' "$PROJECT/docs/manual/README.md"; }

@test "the index has every page" {
    diff <(manual_pages | sort) <(cd "$PROJECT/docs/manual" && find . -name '*.md' -not -name README.md -not -name '*.zh.md' -printf '%f\n' | sort)
}

@test "the examples of the manual run" {
    local page
    for page in $(manual_pages); do
        run --separate-stderr examples check "docs/manual/$page"
        [ "$status" -eq 0 ] || fail "$page"
        assert_stderr_is ""
    done
}
