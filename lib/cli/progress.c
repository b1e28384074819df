#include "cli/progress.h"
#include "cli/internal.h"
#include "cli/table.h"
#include "core/clock.h"
#include "core/message.h"
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#define FIRST_MS   1000
#define REDRAW_MS  200
#define LOOKS_NEAR 10 /* looks closer together than this are made rarer */
#define SKIP_MAX   1024
#define LABEL_MAX  64

struct progress {
    FILE *err; /* NULL: nothing is shown */
    char label[LABEL_MAX];
    int64_t begin_ms, looked_ms, drawn_ms;
    unsigned skip, skipped; /* updates between two looks at the clock */
    bool shown;
};

void progress_label(struct progress *p, const char *label)
{
    if (p)
        (void)snprintf(p->label, sizeof(p->label), "%s", label);
}

struct progress *progress_begin(struct cli *cli, const char *label)
{
    struct progress *p = mem_alloc(sizeof(*p));

    if (!cli->quiet && isatty(fileno(cli->err)) == 1)
        p->err = cli->err;
    p->begin_ms = p->looked_ms = p->drawn_ms = clock_monotonic_ms();
    progress_label(p, label);
    return p;
}

static void add_count(struct strbuf *out, uint64_t n)
{
    char digits[24];
    int length = snprintf(digits, sizeof(digits), "%" PRIu64, n);

    for (int i = 0; i < length; i++) {
        if (i > 0 && (length - i) % 3 == 0)
            strbuf_addch(out, ',');
        strbuf_addch(out, digits[i]);
    }
}

static void add_bytes(struct strbuf *out, uint64_t bytes)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    uint64_t tenths = bytes * 10;
    size_t unit = 0;

    for (; tenths >= 10240 && unit < 4; unit++)
        tenths /= 1024;
    if (unit == 0)
        strbuf_addf(out, "%" PRIu64 " B", bytes);
    else
        strbuf_addf(out, "%" PRIu64 ".%" PRIu64 " %s", tenths / 10, tenths % 10, units[unit]);
}

static void add_left(struct strbuf *out, uint64_t done, uint64_t total, int64_t elapsed_ms)
{
    uint64_t left_s;

    if (done == 0 || done > total)
        return;
    left_s = (uint64_t)((double)(total - done) / (double)done * (double)elapsed_ms / 1000.0);
    if (left_s >= 3600)
        strbuf_addf(out, message_text(", %" PRIu64 " h %02" PRIu64 " min left"), left_s / 3600,
                    left_s / 60 % 60);
    else if (left_s >= 60)
        strbuf_addf(out, message_text(", %" PRIu64 " min %02" PRIu64 " s left"), left_s / 60,
                    left_s % 60);
    else
        strbuf_addf(out, message_text(", %" PRIu64 " s left"), left_s);
}

static size_t terminal_columns(const struct progress *p)
{
    size_t columns = cli_terminal_columns(p->err);
    return columns > 0 ? columns : 80;
}

/* Cut so that the line never wraps: a wrapped one could not be wiped. */
static void cut_to(struct strbuf *line, size_t columns)
{
    size_t n = line->len;

    while (n > 0 && display_width(line->data, n) > columns)
        do {
            n--;
        } while (n > 0 && ((unsigned char)line->data[n] & 0xC0) == 0x80);
    strbuf_truncate(line, n);
}

static void draw(struct progress *p, uint64_t rows, uint64_t done, uint64_t total, int64_t now_ms)
{
    AUTO_STRBUF struct strbuf line = {0};
    int64_t elapsed_ms = now_ms - p->begin_ms;
    const char *label = message_text(p->label);

    strbuf_init(&line, 4096);
    cli_add_safe(&line, label, strlen(label), false);
    strbuf_adds(&line, ": ");
    add_count(&line, rows);
    strbuf_adds(&line, message_text(" rows, "));
    add_count(&line, (uint64_t)((double)rows * 1000.0 / (double)elapsed_ms));
    strbuf_adds(&line, "/s");
    if (done > 0) {
        strbuf_adds(&line, ", ");
        add_bytes(&line, done);
    }
    if (total > 0) {
        strbuf_adds(&line, message_text(" of "));
        add_bytes(&line, total);
        add_left(&line, done, total, elapsed_ms);
    }
    cut_to(&line, terminal_columns(p) - 1);
    (void)fprintf(p->err, "\r%s\033[K", line.data);
    (void)fflush(p->err);
    p->shown = true;
    p->drawn_ms = now_ms;
}

void progress_update(struct progress *p, uint64_t rows, uint64_t done_bytes, uint64_t total_bytes)
{
    if (!p || !p->err || p->skipped++ < p->skip)
        return;
    p->skipped = 0;
    int64_t now_ms = clock_monotonic_ms();
    if (now_ms - p->looked_ms < LOOKS_NEAR)
        p->skip = p->skip < SKIP_MAX ? 2 * p->skip + 1 : p->skip;
    else
        p->skip /= 4;
    p->looked_ms = now_ms;
    if (now_ms - p->begin_ms >= FIRST_MS && now_ms - p->drawn_ms >= REDRAW_MS)
        draw(p, rows, done_bytes, total_bytes, now_ms);
}

void progress_end(struct progress *p)
{
    if (!p)
        return;
    if (p->shown) {
        (void)fputs("\r\033[K", p->err);
        (void)fflush(p->err);
    }
    free(p);
}
