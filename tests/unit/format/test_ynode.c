#include "scratch.h"

#include "core/strbuf.h"
#include "format/ynode.h"

static struct arena *arena;

static struct ynode *parse(const char *text)
{
    struct error err = ERROR_INIT;
    struct ynode *node = NULL;
    assert_ok(ynode_parse(text, strlen(text), "t.yaml", arena, &node, &err));
    return node;
}

static void refuse(const char *text, const char *part)
{
    struct error err = ERROR_INIT;
    struct ynode *node = NULL;
    assert_int_equal(ynode_parse(text, strlen(text), "t.yaml", arena, &node, &err), ERR_SPEC);
    assert_in(err.message, part);
    assert_null(node);
}

static void test_scalars_stay_text(void **state)
{
    (void)state;
    struct ynode *map = parse("a: no\nb: 010\nc: 1e3\nd: '12'\ne:\nf: ~\ng: \"\"\n");
    assert_int_equal(map->kind, YNODE_MAP);
    assert_string_equal(ynode_get(map, "a")->text, "no");
    assert_string_equal(ynode_get(map, "b")->text, "010");
    assert_string_equal(ynode_get(map, "c")->text, "1e3");
    assert_true(ynode_get(map, "c")->is_plain);
    assert_false(ynode_get(map, "d")->is_plain);
    assert_true(ynode_get(map, "e")->is_null);
    assert_true(ynode_get(map, "f")->is_null);
    assert_false(ynode_get(map, "g")->is_null);
    assert_null(ynode_get(map, "h"));
    assert_null(ynode_get(ynode_get(map, "a"), "x"));
}

static void test_places(void **state)
{
    (void)state;
    struct ynode *map = parse("a: 1\nlist:\n  - x\n  - {k: v}\n");
    struct ynode *list = ynode_get(map, "list");
    assert_int_equal(list->count, 2);
    assert_int_equal(list->items[1]->line, 4);
    assert_int_equal(list->items[1]->column, 5);
    assert_int_equal(ynode_key(map, "list")->line, 2);
    assert_int_equal(ynode_get(list->items[1], "k")->column, 9);
    struct error err = ERROR_INIT;
    ynode_error(list->items[1], &err, "bad %d", 7);
    assert_int_equal(err.code, ERR_SPEC);
    assert_string_equal(err.message, "t.yaml:4:5: bad 7");
    ynode_error(NULL, &err, "bad");
    assert_string_equal(err.message, "bad");
}

static void test_duplicate_keys_name_both_places(void **state)
{
    (void)state;
    refuse("a: 1\nb: 2\na: 3\n", "t.yaml:3:1: key 'a' is given twice, first at line 1, column 1");
    refuse("x: {b: 1, b: 2}", "t.yaml:1:11: key 'b' is given twice");
    AUTO_STRBUF struct strbuf many = {0};
    strbuf_init(&many, 0);
    for (int i = 0; i < 1000; i++)
        strbuf_addf(&many, "k%d: v\n", i);
    assert_int_equal(parse(many.data)->count, 1000);
    strbuf_adds(&many, "k500: again\n");
    refuse(many.data, "t.yaml:1001:1: key 'k500' is given twice, first at line 501");
}

static void test_anchors_aliases_tags_are_refused(void **state)
{
    (void)state;
    refuse("a: &x 1\n", "t.yaml:1:4: anchors ('&x')");
    refuse("a: &x {b: 1}\n", "anchors");
    refuse("a: *x\n", "t.yaml:1:4: aliases ('*x')");
    refuse("*x : 1\n", "aliases");
    refuse("a: !!str 1\n", "t.yaml:1:4: tags");
    refuse("a: !x [1]\n", "tags");
    refuse("%TAG ! tag:x,2000:\n---\na: 1\n", "%TAG");
}

static void test_flaws_are_all_told_and_the_rest_is_read(void **state)
{
    (void)state;
    static const char text[] = "a: &x 1\nb: [*x, !t 2]\na: 3\nc: 4\nc: 5\n";
    struct error err = ERROR_INIT;
    struct ynode *root = NULL;
    struct ynode_flaw *flaws = NULL;
    static const char *const expected[] = {"t:1:4: anchors", "t:2:5: aliases", "t:2:9: tags",
                                           "t:3:1: key 'a' is given twice, first at line 1",
                                           "t:5:1: key 'c' is given twice, first at line 4"};
    assert_int_equal(ynode_read(text, strlen(text), "t", arena, &root, &flaws, &err), 0);
    for (size_t i = 0; i < 5; i++, flaws = flaws->next)
        assert_int_equal(strncmp(flaws->message, expected[i], strlen(expected[i])), 0);
    assert_null(flaws);
    assert_int_equal(root->count, 3);
    assert_string_equal(ynode_text(root, "a", ""), "1");
    assert_string_equal(ynode_text(root, "c", ""), "4");
    assert_int_equal(ynode_read("x: {a: 1, a: 2}\nb: [", 20, "t", arena, &root, &flaws, &err),
                     ERR_SPEC);
    assert_non_null(flaws);
    assert_int_equal(ynode_read("a: [", 4, "t", arena, &root, &flaws, &err), ERR_SPEC);
}

/* Many keys are looked up by hash, and flaws have an end. */
static void test_many_flaws(void **state)
{
    (void)state;
    AUTO_STRBUF struct strbuf text = {0};
    struct error err = ERROR_INIT;
    struct ynode *root = NULL;
    struct ynode_flaw *flaws = NULL;
    size_t count = 0;
    strbuf_init(&text, 0);
    for (int i = 0; i < 150; i++)
        strbuf_addf(&text, "k%d: %d\n", i % 50, i);
    assert_int_equal(ynode_read(text.data, text.len, "t", arena, &root, &flaws, &err), 0);
    for (; flaws != NULL; flaws = flaws->next)
        count++;
    assert_int_equal(count, 100);
    assert_int_equal(root->count, 50);
    assert_string_equal(ynode_text(root, "k49", ""), "49");
    strbuf_adds(&text, "k0: once too often\n");
    assert_int_equal(ynode_read(text.data, text.len, "t", arena, &root, &flaws, &err), ERR_SPEC);
}

static void test_limits(void **state)
{
    (void)state;
    AUTO_STRBUF struct strbuf deep = {0};
    strbuf_init(&deep, 0);
    for (int i = 0; i < 20000; i++)
        strbuf_addch(&deep, '[');
    refuse(deep.data, "deeper than 32");
    strbuf_clear(&deep);
    for (int i = 0; i < 32; i++)
        strbuf_addch(&deep, '[');
    for (int i = 0; i < 32; i++)
        strbuf_addch(&deep, ']');
    parse(deep.data);
    strbuf_clear(&deep);
    for (int i = 0; i < 100001; i++)
        strbuf_adds(&deep, "- a\n");
    refuse(deep.data, "more than 100000 values");
    refuse("a: 1\n---\nb: 2\n", "second document");
    refuse("? [a]\n: 1\n", "a key must be");
    refuse("'': 1\n", "empty key");
    refuse("a: \"x\\0y\"\n", "NUL");
    strbuf_clear(&deep);
    while (deep.len <= (size_t)4 << 20)
        strbuf_adds(&deep, "# a comment that makes the file large\n");
    refuse(deep.data, "larger than");
}

static void test_syntax_errors_say_where(void **state)
{
    (void)state;
    refuse("a:\n\tb: 1\n", "t.yaml:2:1: a tab cannot indent YAML");
    refuse("a: 1\nb: {c: 1\n", "t.yaml:3:1");
    refuse("a: 'x\n", "t.yaml:2:1");
    refuse("a: 1\nb: \xFF\n", "t.yaml:2:4");
}

static void test_empty_and_mark(void **state)
{
    (void)state;
    assert_true(parse("")->is_null);
    assert_true(parse("# only a comment\n")->is_null);
    struct ynode *map = parse("\xEF\xBB\xBF"
                              "a: 1\n");
    assert_string_equal(ynode_get(map, "a")->text, "1");
}

static void test_files(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    struct ynode *node = NULL;
    assert_int_equal(ynode_parse_file("/nonexistent.yaml", arena, &node, &err), ERR_NOT_FOUND);
    assert_int_equal(ynode_parse_file("/tmp", arena, &node, &err), ERR_IO);
    const char *path = scratch_file("x.yaml", "a: [1\n", 6);
    assert_int_equal(ynode_parse_file(path, arena, &node, &err), ERR_SPEC);
    assert_in(err.message, path);
}

static void test_merge(void **state)
{
    (void)state;
    struct ynode *under = parse("a: 1\nm: {x: 1, y: 2}\nl: [1, 2]\nkeep: {z: 1}\n");
    struct ynode *over = parse("m: {y: 3, w: 4}\nl: [9]\nnew: 5\n");
    struct ynode *m = ynode_merge(arena, under, over);
    AUTO_STRBUF struct strbuf out = {0};
    strbuf_init(&out, 0);
    ynode_print(m, 0, &out);
    assert_string_equal(out.data, "a: 1\nm:\n  x: 1\n  y: 3\n  w: 4\nl:\n  - 9\nkeep:\n  z: 1\n"
                                  "new: 5\n");
    assert_int_equal(ynode_get(ynode_get(under, "m"), "y")->text[0], '2');
    assert_ptr_equal(ynode_get(m, "new"), ynode_get(over, "new"));
    assert_int_equal(ynode_merge(arena, under, NULL)->count, 4);
    assert_int_equal(ynode_merge(arena, NULL, over)->count, 3);
}

static void assert_same(const struct ynode *a, const struct ynode *b)
{
    assert_int_equal(a->kind, b->kind);
    assert_int_equal(a->count, b->count);
    if (a->kind == YNODE_SCALAR) {
        assert_int_equal(a->is_null, b->is_null);
        if (!a->is_null)
            assert_string_equal(a->text, b->text);
    }
    for (size_t i = 0; i < a->count; i++) {
        if (a->kind == YNODE_MAP)
            assert_string_equal(a->keys[i]->text, b->keys[i]->text);
        assert_same(a->items[i], b->items[i]);
    }
}

static void test_print_reads_back(void **state)
{
    (void)state;
    struct ynode *tree =
        parse("name: x\nno: 'no'\nn: -5\nq: '# not a comment'\ncolon: 'a: b'\n"
              "dash: '- x'\nsql: |\n  select 1\n    from t\n  where a\nkeep: |+\n"
              "  a\n\nfold: |-\n  x\n  y\ntab: \"a\\tb\"\nu: \"\\u2028\\x7f\"\n"
              "empty: ''\nnull1:\nlist:\n- [a, [b]]\n- {k: {z: 1}, w: []}\n- {}\n"
              "\"odd key: x\": 1\n'yes': 2\nsp: ' lead'\n\xE9\xA4\x90: \xE5\x8E\x85\n");
    AUTO_STRBUF struct strbuf out = {0};
    strbuf_init(&out, 0);
    ynode_print(tree, 0, &out);
    assert_same(tree, parse(out.data));
    assert_in(out.data, "sql: |\n  select 1\n    from t\n");
    assert_in(out.data, "no: \"no\"\n");
}

static int setup(void **state)
{
    arena = arena_new();
    return scratch_setup(state);
}

static int teardown(void **state)
{
    arena_free(arena);
    return scratch_teardown(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scalars_stay_text),
        cmocka_unit_test(test_places),
        cmocka_unit_test(test_duplicate_keys_name_both_places),
        cmocka_unit_test(test_anchors_aliases_tags_are_refused),
        cmocka_unit_test(test_flaws_are_all_told_and_the_rest_is_read),
        cmocka_unit_test(test_many_flaws),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_syntax_errors_say_where),
        cmocka_unit_test(test_empty_and_mark),
        cmocka_unit_test(test_files),
        cmocka_unit_test(test_merge),
        cmocka_unit_test(test_print_reads_back),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
