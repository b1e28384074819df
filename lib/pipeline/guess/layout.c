#include "pipeline/guess/layout.h"

#include "core/message.h"
#include "pipeline/column.h"
#include "pipeline/guess/seen.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define HEAD_BYTES  ((size_t)1 << 20)
#define HEADER_MAX  40 /* records in which a header is looked for */
#define LABEL_BYTES 40

/* ---- the first bytes -------------------------------------------------------------------- */

/* Ends with a whole line, so that no candidate is blamed for where the head was cut. */
static size_t whole_lines(const char *s, size_t n, const char *encoding)
{
    bool wide = strncmp(encoding, "UTF-16", 6) == 0;
    size_t low = strcmp(encoding, "UTF-16BE") == 0 ? 1 : 0;
    for (size_t i = n; i > 1; i--) {
        if (!wide && s[i - 1] == '\n')
            return i;
        if (wide && i % 2 == 0 && s[i - 2 + low] == '\n' && s[i - 1 - low] == '\0')
            return i;
    }
    return n;
}

static int read_head(const char *path, struct layout *l, struct arena *arena, struct error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return error_set_errno(err, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO, errno,
                               "cannot open '%s'", path);
    int code = encoding_scan_file(fd, NULL, &l->scan, err);
    if (code != 0)
        error_context(err, "'%s'", path);
    char *head = arena_alloc(arena, HEAD_BYTES);
    size_t n = 0;
    while (code == 0 && n < HEAD_BYTES) {
        ssize_t got = pread(fd, head + n, HEAD_BYTES - n, (off_t)n);
        if (got < 0)
            code = error_set_errno(err, ERR_IO, errno, "cannot read '%s'", path);
        if (got <= 0)
            break;
        n += (size_t)got;
    }
    close(fd);
    TRY(code);
    l->head = head;
    l->head_bytes = n < l->scan.size_bytes ? whole_lines(head, n, l->scan.encoding.name) : n;
    l->crlf = memmem(head, l->head_bytes, "\r\n", 2) != NULL ||
              memmem(head, l->head_bytes, "\r\0\n", 3) != NULL;
    (void)utf8_valid_prefix(head, l->head_bytes, &l->multibyte);
    return 0;
}

static int head_reader(const struct layout *l, const struct csvio_options *o,
                       struct csvio_reader **ret, struct error *err)
{
    int fd = memfd_create("diner-guess", MFD_CLOEXEC);
    if (fd < 0)
        return error_set_errno(err, ERR_IO, errno, "cannot make a file in memory");
    if (write(fd, l->head, l->head_bytes) != (ssize_t)l->head_bytes || lseek(fd, 0, SEEK_SET) < 0) {
        close(fd);
        return error_set_errno(err, ERR_IO, errno, "cannot write a file in memory");
    }
    return csvio_open_fd(fd, message_text("the first lines"), o, ret, err);
}

struct csvio_options layout_options(const struct layout *l)
{
    return (struct csvio_options){
        .delimiter = l->delimiter, .quote = l->quote, .encoding = l->scan.encoding.name};
}

/* ---- delimiter and quoting -------------------------------------------------------------- */

struct shape {
    size_t records, faults, width, at_width;
    bool quoted;
};

static size_t most_common(const size_t *widths, size_t n, size_t *ret_count)
{
    size_t best = 0, best_count = 0;
    for (size_t i = 0; i < n; i++) {
        size_t count = 0;
        for (size_t k = 0; k < n; k++)
            count += widths[k] == widths[i];
        if (count > best_count || (count == best_count && widths[i] > best)) {
            best = widths[i];
            best_count = count;
        }
    }
    *ret_count = best_count;
    return best;
}

static int measure(const struct layout *l, char delimiter, int quote, struct shape *ret,
                   struct error *err)
{
    struct csvio_options o = layout_options(l);
    struct csvio_reader *reader = NULL;
    struct csvio_record record = {0};
    size_t widths[LAYOUT_HEAD_RECORDS] = {0};
    bool end = false;
    o.delimiter = delimiter;
    o.quote = quote;
    *ret = (struct shape){0};
    TRY(head_reader(l, &o, &reader, err));
    int code = 0;
    while (ret->records < LAYOUT_HEAD_RECORDS &&
           (code = csvio_next(reader, &record, &end, err)) == 0 && !end) {
        widths[ret->records++] = record.nfields;
        ret->faults += record.fault != NULL;
        ret->quoted |= quote > 0 && memchr(record.raw.ptr, quote, record.raw.len) != NULL;
    }
    csvio_close(reader);
    ret->width = most_common(widths, ret->records, &ret->at_width);
    return code;
}

/* Per mille of records that agree, less those that cannot be read; one column is no agreement. */
static long score(const struct shape *s)
{
    if (s->records == 0 || s->width < 2)
        return 0;
    return ((long)s->at_width - 2 * (long)s->faults) * 1000 / (long)s->records;
}

static int choose_dialect(struct layout *l, struct error *err)
{
    static const char delimiters[] = {',', '\t', ';', '|'};
    long best = 400; /* fewer agree: one column */
    l->delimiter = ',';
    l->quote = '"';
    l->width = 1;
    for (size_t i = 0; i < sizeof delimiters; i++) {
        for (int quote = 0; quote < 2; quote++) {
            struct shape s;
            TRY(measure(l, delimiters[i], quote == 0 ? '"' : -1, &s, err));
            long points = score(&s);
            if (points < best || (points == best && (quote == 1 || s.width <= l->width)))
                continue;
            best = points;
            l->delimiter = delimiters[i];
            l->quote = quote == 0 ? '"' : -1;
            l->width = s.width;
            l->quote_is_used = s.quoted;
        }
    }
    return 0;
}

/* ---- the header ------------------------------------------------------------------------- */

struct span layout_first(const struct csvio_record *record)
{
    for (size_t i = 0; i < record->nfields; i++) {
        struct span f = span_trim(record->fields[i]);
        if (f.len > 0)
            return f;
    }
    return SPAN("");
}

static bool is_data(struct span f)
{
    struct times_fit fit;
    size_t digits = 0, others = 0;
    for (size_t i = 0; i < f.len; i++) {
        digits += f.ptr[i] >= '0' && f.ptr[i] <= '9';
        others += strchr("0123456789.,-+ %`'", f.ptr[i]) == NULL;
    }
    return (digits > 0 && others == 0) || times_fit(f, &fit) || f.len > 120 ||
           (f.len > 0 && f.ptr[0] == '`');
}

struct fullness {
    size_t filled, data, repeated;
};

static struct fullness fullness_of(const struct csvio_record *record)
{
    struct fullness r = {0};
    for (size_t i = 0; i < record->nfields; i++) {
        struct span f = span_trim(record->fields[i]);
        r.filled += f.len > 0;
        r.data += is_data(f);
        for (size_t k = 0; k < i && f.len > 0; k++) {
            struct span other = span_trim(record->fields[k]);
            r.repeated += other.len == f.len && memcmp(other.ptr, f.ptr, f.len) == 0;
        }
    }
    return r;
}

/* "导出时间：2026/11/21 23:05:12" above the header: the label, for a preamble. */
static void note_above(struct layout *l, const struct csvio_record *record, struct arena *arena)
{
    struct span f = layout_first(record);
    size_t label = 0, gap = 0;
    for (size_t i = 0; i < f.len && label == 0; i++) {
        if (f.ptr[i] == ':')
            gap = 1;
        else if (i + 2 < f.len && memcmp(f.ptr + i, "：", 3) == 0)
            gap = 3;
        if (gap > 0)
            label = i;
    }
    if (label == 0 || label > LABEL_BYTES || l->above_label != NULL)
        return;
    struct span value = span_trim((struct span){f.ptr + label + gap, f.len - label - gap});
    struct times_fit fit;
    if (times_fit(value, &fit) && fit.clock > 0)
        l->above_label = arena_strndup(arena, f.ptr, label);
}

static void take_header(struct layout *l, const struct csvio_record *record, struct arena *arena)
{
    l->has_header = true;
    l->header_line = record->line;
    if (record->nfields > l->width)
        l->width = record->nfields;
    l->names = arena_array(arena, l->width + 1, sizeof *l->names);
    for (size_t i = 0; i < l->width; i++) {
        struct span f = i < record->nfields ? span_trim(record->fields[i]) : SPAN("");
        l->names[i] = (struct span){arena_strndup(arena, f.ptr, f.len), f.len};
    }
}

/* What stands around the header: Frappe has six records of it, merged cells give two. */
struct header_look {
    size_t below, texts_below; /* records; those of them without a number or date, before any */
    size_t figures;            /* with one */
    bool is_part_above;        /* the record above has several texts */
};

/* Several names, and none that says "日期：2026/11/22" as titles do. */
static bool is_part_of_header(const struct layout *l, const struct csvio_record *record,
                              const struct fullness *f)
{
    return f->filled >= 2 && f->data == 0 && record->nfields == l->width &&
           memchr(record->raw.ptr, ':', record->raw.len) == NULL &&
           memmem(record->raw.ptr, record->raw.len, "：", 3) == NULL;
}

static void look_below(struct header_look *look, const struct fullness *f)
{
    look->below++;
    if (f->data > 0)
        look->figures++;
    else if (look->figures == 0 && f->filled > 0)
        look->texts_below++;
}

/* Texts below the header belong to it where nearly all that follows has figures. */
static void judge_below(struct layout *l, const struct header_look *look)
{
    size_t rest = look->below - look->texts_below;
    if (look->texts_below >= 1 && look->texts_below < 10 && look->figures >= 2 &&
        look->figures * 10 >= rest * 8)
        l->header_more = look->texts_below;
    l->is_above_part = look->is_part_above;
}

static int find_header(struct layout *l, struct arena *arena, struct error *err)
{
    struct csvio_options o = layout_options(l);
    struct csvio_reader *reader = NULL;
    struct csvio_record record = {0};
    struct header_look look = {0};
    bool end = false;
    int code = 0;
    TRY(head_reader(l, &o, &reader, err));
    for (size_t i = 0; i < LAYOUT_HEAD_RECORDS; i++) {
        code = csvio_next(reader, &record, &end, err);
        if (code != 0 || end)
            break;
        if (record.fault != NULL)
            continue;
        struct fullness f = fullness_of(&record);
        if (l->has_header) {
            struct span word;
            if (!layout_is_total(&record, l->width, &word))
                look_below(&look, &f);
            continue;
        }
        bool is_full = record.nfields >= l->width && f.filled * 5 >= l->width * 3 && f.filled > 0;
        if (!is_full) {
            note_above(l, &record, arena);
            l->above++;
            look.is_part_above = is_part_of_header(l, &record, &f);
        } else if (f.data > 0 || i >= HEADER_MAX) {
            break; /* data before any header */
        } else {
            take_header(l, &record, arena);
            look.is_part_above &=
                f.repeated > 0 || f.filled < l->width; /* its own names do not do */
        }
    }
    csvio_close(reader);
    judge_below(l, &look);
    if (l->has_header && look.figures == 0)
        l->doubt = message_text(
            "every column is text: if this line is data already, declare header: { none: true }");
    if (!l->has_header)
        l->above_label = NULL;
    return code;
}

/* ---- records that are no data ----------------------------------------------------------- */

bool layout_is_total(const struct csvio_record *record, size_t width, struct span *ret_word)
{
    static const char *const words[] = {
        "小计",        "合计",        "总计",     "共计",      "累计",  "本页合计", "本页小计",
        "人民币合计",  "Subtotal",    "SUBTOTAL", "Sub-total", "Total", "TOTAL",    "Grand Total",
        "Grand total", "GRAND TOTAL", "---",      "===",       "***"};
    struct span first = layout_first(record);
    size_t filled = 0;
    for (size_t i = 0; i < record->nfields; i++)
        filled += span_trim(record->fields[i]).len > 0;
    *ret_word = SPAN("");
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        size_t n = strlen(words[i]);
        bool rule = words[i][0] == '-' || words[i][0] == '=' || words[i][0] == '*';
        if (first.len >= n && memcmp(first.ptr, words[i], n) == 0 && n > ret_word->len &&
            (rule || width == 1 || filled * 3 <= width * 2))
            *ret_word = (struct span){words[i], n};
    }
    return ret_word->len > 0;
}

int layout_guess(const char *path, struct arena *arena, struct layout *ret, struct error *err)
{
    *ret = (struct layout){0};
    TRY(read_head(path, ret, arena, err));
    if (ret->head_bytes <= ret->scan.encoding.bom_bytes)
        return error_set(err, ERR_DATA, "'%s' is empty", path);
    TRY(choose_dialect(ret, err));
    return find_header(ret, arena, err);
}
