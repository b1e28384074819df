/* cmd/perf_report.c - diner perf-report: its options, and what they mean. */
#include "perf_report.h"
#include "commands.h"
#include "core/secret.h"
#include "net/loadgen.h"

#include <string.h>
#include <strings.h>

#define HEADERS_MAX  64
#define ROUND_MIN_MS 100
#define LOAD_MAX_MS  (3 * LOADGEN_DURATION_MAX_MS) /* what warm-up and duration may ask for */

#define AT(member) .offset = offsetof(struct perf_args, member)

static const struct field fields[] = {
    {"url", FIELD_STRING, AT(url), "what is asked, over and over", .arg = "URL",
     .flags = FIELD_POSITIONAL},
    {"config", FIELD_STRING, AT(config), "measure what this perf.yaml names, phase by phase",
     .arg = "FILE", .complete = "file"},
    {"from", FIELD_STRING, AT(from),
     "report what wrk, hey, k6, vegeta or diner saved, instead of loading", .arg = "FILE",
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
    {"baseline", FIELD_STRING, AT(baseline),
     "compare with this study: what --save kept of an earlier run", .arg = "FILE",
     .complete = "file"},
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

static int resolve_headers(struct cli *cli, const struct perf_args *a, struct perf_config *c,
                           struct error *err)
{
    struct http_header h = {0};
    size_t n = a->headers.count;
    if (n > HEADERS_MAX)
        return error_set(err, ERR_USAGE, "more than %d headers", HEADERS_MAX);
    c->headers.keys = arena_array(cli->arena, n + 1, sizeof *c->headers.keys);
    c->headers.values = arena_array(cli->arena, n + 1, sizeof *c->headers.values);
    for (size_t i = 0; i < n; i++) {
        TRY(resolve_header(cli, a->headers.items[i], &h, err));
        c->headers.keys[i] = h.name;
        c->headers.values[i] = h.value;
    }
    c->headers.count = n;
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

/* The load of a URL is cut into as many rounds as a configuration would have. */
int perf_config_of_args(struct cli *cli, const struct perf_args *a, struct perf_config *c,
                        struct error *err)
{
    TRY(perf_config_of_url(a->url, cli->arena, c, err));
    TRY(rate_per_second(&a->rate, &c->load.rate_per_s, err));
    TRY(resolve_headers(cli, a, c, err));
    int64_t round_ms = a->duration_ms / c->load.rounds;
    c->load.rate = a->rate;
    c->load.connections = a->connections;
    c->load.duration_ms = round_ms < ROUND_MIN_MS ? ROUND_MIN_MS : round_ms;
    c->load.warmup_ms = a->warmup_ms;
    c->load.timeout_ms = a->timeout_ms;
    c->load.max_requests = a->max_requests;
    c->load.max_time_ms = LOAD_MAX_MS;
    c->ca_file = a->ca_file;
    c->directory = ".";
    struct perf_endpoint_config *e = c->endpoints.items;
    e->body_file = a->body_file;
    e->method = a->method != NULL ? a->method : a->body_file != NULL ? "POST" : e->method;
    return 0;
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
     "compare with it; exit 9 when something is worse"},
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
        "every form that is named. A URL, with --db or without, is the same for one endpoint with "
        "defaults; --db alone looks at a database; --from takes a saved study, or what wrk, hey, "
        "k6 or vegeta printed. Each phase is also a command of its own.\n\n"
        "With --rate the load is an open model: times count from when a request was meant to "
        "start, so a stall shows. Without it, --connections ask again as soon as they are "
        "answered: "
        "a closed model, for capacity.\n\n"
        "Exits with 9 when a check failed: a target missed, something worse than the baseline; "
        "with "
        "--strict also when one could not be decided. A figure that was not measured says so and "
        "why. Load only what you are allowed to.",
    .children = phases,
    .args = &arg_set,
    .examples = examples,
    .flags = CLI_OUTPUT,
    .run = perf_run,
};
