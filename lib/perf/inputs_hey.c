/* lib/perf/inputs_hey.c - what hey prints, and its csv of single requests. */
#include "perf/inputs_internal.h"
#include "perf/record.h"

#include <math.h>
#include <stdlib.h>

#define CSV_HEADER                                                                                 \
    "response-time,DNS+dialup,DNS,Request-write,Response-delay,Response-read,status-code,offset"
#define CSV_ROWS_MAX    ((size_t)2000000)
#define CSV_SECONDS_MAX 86400.0
/* hey keeps the latencies of so many requests and drops the others without a word. */
#define HEY_KEEPS 1000000

bool input_is_hey(struct span text)
{
    size_t n = text.len < 4096 ? text.len : 4096;
    return memmem(text.ptr, n, "Summary:", 8) != NULL && memmem(text.ptr, n, "Slowest:", 8) != NULL;
}

bool input_is_hey_csv(struct span text)
{
    return line_starts(text, CSV_HEADER);
}

static void count_status(struct perf_result *r, uint64_t status, uint64_t times)
{
    /* hey follows redirects itself, so a 3xx is one that it could not follow. */
    bool ok = (status >= 200 && status < 300) || status == 304;
    r->outcomes[ok ? LOADGEN_OK : status == 429 ? LOADGEN_LIMITED : LOADGEN_STATUS] += times;
}

/* ---- text ---------------------------------------------------------------------------------- */

struct hey {
    double total_s, mean_s, slowest_s, rate;
    bool has_total, has_mean, has_slowest, has_rate, has_statuses, in_errors, in_statuses;
    double percentiles_s[PERF_PERCENTILES]; /* below 0: not printed */
};

/* "  Total:\t0.1593 secs"; NaN (no answer at all) leaves *has false. */
static int read_seconds(struct input *in, const char *mark, double *ret, bool *has,
                        struct error *err)
{
    struct span value = line_after(in->line, mark);
    if (line_starts(value, "NaN"))
        return 0;
    if (!span_number(value, ret, NULL))
        return input_error(in, err, "expected a number after '%s'", mark);
    *has = true;
    return 0;
}

/* "  [200]\t183 responses", and in the error distribution "  [10]\tGet ...: refused". */
static int read_bracket(struct input *in, struct hey *h, struct perf_result *r, struct error *err)
{
    uint64_t inside, times;
    struct span rest;
    if (!span_count(line_after(in->line, "["), &inside, &rest) || rest.len == 0 ||
        rest.ptr[0] != ']')
        return input_error(in, err, "expected '[N]'");
    rest = (struct span){rest.ptr + 1, rest.len - 1};
    if (h->in_statuses) {
        if (!span_count(rest, &times, NULL) || times > (uint64_t)1e12)
            return input_error(in, err, "expected the number of responses");
        count_status(r, inside, times);
        return 0;
    }
    if (inside > (uint64_t)1e12)
        return input_error(in, err, "the number of errors is out of range");
    bool timeout = line_after(rest, "Timeout").ptr || line_after(rest, "deadline").ptr;
    bool connect = line_after(rest, "dial ").ptr != NULL;
    r->outcomes[timeout ? LOADGEN_TIMEOUT : connect ? LOADGEN_CONNECT : LOADGEN_CUT] += inside;
    return 0;
}

/* "  95% in 0.0062 secs" */
static int read_percentile(struct input *in, struct hey *h, struct error *err)
{
    double percent, seconds;
    if (!span_number(in->line, &percent, NULL) ||
        !span_number(line_after(in->line, "% in "), &seconds, NULL))
        return input_error(in, err, "expected 'N%% in SECONDS secs'");
    for (size_t i = 0; i < PERF_PERCENTILES; i++)
        if (fabs(perf_percentiles[i] - percent) < 1e-9)
            h->percentiles_s[i] = seconds;
    return 0;
}

static int read_line(struct input *in, struct hey *h, struct perf_result *r, struct error *err)
{
    struct span line = in->line;
    if (line_starts(line, "Status code distribution:")) {
        h->in_statuses = h->has_statuses = true;
        h->in_errors = false;
        return 0;
    }
    if (line_starts(line, "Error distribution:")) {
        h->in_errors = true;
        h->in_statuses = false;
        return 0;
    }
    if ((h->in_statuses || h->in_errors) && line_starts(line, "  ["))
        return read_bracket(in, h, r, err);
    if (line_starts(line, "  Total:"))
        return read_seconds(in, "Total:", &h->total_s, &h->has_total, err);
    if (line_starts(line, "  Slowest:"))
        return read_seconds(in, "Slowest:", &h->slowest_s, &h->has_slowest, err);
    if (line_starts(line, "  Average:"))
        return read_seconds(in, "Average:", &h->mean_s, &h->has_mean, err);
    if (line_starts(line, "  Requests/sec:"))
        return read_seconds(in, "Requests/sec:", &h->rate, &h->has_rate, err);
    if (line_after(line, "% in ").ptr != NULL)
        return read_percentile(in, h, err);
    return 0;
}

static void note_hey(struct perf_result *r, struct arena *arena)
{
    r->profile.model = PERF_MODEL_CLOSED;
    r->sent = perf_requests(r);
    perf_note(r, arena,
              "hey sends the next request only after the answer to the last: a stall of "
              "the server is one slow request in its latencies; it tells times to "
              "0.1 ms");
    if (r->sent > HEY_KEEPS)
        perf_note(r, arena, "hey keeps the latencies of its first 1,000,000 requests only");
}

int input_parse_hey(struct input *in, struct perf_result *ret, struct error *err)
{
    struct hey h = {0};
    struct perf_result r;
    perf_result_init(&r, in->arena, "hey");
    for (size_t i = 0; i < PERF_PERCENTILES; i++)
        h.percentiles_s[i] = -1;
    while (input_next_line(in))
        TRY(read_line(in, &h, &r, err));
    if (!h.has_total || !h.has_rate || !h.has_statuses || h.total_s <= 0)
        return input_error(in, err, "the file ends before hey's '%s': it is incomplete",
                           h.has_rate ? "Status code distribution:" : "Requests/sec:");
    note_hey(&r, in->arena);
    r.profile.duration_s = h.total_s;
    perf_result_rate_errors(&r);
    r.rps = perf_measured((double)r.outcomes[LOADGEN_OK] / h.total_s);
    uint64_t answered =
        r.outcomes[LOADGEN_OK] + r.outcomes[LOADGEN_LIMITED] + r.outcomes[LOADGEN_STATUS];
    if (h.has_mean && answered > 0) {
        r.mean = perf_measured(h.mean_s * 1000);
        r.max = perf_measured(h.slowest_s * 1000);
    }
    for (size_t i = 0; i < PERF_PERCENTILES && answered == 0; i++)
        r.percentiles[i] = r.mean = r.max = perf_unknown("no request was answered");
    for (size_t i = 0; i < PERF_PERCENTILES && answered > 0; i++)
        if (h.percentiles_s[i] >= 0)
            r.percentiles[i] = perf_supported(perf_measured(h.percentiles_s[i] * 1000),
                                              perf_percentiles[i], answered, in->arena);
    if (answered > r.outcomes[LOADGEN_OK])
        perf_note(&r, in->arena, "hey's latencies include failed answers and 429s");
    *ret = r;
    return 0;
}

/* ---- csv ----------------------------------------------------------------------------------- */

struct hey_row {
    double start_s, response_s;
    int status;
};

static int compare_end(const void *a, const void *b)
{
    const struct hey_row *x = a, *y = b;
    double end_x = x->start_s + x->response_s, end_y = y->start_s + y->response_s;
    return (end_x > end_y) - (end_x < end_y);
}

static int read_row(struct input *in, struct hey_row *row, struct error *err)
{
    double values[8];
    struct span rest = in->line;
    for (int i = 0; i < 8; i++) {
        if (!span_number(rest, &values[i], &rest))
            return input_error(in, err, "expected 8 numbers, column %d is none", i + 1);
        if (i < 7 && (rest.len == 0 || rest.ptr[0] != ','))
            return input_error(in, err, "expected 8 numbers, found %d", i + 1);
        if (i < 7)
            rest = (struct span){rest.ptr + 1, rest.len - 1};
    }
    if (rest.len > 0)
        return input_error(in, err, "more than 8 columns");
    if (values[0] > CSV_SECONDS_MAX || values[7] > CSV_SECONDS_MAX || values[6] > 999)
        return input_error(in, err, "a value is out of range");
    *row = (struct hey_row){values[7], values[0], (int)values[6]};
    return 0;
}

static int read_rows(struct input *in, struct hey_row **ret_rows, size_t *ret_n, struct error *err)
{
    size_t n = 0, capacity = 0;
    struct hey_row *rows = NULL;
    int code = 0;
    (void)input_next_line(in); /* the header */
    while (code == 0 && input_next_line(in)) {
        if (in->line.len == 0)
            continue;
        if (n == CSV_ROWS_MAX) {
            code = input_error(in, err, "more than %zu rows", CSV_ROWS_MAX);
            break;
        }
        rows = mem_grow(rows, &capacity, n + 1, sizeof *rows);
        code = read_row(in, &rows[n++], err);
    }
    if (code != 0) {
        free(rows);
        return code;
    }
    *ret_rows = rows;
    *ret_n = n;
    return 0;
}

int input_parse_hey_csv(struct input *in, struct perf_result *ret, struct error *err)
{
    AUTOFREE struct hey_row *rows = NULL;
    size_t n = 0;
    TRY(read_rows(in, &rows, &n, err));
    if (rows == NULL)
        return input_error(in, err, "the file has no row: no request was answered");
    qsort(rows, n, sizeof *rows, compare_end);
    double first = rows[0].start_s, last = rows[n - 1].start_s + rows[n - 1].response_s;
    for (size_t i = 1; i < n; i++)
        first = fmin(first, rows[i].start_s);
    double window = fmax(last - first, 0.001);
    struct recorder *recorder = recorder_new(window * 1.000001); /* the last row is inside */
    struct perf_result r, counted = {0};
    perf_result_init(&r, in->arena, "hey");
    for (size_t i = 0; i < n; i++) {
        int64_t us = (int64_t)llround(rows[i].response_s * 1e6);
        counted.outcomes[LOADGEN_OK] = counted.outcomes[LOADGEN_LIMITED] = 0;
        count_status(&counted, (uint64_t)rows[i].status, 1);
        enum loadgen_outcome outcome = counted.outcomes[LOADGEN_OK]        ? LOADGEN_OK
                                       : counted.outcomes[LOADGEN_LIMITED] ? LOADGEN_LIMITED
                                                                           : LOADGEN_STATUS;
        recorder_add(recorder, rows[i].start_s + rows[i].response_s - first, us, us, outcome);
    }
    recorder_finish(recorder, window * 1.000001, in->arena, &r);
    recorder_free(recorder);
    r.profile.duration_s = window;
    note_hey(&r, in->arena);
    perf_note(&r, in->arena,
              "hey's csv has no row for a request that got no answer: connection "
              "failures and timeouts are not in the error rate");
    *ret = r;
    return 0;
}
