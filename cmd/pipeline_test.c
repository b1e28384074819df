/* diner pipeline test: the tests that pipeline files hold. */
#include "cli/table.h"
#include "commands.h"
#include "core/secret.h"
#include "engine.h"
#include "pipeline/test.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct test_args {
    struct field_strings names;
    const char *only;
    int format;
    bool record;
};
enum { FORMAT_TEXT, FORMAT_TAP, FORMAT_JUNIT };
static const char *const formats[] = {"text", "tap", "junit", NULL};
static const struct field fields[] = {
    {"pipeline", FIELD_STRINGS, offsetof(struct test_args, names),
     "pipelines by name or file; default: all", .arg = "PIPELINE",
     .flags = FIELD_POSITIONAL | FIELD_REPEAT, .complete = "pipeline"},
    {"only", FIELD_STRING, offsetof(struct test_args, only), "tests whose name has this text",
     .arg = "TEXT"},
    {"record", FIELD_BOOL, offsetof(struct test_args, record),
     "ask the real APIs and write their answers, disguised, to the tapes of `given.answers`"},
    {"format", FIELD_CHOICE, offsetof(struct test_args, format),
     "lines for people, the Test Anything Protocol, or JUnit's XML", .def = "text",
     .choices = formats},
    {0}};
static const struct field_set args_set = {
    .name = "test", .struct_size = sizeof(struct test_args), .fields = fields};

static const struct table_column columns[] = {{"pipeline", TABLE_TEXT}, {"test", TABLE_TEXT},
                                              {"passed", TABLE_BOOL},   {"elapsed_ms", TABLE_INT},
                                              {"problems", TABLE_TEXT}, {NULL, TABLE_TEXT}};

struct report {
    struct cli *cli;
    int format;
    struct table *table; /* -o json, jsonl, csv */
    size_t tests, failed;
    struct strbuf cases;  /* of JUnit */
    enum error_code code; /* a test could not be run at all */
};

static void xml_text(struct strbuf *out, const char *text)
{
    for (const char *c = text; *c != '\0'; c++) {
        switch (*c) {
        case '<': strbuf_adds(out, "&lt;"); break;
        case '>': strbuf_adds(out, "&gt;"); break;
        case '&': strbuf_adds(out, "&amp;"); break;
        case '"': strbuf_adds(out, "&quot;"); break;
        case '\n': strbuf_adds(out, "&#10;"); break;
        default: strbuf_addch(out, (unsigned char)*c < 0x20 ? ' ' : *c); break;
        }
    }
}

static void add_case(struct report *r, const struct test_result *t)
{
    struct strbuf *out = &r->cases;
    strbuf_adds(out, "    <testcase classname=\"");
    xml_text(out, t->pipeline);
    strbuf_adds(out, "\" name=\"");
    xml_text(out, t->name);
    strbuf_addf(out, "\" time=\"%" PRId64 ".%03" PRId64 "\"", t->elapsed_ms / 1000,
                t->elapsed_ms % 1000);
    if (t->passed) {
        strbuf_adds(out, "/>\n");
        return;
    }
    strbuf_adds(out,
                t->code != ERR_OK ? ">\n      <error message=\"" : ">\n      <failure message=\"");
    xml_text(out, t->problems[0]);
    strbuf_adds(out, "\">");
    for (size_t i = 0; i < t->nproblems; i++) {
        xml_text(out, t->problems[i]);
        strbuf_addch(out, '\n');
    }
    strbuf_adds(out, t->code != ERR_OK ? "</error>\n    </testcase>\n"
                                       : "</failure>\n    </testcase>\n");
}

static void print_lines(struct report *r, const struct test_result *t, struct strbuf *out)
{
    bool is_tap = r->format == FORMAT_TAP;
    if (is_tap)
        strbuf_addf(out, "%s %zu - %s: %s\n", t->passed ? "ok" : "not ok", r->tests, t->pipeline,
                    t->name);
    else
        strbuf_addf(out, "%s  %s: %s\n", t->passed ? "ok  " : "FAIL", t->pipeline, t->name);
    for (size_t i = 0; i < t->nproblems; i++)
        strbuf_addf(out, "%s%s\n", is_tap ? "# " : "        ", t->problems[i]);
}

static void done(void *self, const struct test_result *t)
{
    struct report *r = self;
    AUTO_STRBUF struct strbuf out = {0};
    strbuf_init(&out, 1 << 20);
    r->tests++;
    r->failed += !t->passed;
    if (r->code == ERR_OK)
        r->code = t->code;
    if (r->table != NULL) {
        for (size_t i = 0; i < t->nproblems; i++)
            strbuf_addf(&out, "%s%s", i > 0 ? "\n" : "", t->problems[i]);
        secret_redact(&out);
        table_row(r->table, (const char *[]){t->pipeline, t->name, t->passed ? "t" : "f",
                                             arena_printf(r->cli->arena, "%" PRId64, t->elapsed_ms),
                                             t->nproblems > 0 ? out.data : NULL});
    } else if (r->format == FORMAT_JUNIT) {
        add_case(r, t);
    } else {
        print_lines(r, t, &out);
        secret_redact(&out);
        fputs(out.data, r->cli->out);
    }
}

static int end(struct report *r, struct error *err)
{
    struct cli *cli = r->cli;
    if (r->table != NULL)
        return table_end(r->table, "no tests", err);
    if (r->format == FORMAT_TAP)
        fprintf(cli->out, "1..%zu\n", r->tests);
    if (r->format == FORMAT_JUNIT) {
        secret_redact(&r->cases);
        fprintf(cli->out,
                "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n"
                "  <testsuite name=\"diner pipeline test\" tests=\"%zu\" failures=\"%zu\">\n%s"
                "  </testsuite>\n</testsuites>\n",
                r->tests, r->failed, r->cases.data);
    }
    return 0;
}

/* What could not be run at all is told as such: a database that is down is no failed test. */
static int verdict(const struct report *r, struct error *err)
{
    if (r->failed == 0)
        return 0;
    bool is_outside = r->code == ERR_DATABASE_TRANSIENT || r->code == ERR_CONFIG ||
                      r->code == ERR_AUTH || r->code == ERR_BUG;
    return error_set(err, is_outside ? r->code : ERR_CHECK, "%zu of %zu tests failed", r->failed,
                     r->tests);
}

static int run(struct cli *cli, const void *bound, struct error *err)
{
    const struct test_args *args = bound;
    const char *const *names = args->names.items;
    size_t count = args->names.count;
    struct run_options options = engine_options(cli);
    struct report r = {.cli = cli, .format = args->format};
    struct test_options tests = {
        .run = &options, .only = args->only, .record = args->record, .done = done, .self = &r};
    if (count == 0) {
        const char **all;
        count = pipeline_names(cli->config, cli->arena, &all);
        names = all;
    }
    if (cli->output != CLI_OUTPUT_TABLE)
        r.table = table_new(cli, columns);
    strbuf_init(&r.cases, 64 << 20);
    int code = 0;
    for (size_t i = 0; i < count && code == 0; i++)
        code = tests_run(names[i], &tests, err);
    struct error ignored = ERROR_INIT;
    int printed = end(&r, code == 0 ? err : &ignored);
    strbuf_release(&r.cases);
    if (code != 0 || printed != 0)
        return code != 0 ? code : printed;
    cli_summary(cli, "%zu tests, %zu failed", r.tests, r.failed);
    return verdict(&r, err);
}

const struct command command_pipeline_test = {
    .name = "test",
    .summary = "run the tests that pipeline files hold",
    .description =
        "Each test gives a stream something to read and says what must come of it. The source "
        "reads and converts for real; transforms, lookups and checks run in PostgreSQL inside a "
        "transaction that is rolled back. A test without SQL needs no database; APIs answer from "
        "a body or a tape, so that no test needs a network.\n\n"
        "Exits 9 when a test failed.",
    .args = &args_set,
    .run = run,
    .flags = CLI_OUTPUT,
    .examples = (const struct command_example[]){
        {"diner pipeline test", "all tests of all pipelines"},
        {"diner pipeline test orders --format junit > tests.xml", "for CI"},
        {"diner pipeline test orders --record", "keep what the APIs answer today"},
        {0}}};
