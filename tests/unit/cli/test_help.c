#include "cli/internal.h"
#include "format/jsonx.h"
#include "sample.h"
#include <unistd.h>

static int teardown(void **state)
{
    (void)state;
    sample_free();
    return 0;
}

static const struct command *const list_path[] = {&sample_root, &command_orders, &command_list};

static const char *const list_help =
    "diner orders list - list orders\n"
    "\n"
    "usage: diner orders list [options] [ID...]\n"
    "\n"
    "Lists the orders of the platform, the newest first, as many as --limit says, and a\n"
    "sentence long enough to be broken.\n"
    "\n"
    ".Second paragraph: 'quoted'.\n"
    "\n"
    "arguments:\n"
    "  [ID...]                   these orders\n"
    "\n"
    "options:\n"
    "  -s, --store ID            only this store (env: SAMPLE_STORE)\n"
    "      --since DATE          from this business day on (default: yesterday)\n"
    "  -l, --limit N             at most so many (default: 20)\n"
    "      --wait DURATION       wait so long (default: 5s; setting: http.timeout)\n"
    "  -a, --all                 all of them\n"
    "      --merge               merge them (default: on; --no-merge turns it off)\n"
    "      --state pending|paid|cancelled\n"
    "                            in this state (default: paid)\n"
    "  -t, --tag TEXT            with this tag (may be given several times; default: x)\n"
    "  -p, --param KEY=VALUE     a parameter (may be given several times)\n"
    "      --db TEXT             the database (env: SAMPLE_DB)\n"
    "      --token TEXT          the token\n"
    "  -f, --file TEXT           read this file\n"
    "  -o, --output FORMAT       form of the output (one of: table, json, jsonl, csv; default:\n"
    "                            table)\n"
    "\n"
    "global options:\n"
    "  -h, --help                show this help\n"
    "  -v, --verbose             log more; twice for debugging\n"
    "  -q, --quiet               errors only, no summary, no progress\n"
    "      --config FILE         read this configuration and no other (env: DINER_CONFIG)\n";

static void test_help_text(void **state)
{
    (void)state;
    assert_int_equal(sample_run("diner orders list --help"), 0);
    assert_string_equal(run_err, "");
    if (strncmp(run_out, list_help, strlen(list_help)) != 0)
        assert_string_equal(run_out, list_help);
    contains(run_out, "\nexamples:\n  # the orders of a store\n  diner orders list --store S001\n");
    assert_null(strstr(run_out, "--shop")); /* hidden */
    assert_null(strchr(run_out, '\033'));
    for (const char *line = run_out; *line; line += strcspn(line, "\n") + 1)
        assert_true(strcspn(line, "\n") <= 90);
}

static void test_help_fits_the_terminal(void **state)
{
    AUTO_STRBUF struct strbuf out = {0};
    const struct command *path[] = {&sample_root, sample_root.children[0]};

    (void)state;
    strbuf_init(&out, 0);
    cli_set_help_columns(60);
    cli_help(path, 2, false, &out);
    cli_set_help_columns(0);
    assert_int_equal(cli_help_columns(), 90);
    for (const char *line = out.data; *line; line += strcspn(line, "\n") + 1)
        if (strncmp(line, "  diner", 7) != 0) /* an example is one line */
            assert_true(strcspn(line, "\n") <= 60);
}

static void same_help(const char *words, const char *expected)
{
    assert_int_equal(sample_run(words), 0);
    assert_string_equal(run_err, "");
    contains(run_out, expected);
}

static void test_help_anywhere(void **state)
{
    const char *list = "diner orders list - list orders\n";

    (void)state;
    same_help("diner orders list -h", list);
    same_help("diner -h orders list", list);
    same_help("diner orders -h list", list);
    same_help("diner orders list --bogus -h", list);
    same_help("diner orders list --limit x --help", list);
    same_help("diner orders list -ah", list);
    same_help("diner help orders list", list);
    same_help("diner help orders", "usage: diner orders COMMAND\n");
    same_help("diner --help", "usage: diner COMMAND\n");
    same_help("diner help", "  orders                    orders of the platform\n");
    same_help("diner orders show -h", "  ORDER                     the order\n");
    assert_null(strstr(run_out, "__complete"));
    /* After -- it is an argument. */
    assert_int_equal(sample_run("diner orders show -- -h"), 0);
    assert_string_equal(run_out, "order -h delta 0\n");
}

static void test_help_bold(void **state)
{
    AUTO_STRBUF struct strbuf text = {0};

    (void)state;
    strbuf_init(&text, 0);
    cli_help(list_path, 3, true, &text);
    contains(text.data, "\n\033[1moptions:\033[0m\n");
}

static void test_groups_and_misuse(void **state)
{
    (void)state;
    assert_int_equal(sample_run("diner"), 2);
    assert_string_equal(run_out, "");
    contains(run_err, "usage: diner COMMAND\n");
    assert_int_equal(sample_run("diner orders"), 2);
    contains(run_err, "  list                      list orders\n");
    assert_int_equal(sample_run("diner help orders lst"), 2);
    assert_string_equal(run_err, "diner orders: unknown command 'lst'\ndid you mean 'list'?\n"
                                 "usage: diner orders COMMAND\n");
    assert_int_equal(sample_run("diner help setings"), 2);
    contains(run_err, "did you mean 'settings'?\n");
    assert_int_equal(sample_run("diner kitchen -h"), 2);
}

static void test_version(void **state)
{
    (void)state;
    assert_int_equal(sample_run("diner --version"), 0);
    assert_string_equal(run_out, "diner " DINER_VERSION "\n");
    assert_int_equal(sample_run("diner version"), 0);
    assert_string_equal(run_out, "diner " DINER_VERSION "\n");
}

static void test_topics(void **state)
{
    (void)state;
    assert_int_equal(sample_run("diner help exit-codes"), 0);
    contains(run_out, "\n  0     done\n");
    contains(run_out, "\n  2     the command line is wrong\n");
    contains(run_out, "\n  7     partial: a store or stream was left behind\n");
    contains(run_out, "\n  130   stopped by a signal");
    assert_int_equal(sample_run("diner help environment"), 0);
    contains(run_out, "\n  SAMPLE_STORE ");
    contains(run_out, "\n  DINER_CONFIG ");
    contains(run_out, "\n  DINER_DSN_NAME ");
    for (const struct field *f = settings_fields.fields; f->name; f++)
        if (f->env)
            contains(run_out, f->env);
    assert_int_equal(sample_run("diner help settings"), 0);
    for (const struct field *f = settings_fields.fields; f->name; f++)
        contains(run_out, f->name);
    contains(
        run_out,
        "http.timeout                longest call to another service [duration] (default: 5s;");
}

/* ---- documents say the same as the table ------------------------------------------------- */

/* Every visible option of the list command, with what stands around it in that document. */
static void lists_options(const char *text, const char *before, const char *after)
{
    char name[128];

    for (const struct field *f = list_fields; f->name; f++) {
        if (f->flags & FIELD_POSITIONAL)
            continue;
        (void)snprintf(name, sizeof(name), "%s%s%s", before, f->name, after);
        bool shown = strstr(text, name) != NULL;
        if (shown == ((f->flags & FIELD_HIDDEN) != 0))
            fail_msg("%s is %s", name, shown ? "shown" : "missing");
    }
    static const char *const globals[] = {"output", "help",      "verbose",    "quiet",
                                          "config", "log-level", "log-format", "color"};
    for (size_t i = 0; i < sizeof(globals) / sizeof(globals[0]); i++) {
        (void)snprintf(name, sizeof(name), "%s%s%s", before, globals[i], after);
        contains(text, name);
    }
}

static void test_no_drift(void **state)
{
    static const char *const shells[] = {"bash", "zsh", "fish"};
    static const char *const before[] = {" --", "'--", " -l "};
    static const char *const after[] = {"", ":", ""};
    AUTO_STRBUF struct strbuf text = {0};
    struct error err = ERROR_INIT;

    (void)state;
    strbuf_init(&text, 0);
    cli_help(list_path, 3, false, &text);
    lists_options(text.data, " --", "");
    strbuf_clear(&text);
    cli_man_page(list_path, 3, &text);
    char *man = text.data; /* \- is a hyphen there */
    for (char *p = man; (p = strstr(p, "\\-")); p++)
        memmove(p, p + 1, strlen(p));
    lists_options(man, "--", "");
    strbuf_clear(&text);
    cli_reference_markdown(&sample_root, &text);
    lists_options(text.data, "--", "");
    strbuf_clear(&text);
    cli_reference_json(&sample_root, &text);
    lists_options(text.data, "\"name\": \"", "\"");
    for (size_t i = 0; i < 3; i++) {
        strbuf_clear(&text);
        assert_int_equal(cli_completion(&sample_root, shells[i], &text, &err), 0);
        lists_options(text.data, before[i], after[i]);
    }
    assert_int_equal(cli_completion(&sample_root, "csh", &text, &err), ERR_USAGE);
    assert_string_equal(err.message, "expected bash, zsh or fish, found 'csh'");
}

static void test_man_page(void **state)
{
    AUTO_STRBUF struct strbuf text = {0};

    (void)state;
    strbuf_init(&text, 0);
    cli_man_page(list_path, 3, &text);
    contains(text.data, ".TH \"DINER-ORDERS-LIST\" 1 \"\" \"diner " DINER_VERSION
                        "\" \"diner manual\"\n.SH NAME\ndiner\\-orders\\-list \\- list orders\n");
    contains(text.data, "\n\\&.Second paragraph: 'quoted'.\n");
    contains(text.data, "\n.TP\n\\fB\\-s, \\-\\-store ID\\fR\nonly this store");
    contains(text.data, "\n.SH SEE ALSO\n.BR diner\\-orders (1),\n.BR diner (1)\n");
    assert_null(strstr(text.data, "EXIT STATUS"));
    strbuf_clear(&text);
    cli_man_page(list_path, 1, &text);
    contains(text.data, ".SH EXIT STATUS\n");
}

static int page(void *self, const char *file, const struct strbuf *text, struct error *err)
{
    (void)err;
    assert_true(text->len > 100);
    strbuf_addf(self, "%s ", file);
    return 0;
}

static int bad_page(void *self, const char *file, const struct strbuf *text, struct error *err)
{
    (void)self;
    (void)text;
    return strcmp(file, "diner-orders.1") == 0 ? error_set(err, ERR_IO, "no space") : 0;
}

static void test_man_pages(void **state)
{
    AUTO_STRBUF struct strbuf files = {0};
    struct error err = ERROR_INIT;

    (void)state;
    strbuf_init(&files, 0);
    assert_int_equal(cli_man_pages(&sample_root, page, &files, &err), 0);
    assert_string_equal(files.data, "diner.1 diner-orders.1 diner-orders-list.1 "
                                    "diner-orders-show.1 diner-orders-wipe.1 diner-need.1 ");
    assert_int_equal(cli_man_pages(&sample_root, bad_page, NULL, &err), ERR_IO);
}

static void test_reference_json(void **state)
{
    AUTO_STRBUF struct strbuf text = {0};
    struct error err = ERROR_INIT;
    struct jsonx *doc;
    int64_t status;

    (void)state;
    strbuf_init(&text, 0);
    cli_reference_json(&sample_root, &text);
    if (jsonx_parse(text.data, text.len, "reference", &doc, &err) != 0)
        fail_msg("%s", err.message);
    assert_string_equal(jsonx_text(jsonx_pointer(doc, "/commands/2/name")), "diner orders list");
    assert_string_equal(jsonx_text(jsonx_pointer(doc, "/commands/2/options/0/short")), "s");
    assert_string_equal(jsonx_text(jsonx_pointer(doc, "/commands/2/options/3/setting")),
                        "http.timeout");
    assert_string_equal(jsonx_text(jsonx_pointer(doc, "/commands/2/options/6/choices/1")), "paid");
    assert_true(jsonx_is_true(jsonx_pointer(doc, "/commands/2/options/9/secret")));
    assert_int_equal(jsonx_count(jsonx_get(doc, "commands")), 6);
    assert_true(jsonx_integer(jsonx_pointer(doc, "/exit_codes/0/status"), &status));
    assert_int_equal(status, 2);
    assert_string_equal(jsonx_text(jsonx_pointer(doc, "/settings/0/name")), "timezone");
    jsonx_free(doc);
}

/* ---- the self-check ---------------------------------------------------------------------- */

static void defect(struct command leaf, const char *part)
{
    const struct command *const children[] = {&leaf, NULL};
    const struct command root = {.name = "diner", .summary = "root", .children = children};
    const char *found = command_tree_check(&root);

    if (!found || !strstr(found, part))
        fail_msg("'%s' lacks '%s'", found ? found : "(no defect)", part);
}

static void test_tree_check(void **state)
{
    static const struct field output_fields[] = {{"output", FIELD_STRING, MEMBER(file), "where to"},
                                                 {0}};
    static const struct field_set output_set = {
        .name = "x", .struct_size = sizeof(struct list_args), .fields = output_fields};
    static const struct field short_fields[] = {
        {"offset", FIELD_INT, MEMBER(limit), "where from", 'o'}, {0}};
    static const struct field_set short_set = {
        .name = "x", .struct_size = sizeof(struct list_args), .fields = short_fields};
    struct command leaf = command_list;
    const char *bad = command_tree_check(&sample_root);

    (void)state;
    if (bad)
        fail_msg("%s", bad);
    leaf.summary = "list orders.";
    defect(leaf, "diner list: the summary ends with a full stop");
    leaf.summary = "Lists orders";
    defect(leaf, "lower case");
    leaf.summary = NULL;
    defect(leaf, "has no summary");
    leaf = command_need;
    leaf.name = "Need";
    defect(leaf, "not well-formed");
    leaf = command_need;
    leaf.examples = NULL;
    defect(leaf, "has no example");
    leaf.examples = list_examples;
    defect(leaf, "does not use it");
    leaf = command_need;
    leaf.run = NULL;
    defect(leaf, "neither runs nor has commands");
    leaf = command_need;
    leaf.args = &output_set;
    defect(leaf, "option '--output' is a global one");
    leaf.args = &short_set;
    leaf.flags = CLI_OUTPUT;
    defect(leaf, "short name '-o' belongs to '--output'");
    leaf.flags = 0;
    const struct command *const twice[] = {&leaf, &leaf, NULL};
    const struct command root = {.name = "diner", .summary = "root", .children = twice};
    contains(command_tree_check(&root), "has 'need' twice");
}

int main(void)
{
#define T(name) cmocka_unit_test_teardown(name, teardown)
    const struct CMUnitTest tests[] = {
        T(test_help_text),
        T(test_help_fits_the_terminal),
        T(test_help_anywhere),
        T(test_help_bold),
        T(test_groups_and_misuse),
        T(test_version),
        T(test_topics),
        T(test_no_drift),
        T(test_man_page),
        T(test_man_pages),
        T(test_reference_json),
        T(test_tree_check),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
