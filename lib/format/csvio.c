#include "format/csvio.h"
#include "core/message.h"
#include "format/csvscan.h"
#include "format/linesio.h"
#include <csv.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A quoted field may span this many lines; beyond, its quote is taken for unterminated. */
#define RECORD_LINES_MAX 1000
#define FAULT_MAX        160
#define FIELD_BLOCK      ((size_t)4096)

static const char FAULT_CR[] = MESSAGE("a carriage return outside quotes");

/* A line kept because the record it begins or continues did not end on its first line: a record
 * found faulty gives back all its lines but the first. */
struct queued_line {
    size_t offset; /* in queue_text */
    size_t len;    /* with its line end */
    uint64_t number;
    bool has_fault;
    struct decode_fault fault;
};

struct csvio_reader {
    struct linesio *lines;
    char delimiter;
    int quote; /* -1: none */
    size_t record_max;
    bool is_reference;
    struct csvscan scan; /* of plain records */

    struct strbuf queue_text;
    struct queued_line *queue;
    size_t queue_capacity;
    size_t queue_first; /* the first line of the record at hand */
    size_t queue_count;

    struct csv_parser parser; /* of records that have a quote */
    bool has_parser;
    bool parser_is_clean;
    struct strbuf field_text; /* fields as libcsv gives them, one after the other */
    struct span *fields;
    size_t fields_capacity;
    size_t nfields;
    bool row_done;
    char fault[FAULT_MAX];
};

/* One physical line, wherever it is kept. */
struct line {
    struct span text; /* with its line end */
    uint64_t number;
    const struct decode_fault *fault;
};

/* ---- opening and closing ------------------------------------------------------------------- */

static int check_options(char delimiter, int quote, struct error *err)
{
    if ((unsigned char)delimiter >= 0x80 || delimiter == '\n' || delimiter == '\r')
        return error_set(err, ERR_SPEC, "the delimiter must be one ASCII character");
    if (quote >= 0x80 || quote < -1 || quote == '\n' || quote == '\r')
        return error_set(err, ERR_SPEC, "the quote must be one ASCII character");
    if (quote == delimiter)
        return error_set(err, ERR_SPEC, "delimiter and quote are the same character '%c'", quote);
    return 0;
}

static struct csvio_reader *reader_new(struct linesio *lines, char delimiter, int quote,
                                       size_t record_max)
{
    struct csvio_reader *r = mem_alloc(sizeof(*r));
    r->lines = lines;
    r->delimiter = delimiter;
    r->quote = quote;
    r->record_max = record_max;
    csvscan_init(&r->scan, record_max);
    strbuf_init(&r->queue_text, record_max * 6 + FIELD_BLOCK + CSVSCAN_PADDING);
    strbuf_init(&r->field_text, record_max * 2 + FIELD_BLOCK);
    return r;
}

/* One of the three is read from. */
struct input {
    const char *path;
    int fd;
    struct byte_source *source;
    const char *name;
};

static int open_lines(const struct input *in, const struct csvio_options *o,
                      struct csvio_reader **ret, struct error *err)
{
    static const struct csvio_options DEFAULTS;
    struct linesio *lines = NULL;
    if (!o)
        o = &DEFAULTS;
    char delimiter = o->delimiter ? o->delimiter : ',';
    int quote = o->quote ? o->quote : '"';
    size_t record_max = o->record_max_bytes ? o->record_max_bytes : CSVIO_RECORD_MAX_BYTES;
    int code = check_options(delimiter, quote, err);
    if (code != 0 && in->source)
        in->source->close(in->source);
    else if (code != 0 && !in->path)
        close(in->fd);
    TRY(code);
    if (in->path)
        TRY(linesio_open_path(in->path, o->encoding, record_max, &lines, err));
    else if (in->source)
        TRY(linesio_open_source(in->source, in->name, o->encoding, record_max, &lines, err));
    else if (o->is_scanned_beside)
        TRY(linesio_open_beside(in->fd, in->name, o->encoding, record_max, &lines, err));
    else
        TRY(linesio_open(in->fd, in->name, o->encoding, record_max, &lines, err));
    *ret = reader_new(lines, delimiter, quote, record_max);
    (*ret)->is_reference = o->is_reference;
    return 0;
}

int csvio_open(const char *path, const struct csvio_options *options, struct csvio_reader **ret,
               struct error *err)
{
    return open_lines(&(struct input){.path = path}, options, ret, err);
}

int csvio_open_fd(int fd, const char *name, const struct csvio_options *options,
                  struct csvio_reader **ret, struct error *err)
{
    return open_lines(&(struct input){.fd = fd, .name = name}, options, ret, err);
}

int csvio_open_source(struct byte_source *source, const char *name,
                      const struct csvio_options *options, struct csvio_reader **ret,
                      struct error *err)
{
    return open_lines(&(struct input){.source = source, .name = name}, options, ret, err);
}

void csvio_close(struct csvio_reader *r)
{
    if (!r)
        return;
    if (r->has_parser)
        csv_free(&r->parser);
    linesio_close(r->lines);
    csvscan_release(&r->scan);
    strbuf_release(&r->queue_text);
    strbuf_release(&r->field_text);
    free(r->queue);
    free(r->fields);
    free(r);
}

const struct encoding *csvio_encoding(const struct csvio_reader *r)
{
    return linesio_encoding(r->lines);
}

const char *csvio_sha256(const struct csvio_reader *r)
{
    return linesio_sha256(r->lines);
}

int csvio_settle(struct csvio_reader *r, struct error *err)
{
    return linesio_settle(r->lines, err);
}

bool csvio_is_scanned(const struct csvio_reader *r)
{
    return linesio_is_scanned(r->lines);
}

bool csvio_is_misjudged(const struct csvio_reader *r)
{
    return linesio_is_misjudged(r->lines);
}

uint64_t csvio_bytes_read(const struct csvio_reader *r, uint64_t *ret_total)
{
    return linesio_bytes_read(r->lines, ret_total);
}

/* ---- the queue of lines -------------------------------------------------------------------- */

static void queue_compact(struct csvio_reader *r)
{
    size_t from =
        r->queue_first < r->queue_count ? r->queue[r->queue_first].offset : r->queue_text.len;
    /* Amortised: only once what was handed out is at least as long as what is left. */
    if (r->queue_first == 0 || from < r->queue_text.len - from)
        return;
    memmove(r->queue_text.data, r->queue_text.data + from, r->queue_text.len - from);
    strbuf_truncate(&r->queue_text, r->queue_text.len - from);
    r->queue_count -= r->queue_first;
    memmove(r->queue, r->queue + r->queue_first, r->queue_count * sizeof(r->queue[0]));
    for (size_t i = 0; i < r->queue_count; i++)
        r->queue[i].offset -= from;
    r->queue_first = 0;
}

static int queue_add(struct csvio_reader *r, const struct line *line, struct error *err)
{
    queue_compact(r);
    r->queue = mem_grow(r->queue, &r->queue_capacity, r->queue_count + 1, sizeof(r->queue[0]));
    struct queued_line q = {.offset = r->queue_text.len, .len = line->text.len};
    q.number = line->number;
    q.has_fault = line->fault != NULL;
    if (line->fault)
        q.fault = *line->fault;
    if (!strbuf_add(&r->queue_text, line->text.ptr, line->text.len) ||
        !strbuf_reserve(&r->queue_text, CSVSCAN_PADDING))
        return error_set(err, ERR_BUG, "%s: no room for a record", linesio_name(r->lines));
    r->queue[r->queue_count++] = q;
    return 0;
}

static struct line queue_line(const struct csvio_reader *r, size_t i)
{
    const struct queued_line *q = &r->queue[r->queue_first + i];
    return (struct line){.text = {r->queue_text.data + q->offset, q->len},
                         .number = q->number,
                         .fault = q->has_fault ? &q->fault : NULL};
}

static size_t queue_length(const struct csvio_reader *r)
{
    return r->queue_count - r->queue_first;
}

static int read_line(struct csvio_reader *r, struct line *ret, bool *ret_end, struct error *err)
{
    struct linesio_line l;
    TRY(linesio_next(r->lines, &l, ret_end, err));
    if (!*ret_end)
        *ret = (struct line){.text = l.text, .number = l.number, .fault = l.fault};
    return 0;
}

/* ---- faults -------------------------------------------------------------------------------- */

static struct span without_end(struct span text)
{
    if (text.len > 0 && text.ptr[text.len - 1] == '\n') {
        text.len--;
        if (text.len > 0 && text.ptr[text.len - 1] == '\r')
            text.len--;
    }
    return text;
}

static void set_fault(struct csvio_record *rec, const char *what, uint64_t line, uint64_t column)
{
    if (rec->fault)
        return;
    rec->fault = what;
    rec->fault_line = line;
    rec->fault_column = column;
}

static void note_undecodable(struct csvio_reader *r, struct csvio_record *rec,
                             const struct line *line)
{
    if (!line->fault || rec->fault)
        return;
    snprintf(r->fault, sizeof(r->fault), "bytes %s at offset %llu of the file are not %s",
             line->fault->hex, (unsigned long long)line->fault->input_offset,
             linesio_encoding(r->lines)->name);
    set_fault(rec, r->fault, line->number, line->fault->input_offset);
}

static void note_bytes(struct csvio_record *rec, const struct line *line)
{
    const char *nul = memchr(line->text.ptr, 0, line->text.len);
    if (nul)
        set_fault(rec, "a NUL byte", line->number, (uint64_t)(nul - line->text.ptr) + 1);
}

static void note_count(struct csvio_reader *r, struct csvio_record *rec)
{
    if (r->nfields <= CSVIO_FIELDS_MAX)
        return;
    rec->nfields = CSVIO_FIELDS_MAX;
    set_fault(rec, MESSAGE("more than 4096 fields"), rec->line, 1);
}

/* ---- plain records ------------------------------------------------------------------------- */

/* The one pass, for what nearly all lines are. False: look closer. */
static bool fast_record(struct csvio_reader *r, const struct line *line, struct span body,
                        struct csvio_record *ret)
{
    if (line->fault != NULL || r->is_reference ||
        !csvscan_record(&r->scan, body, r->delimiter, r->quote))
        return false;
    *ret = (struct csvio_record){
        .fields = r->scan.fields, .nfields = r->scan.nfields, .line = line->number, .raw = body};
    ret->is_bare = !r->scan.has_quote;
    return true;
}

/* ---- records without a quote --------------------------------------------------------------- */

static void add_field(struct csvio_reader *r, const char *p, size_t n)
{
    if (r->nfields == r->fields_capacity)
        r->fields = mem_grow(r->fields, &r->fields_capacity, r->nfields + 64, sizeof(*r->fields));
    r->fields[r->nfields++] = (struct span){p, n};
}

/* Without a quote a record is its line, cut at the delimiters: what libcsv would do, in place. */
static void split_plain(struct csvio_reader *r, struct span body)
{
    const char *p = body.ptr;
    const char *end = body.ptr + body.len;
    r->nfields = 0;
    while (r->nfields <= CSVIO_FIELDS_MAX) {
        const char *cut = memchr(p, r->delimiter, (size_t)(end - p));
        add_field(r, p, (size_t)((cut ? cut : end) - p));
        if (!cut)
            break;
        p = cut + 1;
    }
}

static void plain_record(struct csvio_reader *r, const struct line *line, struct span body,
                         struct csvio_record *ret)
{
    split_plain(r, body);
    *ret = (struct csvio_record){
        .fields = r->fields, .nfields = r->nfields, .line = line->number, .raw = body};
    note_undecodable(r, ret, line);
    note_bytes(ret, line);
    const char *cr = memchr(body.ptr, '\r', body.len);
    if (cr)
        set_fault(ret, FAULT_CR, line->number, (uint64_t)(cr - body.ptr) + 1);
    note_count(r, ret);
}

/* ---- records with quotes, by libcsv -------------------------------------------------------- */

static int never_space(unsigned char c)
{
    (void)c;
    return 0; /* libcsv would trim */
}

static void on_field(void *text, size_t n, void *context)
{
    struct csvio_reader *r = context;
    if (r->row_done || r->nfields > CSVIO_FIELDS_MAX)
        return;
    (void)strbuf_add(&r->field_text, text, n); /* shorter than the lines fed: cannot overflow */
    add_field(r, "", n);                       /* placed when field_text moves no more */
}

static void on_row(int terminator, void *context)
{
    struct csvio_reader *r = context;
    (void)terminator;
    r->row_done = true;
}

static void place_fields(struct csvio_reader *r)
{
    const char *p = r->field_text.data;
    for (size_t i = 0; i < r->nfields; i++) {
        r->fields[i].ptr = p;
        p += r->fields[i].len;
    }
}

/* libcsv stops for good at a stray quote and keeps the state of an open one: begin anew. */
static int parser_reset(struct csvio_reader *r, struct error *err)
{
    if (r->has_parser)
        csv_free(&r->parser);
    r->has_parser = csv_init(&r->parser, CSV_STRICT | CSV_STRICT_FINI) == 0;
    if (!r->has_parser)
        return error_set(err, ERR_BUG, "libcsv cannot be initialised");
    csv_set_delim(&r->parser, (unsigned char)r->delimiter);
    csv_set_quote(&r->parser, (unsigned char)r->quote);
    csv_set_space_func(&r->parser, never_space);
    csv_set_blk_size(&r->parser, FIELD_BLOCK);
    r->parser_is_clean = true;
    return 0;
}

/* The record being parsed: its lines are in the queue from the second on at the latest. */
struct attempt {
    struct line first;
    size_t lines;
    size_t bytes;
    bool queued;
    size_t first_fields; /* complete on the first line: what a faulty record has */
    const char *fault;
    uint64_t fault_line;
    uint64_t fault_column;
};

static struct line attempt_line(const struct csvio_reader *r, const struct attempt *a, size_t i)
{
    return a->queued ? queue_line(r, i) : a->first;
}

static void attempt_fail(struct attempt *a, const char *what, uint64_t line, uint64_t column)
{
    a->fault = what;
    a->fault_line = line;
    a->fault_column = column;
}

/* Where quotes lead: the last opening quote if it is still open, and the first carriage return
 * that is neither quoted nor part of a line end. Columns from 1, 0 when there is none. */
struct quote_scan {
    uint64_t open_line, open_column;
    uint64_t cr_line, cr_column;
};

static struct quote_scan scan_quotes(const struct csvio_reader *r, const struct attempt *a,
                                     size_t lines)
{
    struct quote_scan s = {0};
    bool quoted = false;
    bool at_start = true;
    for (size_t i = 0; i < lines; i++) {
        struct line line = attempt_line(r, a, i);
        struct span body = without_end(line.text);
        for (size_t j = 0; j < line.text.len; j++) {
            char c = line.text.ptr[j];
            if (quoted && c == (char)r->quote) {
                bool doubled = j + 1 < line.text.len && line.text.ptr[j + 1] == c;
                quoted = doubled;
                j += doubled ? 1 : 0;
            } else if (!quoted && at_start && c == (char)r->quote) {
                quoted = true;
                s.open_line = line.number;
                s.open_column = j + 1;
            } else if (!quoted && c == '\r' && j < body.len && s.cr_column == 0) {
                s.cr_line = line.number;
                s.cr_column = j + 1;
            }
            at_start = !quoted && (c == r->delimiter || c == '\r'); /* libcsv ends a row there */
        }
    }
    return s;
}

/* Feeds one line; false at a stray quote. libcsv stops on the quote itself in an unquoted field,
 * and on what follows the closing quote in a quoted one. */
static bool feed_line(struct csvio_reader *r, struct attempt *a, const struct line *line)
{
    struct span text = line->text;
    r->parser_is_clean = false;
    size_t used = csv_parse(&r->parser, text.ptr, text.len, on_field, on_row, r);
    if (used < text.len && text.ptr[used] == (char)r->quote)
        attempt_fail(a, MESSAGE("a quote within an unquoted field"), line->number, used + 1);
    else if (used < text.len)
        attempt_fail(a, MESSAGE("text after a closing quote"), line->number, used > 0 ? used : 1);
    else if (text.len > 0 && text.ptr[text.len - 1] != '\n')
        (void)csv_parse(&r->parser, "\n", 1, on_field, on_row, r); /* the file's last line */
    return used == text.len;
}

/* A quote that is open over a line end and then stumbles was most likely never meant to span
 * lines: the place to look at is where it opened. */
static void blame_opening_quote(const struct csvio_reader *r, struct attempt *a, size_t lines)
{
    struct quote_scan s = scan_quotes(r, a, lines);
    attempt_fail(a, MESSAGE("an unterminated quote"), s.open_line, s.open_column);
}

/* Fetches one more line of the record into the queue; at the end of the file, or of patience,
 * the quote is unterminated. */
static int attempt_extend(struct csvio_reader *r, struct attempt *a, struct line *ret,
                          struct error *err)
{
    bool end = false;
    if (!a->queued) {
        TRY(queue_add(r, &a->first, err));
        a->queued = true;
    }
    if (a->lines == queue_length(r)) {
        struct line line;
        TRY(read_line(r, &line, &end, err));
        if (!end)
            TRY(queue_add(r, &line, err));
    }
    size_t more = end ? 0 : queue_line(r, a->lines).text.len;
    if (end || a->lines == RECORD_LINES_MAX || a->bytes + more > r->record_max) {
        blame_opening_quote(r, a, a->lines);
        return 0;
    }
    *ret = queue_line(r, a->lines);
    a->lines++;
    a->bytes += more;
    return 0;
}

static int attempt_parse(struct csvio_reader *r, struct attempt *a, struct error *err)
{
    struct line line = a->first;
    r->nfields = 0;
    r->row_done = false;
    strbuf_clear(&r->field_text);
    if (!r->parser_is_clean)
        TRY(parser_reset(r, err));
    while (feed_line(r, a, &line) && !r->row_done) {
        if (a->lines == 1)
            a->first_fields = r->nfields;
        TRY(attempt_extend(r, a, &line, err));
        if (a->fault)
            return 0;
    }
    if (a->fault && a->lines > 1)
        blame_opening_quote(r, a, a->lines - 1);
    r->parser_is_clean = r->row_done;
    return 0;
}

static void check_carriage_returns(const struct csvio_reader *r, struct attempt *a)
{
    for (size_t i = 0; i < a->lines; i++) {
        struct span body = without_end(attempt_line(r, a, i).text);
        if (!memchr(body.ptr, '\r', body.len))
            continue;
        struct quote_scan s = scan_quotes(r, a, a->lines);
        if (s.cr_column > 0)
            attempt_fail(a, FAULT_CR, s.cr_line, s.cr_column);
        return;
    }
}

static int quoted_record(struct csvio_reader *r, const struct line *first, bool queued,
                         struct csvio_record *ret, struct error *err)
{
    struct attempt a = {.first = *first, .lines = 1, .bytes = first->text.len, .queued = queued};
    TRY(attempt_parse(r, &a, err));
    if (!a.fault)
        check_carriage_returns(r, &a);
    if (a.fault) {
        r->nfields = a.lines > 1 ? a.first_fields : r->nfields;
        a.lines = 1; /* the others are read again, as records of their own */
        r->parser_is_clean = false;
    }
    place_fields(r);
    struct line begin = attempt_line(r, &a, 0);
    struct line last = attempt_line(r, &a, a.lines - 1);
    size_t length = (size_t)(last.text.ptr + last.text.len - begin.text.ptr);
    *ret = (struct csvio_record){.fields = r->fields, .nfields = r->nfields, .line = begin.number};
    ret->raw = without_end((struct span){begin.text.ptr, length});
    for (size_t i = 0; i < a.lines; i++) {
        struct line line = attempt_line(r, &a, i);
        note_undecodable(r, ret, &line);
    }
    for (size_t i = 0; i < a.lines; i++) {
        struct line line = attempt_line(r, &a, i);
        note_bytes(ret, &line); /* before a quote that it makes a stray one */
    }
    if (a.fault)
        set_fault(ret, a.fault, a.fault_line, a.fault_column);
    note_count(r, ret);
    r->queue_first += a.queued ? a.lines : 0;
    return 0;
}

/* ---- records ------------------------------------------------------------------------------- */

static int first_line(struct csvio_reader *r, struct line *ret, bool *ret_queued, bool *ret_end,
                      struct error *err)
{
    *ret_end = false;
    *ret_queued = queue_length(r) > 0;
    if (*ret_queued) {
        *ret = queue_line(r, 0);
        return 0;
    }
    if (r->queue_count > 0) {
        r->queue_count = 0;
        r->queue_first = 0;
        strbuf_clear(&r->queue_text);
    }
    return read_line(r, ret, ret_end, err);
}

int csvio_next(struct csvio_reader *r, struct csvio_record *ret, bool *ret_end, struct error *err)
{
    for (;;) {
        struct line line;
        bool queued = false;
        bool end = false;
        TRY(first_line(r, &line, &queued, &end, err));
        if (end) {
            *ret_end = true;
            return 0;
        }
        struct span body = without_end(line.text);
        if (body.len > 0 && fast_record(r, &line, body, ret)) {
            r->queue_first += queued ? 1 : 0;
            *ret_end = false;
            return 0;
        }
        if (r->quote >= 0 && memchr(body.ptr, r->quote, body.len)) {
            *ret_end = false;
            return quoted_record(r, &line, queued, ret, err);
        }
        r->queue_first += queued ? 1 : 0;
        if (body.len == 0)
            continue;
        plain_record(r, &line, body, ret);
        *ret_end = false;
        return 0;
    }
}
