/* cmd/perf_report.c - diner perf-report: measure or read, compare, judge, write. */
#include "perf_report.h"
#include "cli/progress.h"
#include "cli/table.h"
#include "commands.h"
#include "core/fileio.h"
#include "core/message.h"
#include "core/secret.h"
#include "core/signals.h"
#include "perf.h"
#include "perf/inputs.h"
#include "perf/load.h"
#include "perf/report.h"

#include <string.h>
#include <strings.h>

#define REPORT_MAX_BYTES ((size_t)16 << 20)
#define BODY_MAX_BYTES   ((size_t)32 << 20)
#define HEADERS_MAX      64

#define AT(member) .offset = offsetof(struct perf_args, member)

static const struct field fields[] = {
    {"url", FIELD_STRING, AT(url), "what is asked, over and over", .arg = "URL",
     .flags = FIELD_POSITIONAL},
    {"config", FIELD_STRING, AT(config), "measure what this perf.yaml names, phase by phase",
     .arg = "FILE", .complete = "file"},
    {"from", FIELD_STRING, AT(from),
     "report a result that wrk, hey, k6 or diner saved, instead of loading", .arg = "FILE",
     .complete = "file"},
    {"rate", FIELD_RATE, AT(rate),
     "open model: start so many requests, whether answers come or not", .arg = "N/s"},
    {"connections", FIELD_INT, AT(connections),
     "closed model: so many at work all the time; with --rate: at most", 'c', .arg = "N",
     .config = "perf.connections", .min = 1, .max = LOADGEN_CONNECTIONS_MAX},
    {"duration", FIELD_DURATION, AT(duration_ms), "how long is measured", 'd',
     .config = "perf.duration", .min = 100, .max = LOADGEN_DURATION_MAX_MS},
    {"warmup", FIELD_DURATION, AT(warmup_ms), "load before that, not counted", .def = "2s",
     .min = 0, .max = LOADGEN_DURATION_MAX_MS},
    {"timeout", FIELD_DURATION, AT(timeout_ms), "time limit of one request", .def = "5s", .min = 1,
     .max = 600000},
    {"max-requests", FIELD_INT, AT(max_requests), "end early after so many requests", .arg = "N",
     .def = "10000000", .min = 1, .max = (int64_t)LOADGEN_REQUESTS_MAX},
    {"method", FIELD_STRING, AT(method), "GET, or POST when there is a body", 'X', .arg = "METHOD"},
    {"header", FIELD_STRINGS, AT(headers),
     "a header to send; secrets as 'Authorization: Bearer env:TOKEN'", 'H', .arg = "'NAME: VALUE'",
     .flags = FIELD_REPEAT},
    {"body-file", FIELD_STRING, AT(body_file), "send this file as the body", .arg = "FILE",
     .complete = "file"},
    {"ca-file", FIELD_STRING, AT(ca_file),
     "authority that an https URL's certificate is checked by", .arg = "FILE", .complete = "file"},
    {"db", FIELD_STRING, AT(db),
     "also measure this database: a connection's name, env:NAME, file:PATH or a DSN without "
     "password",
     .arg = "DSN"},
    {"baseline", FIELD_STRING, AT(baseline), "compare with this report (JSON of an earlier run)",
     .arg = "FILE", .complete = "file"},
    {"min-change", FIELD_FRACTION, AT(min_change),
     "smaller changes against the baseline are called the same", .arg = "PERCENT", .def = "10%"},
    {"out-file", FIELD_STRING, AT(out_file), "write the report there instead of to stdout",
     .arg = "FILE", .complete = "file"},
    {"save", FIELD_STRING, AT(save), "also write what was measured there, for a later --baseline",
     .arg = "FILE", .complete = "file"},
    {"save-before", FIELD_STRING, AT(save_before), "the same of the configuration's `before`",
     .arg = "FILE", .complete = "file"},
    {"target", FIELD_STRINGS, AT(targets), "what must hold, in k6's words: 'p(95)<200'", 't',
     .arg = "RULE", .flags = FIELD_REPEAT},
    {"strict", FIELD_BOOL, AT(strict), "what could not be decided fails too"},
    {"target-p95", FIELD_DURATION, AT(target_p95_ms), "P95 of the response time must be below",
     .config = "perf.target_p95"},
    {"target-mean", FIELD_DURATION, AT(target_mean_ms), "its mean must be below",
     .config = "perf.target_mean"},
    {"target-database", FIELD_DURATION, AT(target_database_ms),
     "database time per request must be below", .config = "perf.target_database"},
    {"target-rps", FIELD_INT, AT(target_rps),
     "at least so many successful requests a second; 0: no target", .arg = "N",
     .config = "perf.target_rps", .min = 0, .max = INT32_MAX},
    {"target-error-rate", FIELD_FRACTION, AT(target_error_rate),
     "failed requests must be below; 429 is counted apart", .arg = "PERCENT",
     .config = "perf.target_error_rate"},
    PERF_OUTPUT_FIELDS(struct perf_args, outputs),
    {0},
};
static const struct field_set arg_set = {
    .name = "perf-report",
    .help = "What to load and how, what to compare with, what must hold",
    .struct_size = sizeof(struct perf_args),
    .fields = fields,
};

/* ---- what the options mean ------------------------------------------------------------------ */

static bool is_reference(const char *text)
{
    return strncmp(text, "env:", 4) == 0 || strncmp(text, "file:", 5) == 0 ||
           strncmp(text, "cmd:", 4) == 0;
}

static int check_args(const struct perf_args *a, struct error *err)
{
    if ((a->url == NULL) == (a->from == NULL)) {
        error_set(err, ERR_USAGE, "%s",
                  a->url ? message_text("a URL and --from exclude each other")
                         : message_text("a URL to load is missing"));
        return error_hint(err, "diner perf-report http://127.0.0.1:8080/api/v1/products, or "
                               "--from FILE for what wrk, hey or k6 measured");
    }
    return 0;
}

static bool is_secret_header(const char *name)
{
    static const char *const names[] = {"Authorization", "Proxy-Authorization", "Cookie",
                                        "X-Api-Key"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcasecmp(name, names[i]) == 0)
            return true;
    return false;
}

/* "Authorization: Bearer env:TOKEN": a reference is the value or its second word. */
static int resolve_header(struct cli *cli, const char *text, struct http_header *ret,
                          struct error *err)
{
    const char *colon = strchr(text, ':');
    if (colon == NULL || colon == text)
        return error_set(err, ERR_USAGE, "header '%.40s' has no 'NAME: VALUE'", text);
    const char *value = colon + 1 + strspn(colon + 1, " \t");
    const char *space = strchr(value, ' ');
    const char *reference = is_reference(value)                        ? value
                            : space != NULL && is_reference(space + 1) ? space + 1
                                                                       : NULL;
    ret->name = arena_strndup(cli->arena, text, (size_t)(colon - text));
    ret->value = arena_strdup(cli->arena, value);
    if (reference == NULL && is_secret_header(ret->name)) {
        error_set(err, ERR_USAGE, "the value of header '%s' may not stand on the command line",
                  ret->name);
        return error_hint(err, "put it into a variable: --header '%s: Bearer env:NAME'", ret->name);
    }
    if (reference == NULL)
        return 0;
    char *secret = NULL;
    TRY(secret_resolve(reference, &secret, err));
    ret->value = arena_printf(cli->arena, "%.*s%s", (int)(reference - value), value, secret);
    secret_free(secret);
    return 0;
}

static int resolve_headers(struct cli *cli, const struct perf_args *a, struct loadgen_options *o,
                           struct error *err)
{
    if (a->headers.count > HEADERS_MAX)
        return error_set(err, ERR_USAGE, "more than %d headers", HEADERS_MAX);
    struct http_header *headers = arena_array(cli->arena, a->headers.count + 1, sizeof *headers);
    for (size_t i = 0; i < a->headers.count; i++)
        TRY(resolve_header(cli, a->headers.items[i], &headers[i], err));
    o->headers = headers;
    o->nheaders = a->headers.count;
    return 0;
}

static int rate_per_second(const struct field_rate *rate, int64_t *ret, struct error *err)
{
    if (rate->per_ms == 0)
        return 0;
    int64_t scaled = rate->count > INT64_MAX / 1000 ? 0 : rate->count * 1000;
    if (scaled == 0 || scaled % rate->per_ms != 0 || scaled / rate->per_ms > LOADGEN_RATE_MAX)
        return error_set(err, ERR_USAGE, "--rate must be a whole number a second, at most %d/s",
                         LOADGEN_RATE_MAX);
    *ret = scaled / rate->per_ms;
    return 0;
}

int perf_resolve_load(struct cli *cli, const struct perf_args *a, struct strbuf *body,
                      struct loadgen_options *o, struct error *err)
{
    *o = (struct loadgen_options){.url = a->url,
                                  .method = a->method,
                                  .connections = a->connections,
                                  .warmup_ms = a->warmup_ms,
                                  .duration_ms = a->duration_ms,
                                  .timeout_ms = a->timeout_ms,
                                  .ca_file = a->ca_file,
                                  .requests_max = (uint64_t)a->max_requests};
    TRY(rate_per_second(&a->rate, &o->rate_per_s, err));
    TRY(resolve_headers(cli, a, o, err));
    if (a->body_file != NULL) {
        TRY(file_read(a->body_file, BODY_MAX_BYTES, body, err));
        o->body = (struct span){body->data, body->len};
    }
    return 0;
}

/* ---- measuring ------------------------------------------------------------------------------ */

static void show_progress(void *self, int64_t elapsed_ns, uint64_t sent)
{
    (void)elapsed_ns;
    progress_update(self, sent, 0, 0);
}

static int run_load(struct cli *cli, const struct loadgen_options *o, struct perf_result *ret,
                    struct error *err)
{
    struct progress *progress = progress_begin(cli, "loading");
    struct perf_load load = {.http = *o, .tick = show_progress, .self = progress};
    int code = perf_load_run(&load, cli->arena, ret, err);
    progress_end(progress);
    return code;
}

static int measure(struct cli *cli, const struct perf_args *a, const struct perf_result *before,
                   struct perf_result *ret, struct error *err)
{
    AUTO_STRBUF struct strbuf body = {0};
    struct loadgen_options o;
    struct perf_profile profile;
    strbuf_init(&body, BODY_MAX_BYTES);
    if (a->from != NULL) {
        TRY(perf_input_read(a->from, cli->arena, ret, err));
        int code = before ? perf_profiles_check(&before->profile, &ret->profile, err) : 0;
        if (code != 0)
            perf_result_release(ret);
        return code;
    }
    TRY(perf_resolve_load(cli, a, &body, &o, err));
    perf_load_profile(&o, cli->arena, &profile);
    if (before != NULL) /* before the load, not after half a minute of it */
        TRY(perf_profiles_check(&before->profile, &profile, err));
    return run_load(cli, &o, ret, err);
}

/* ---- writing -------------------------------------------------------------------------------- */

static int write_file(const char *path, const struct strbuf *text, struct error *err)
{
    struct atomic_file *f = NULL;
    if (text->overflow)
        return error_set(err, ERR_LIMIT, "the report is larger than 16 MiB");
    TRY(atomic_file_open(path, &f, err));
    if (atomic_file_write(f, text->data, text->len, err) != 0) {
        atomic_file_discard(f);
        return err->code;
    }
    return atomic_file_commit(f, err);
}

static int write_rows(struct cli *cli, const struct perf_report *r, struct error *err)
{
    const struct table_column columns[] = {{"metric", TABLE_TEXT},      {"before", TABLE_TEXT},
                                           {"target", TABLE_TEXT},      {"after", TABLE_TEXT},
                                           {"improvement", TABLE_TEXT}, {NULL, TABLE_TEXT}};
    const char *cells[REPORT_COLUMNS];
    struct table *t = table_new(cli, columns);
    for (int i = 0; i < PERF_METRICS; i++) {
        report_row(r, (enum perf_metric)i, cli->arena, cells);
        table_row(t, cells);
    }
    return table_end(t, NULL, err);
}

static int write_report(struct cli *cli, const struct perf_args *a, const struct perf_report *r,
                        struct error *err)
{
    AUTO_STRBUF struct strbuf text = {0};
    strbuf_init(&text, REPORT_MAX_BYTES);
    if (a->save != NULL) {
        report_json(r, &text);
        TRY(write_file(a->save, &text, err));
        strbuf_clear(&text);
    }
    bool rows_only = cli->output == CLI_OUTPUT_JSONL || cli->output == CLI_OUTPUT_CSV;
    if (rows_only && a->out_file == NULL)
        return write_rows(cli, r, err);
    if (rows_only)
        return error_set(err, ERR_USAGE, "--out-file takes the report as -o table or -o json");
    if (cli->output == CLI_OUTPUT_JSON)
        report_json(r, &text);
    else
        report_markdown(r, &text);
    if (a->out_file != NULL)
        return write_file(a->out_file, &text, err);
    (void)fwrite(text.data, 1, text.len, cli->out); /* checked when the command ends */
    return 0;
}

static int judge(struct cli *cli, const struct perf_args *a, const struct perf_result *before,
                 const struct perf_result *after, struct error *err)
{
    const struct perf_targets targets = {.p95_ms = (double)a->target_p95_ms,
                                         .mean_ms = (double)a->target_mean_ms,
                                         .database_ms = (double)a->target_database_ms,
                                         .rps = (double)a->target_rps,
                                         .error_rate = (double)a->target_error_rate / 1e6};
    struct compare_rule rule;
    struct perf_comparison comparison = {0};
    struct gate gate;
    compare_rule_default(&rule);
    rule.min_change = (double)a->min_change / 1e6;
    if (before != NULL)
        perf_compare(before, after, &rule, cli->arena, &comparison);
    gate_evaluate(after, &targets, before ? &comparison : NULL, cli->arena, &gate);
    const struct perf_report report = {.before = before,
                                       .after = after,
                                       .targets = &targets,
                                       .comparison = before ? &comparison : NULL,
                                       .gate = &gate,
                                       .before_name = a->baseline};
    TRY(write_report(cli, a, &report, err));
    cli_summary(cli, "perf-report: %llu requests, %llu failed, %llu rate-limited: %s",
                (unsigned long long)perf_requests(after), (unsigned long long)perf_errors(after),
                (unsigned long long)after->outcomes[LOADGEN_LIMITED], report_verdict(&report));
    TRY(signals_check(err));
    return gate_result(&gate, err);
}

static int run(struct cli *cli, const void *bound, struct error *err)
{
    const struct perf_args *a = bound;
    struct perf_result before = {0}, after = {0};
    if (perf_wants_study(cli, a))
        return perf_run_study(cli, a, err);
    TRY(check_args(a, err));
    if (a->baseline != NULL)
        TRY(perf_input_read(a->baseline, cli->arena, &before, err));
    int code = measure(cli, a, a->baseline ? &before : NULL, &after, err);
    if (code == 0)
        code = judge(cli, a, a->baseline ? &before : NULL, &after, err);
    perf_result_release(&before);
    perf_result_release(&after);
    return code;
}

static const struct command_example examples[] = {
    {"diner perf-report http://127.0.0.1:8080/health --connections 8 --duration 1s --warmup 0s "
     "--target-rps 1",
     "load an address for a second and see where it stands"},
    {"diner perf-report http://127.0.0.1:8080/health --rate 100/s --duration 1s --warmup 0s "
     "--save main.json",
     "keep the run as a baseline"},
    {"diner perf-report http://127.0.0.1:8080/health --rate 100/s --duration 1s --warmup 0s "
     "--baseline main.json",
     "compare with it; exit 9 when it is clearly worse"},
    {"diner perf-report --config configs/perf.yaml --save study.json --html report.html",
     "all phases, into one page"},
    {"diner perf-report http://127.0.0.1:8080/health --db warehouse --html report.html",
     "one endpoint and its database, with causes and cures"},
    {0},
};

static const struct command *const phases[] = {
    &command_perf_snapshot, &command_perf_load,    &command_perf_attribute,
    &command_perf_diagnose, &command_perf_compare, &command_perf_gate,
    &command_perf_render,   &command_perf_lint,    NULL};

const struct command command_perf_report = {
    .name = "perf-report",
    .summary = "measure an API and its database, find why it is slow, judge, and report",
    .description =
        "With --config it is one run of all phases: a look at the database before and after, the "
        "load of each endpoint and of all, the statements of each, the causes and their cures, the "
        "comparison with --baseline (a study that --save kept), the targets, and the report in "
        "every form that is named. A URL with --db, or with a form (--html), a --target or "
        "--strict, does the same for one endpoint; --db alone looks at a database, --from "
        "takes a saved study. Each phase is also a command of its own.\n\n"
        "A URL without any of these is loaded once, at a rate (open model: times count from when a "
        "request was meant to start, so a stall shows) or from a number of connections (closed "
        "model: for capacity), and the P95 of the response time, the successful "
        "requests a second and the error rate are set against targets and an "
        "earlier run.\n\n"
        "Exits with 9 when a target is missed or the baseline is clearly worse; a figure that "
        "was not measured says so and why. Load only what you are allowed to.",
    .children = phases,
    .args = &arg_set,
    .examples = examples,
    .flags = CLI_OUTPUT,
    .run = run,
};
