#include "format/linesio.h"
#include "core/fileio.h"
#include "core/signals.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHUNK        ((size_t)256 << 10)
#define SAMPLE_BYTES ((size_t)1 << 20)
#define MARK_BYTES   ((size_t)4)
/* Of a smaller file the scan is over before a thread has begun. */
#define BESIDE_BYTES  ((off_t)4 << 20)
#define ASSUMED_BYTES ((size_t)64 << 10)

struct linesio {
    int fd;
    struct byte_source *source; /* instead of fd */
    char *name;
    char *declared; /* NULL: detect */
    size_t line_max;
    bool is_file;                     /* can be rewound: scanned as a whole */
    struct encoding_scan scan;        /* of a stream: only the encoding, once decided */
    struct encoding_scanner *scanner; /* at work: the encoding is assumed so far */
    bool is_misjudged;                /* it was another */
    bool decided;                     /* false: a stream, ASCII so far */
    bool guessed;                     /* from a sample */
    uint64_t sample_end;              /* the input offset where it ended */
    struct decoder *decoder;          /* NULL: the bytes are the text */
    uint64_t bytes_read;
    bool at_eof;
    struct strbuf raw;  /* bytes to decode */
    struct strbuf text; /* decoded; handed out up to `start` */
    size_t start;
    size_t searched;      /* no line end of the current line before this place */
    uint64_t text_offset; /* of text.data[0] in the decoded text */
    uint64_t line;
    size_t faults_passed; /* of the decoder's list */
};

/* ---- opening ------------------------------------------------------------------------------- */

static int read_bytes(struct linesio *l, char *out, size_t n, size_t *ret_n, struct error *err)
{
    if (l->source) {
        TRY(signals_check(err));
        return l->source->read(l->source, out, n, ret_n, err);
    }
    for (;;) {
        ssize_t k = read(l->fd, out, n);
        if (k < 0 && errno != EINTR)
            return error_set_errno(err, ERR_IO, errno, "cannot read '%s'", l->name);
        TRY(signals_check(err));
        if (k < 0)
            continue;
        *ret_n = (size_t)k;
        return 0;
    }
}

static int skip_mark(struct linesio *l, struct error *err)
{
    char mark[MARK_BYTES];
    size_t k = 1;
    for (; l->bytes_read < l->scan.encoding.bom_bytes && k > 0; l->bytes_read += k)
        TRY(read_bytes(l, mark, (size_t)(l->scan.encoding.bom_bytes - l->bytes_read), &k, err));
    return 0;
}

/* What the beginning of a file says of its encoding. */
static int assume_encoding(const struct linesio *l, struct encoding *ret, struct error *err)
{
    AUTOFREE char *sample = mem_alloc(ASSUMED_BYTES);
    ssize_t n = pread(l->fd, sample, ASSUMED_BYTES, 0);
    if (n < 0)
        return error_set_errno(err, ERR_IO, errno, "cannot read '%s'", l->name);
    return l->declared ? encoding_settle(l->declared, sample, (size_t)n, ret, err)
                       : encoding_detect(sample, (size_t)n, ret, err);
}

/* The scan goes on while lines are handed out. False: it has to come first. */
static bool start_beside(struct linesio *l, const struct stat *st)
{
    struct error ignored = ERROR_INIT;
    if (st->st_size < BESIDE_BYTES || assume_encoding(l, &l->scan.encoding, &ignored) != 0)
        return false;
    l->scan.encoding.verified = false;
    if (decoder_new(&l->scan.encoding, &l->decoder, &ignored) != 0)
        return false;
    l->is_file = true;
    l->decided = true;
    l->scan.size_bytes = (uint64_t)st->st_size;
    l->scanner = encoding_scan_start(l->fd, l->declared);
    return true;
}

/* Waits for the scan; what was handed out is right only if it says the same. */
static int end_scan(struct linesio *l, struct error *err)
{
    const struct encoding assumed = l->scan.encoding;
    struct encoding_scanner *scanner = l->scanner;
    l->scanner = NULL;
    if (!scanner)
        return 0;
    if (encoding_scan_end(scanner, &l->scan, err) != 0)
        return error_context(err, "%s", l->name);
    const struct encoding *found = &l->scan.encoding;
    l->is_misjudged =
        strcmp(assumed.name, found->name) != 0 || assumed.bom_bytes != found->bom_bytes;
    return l->is_misjudged ? error_set(err, ERR_DATA, "'%s' is %s, but begins as if it were %s",
                                       l->name, found->name, assumed.name)
                           : 0;
}

static int start_file(struct linesio *l, struct error *err)
{
    l->is_file = true;
    l->decided = true;
    int code = l->source ? encoding_scan_source(l->source, l->declared, &l->scan, err)
                         : encoding_scan_file(l->fd, l->declared, &l->scan, err);
    if (code != 0)
        return error_context(err, "%s", l->name);
    if (!l->scan.encoding.verified)
        return decoder_new(&l->scan.encoding, &l->decoder, err);
    return skip_mark(l, err);
}

static int linesio_start(struct linesio *l, bool beside, struct error *err)
{
    struct stat st = {0};
    if (!l->source && fstat(l->fd, &st) != 0)
        return error_set_errno(err, ERR_IO, errno, "cannot read '%s'", l->name);
    if (S_ISDIR(st.st_mode))
        return error_set(err, ERR_IO, "'%s' is a directory", l->name);
    if (beside && S_ISREG(st.st_mode) && start_beside(l, &st))
        return 0;
    if (l->source ? l->source->rewind != NULL : S_ISREG(st.st_mode))
        return start_file(l, err);
    if (l->declared)
        return encoding_named(l->declared, &l->scan.encoding, err);
    memcpy(l->scan.encoding.name, "UTF-8", sizeof("UTF-8"));
    return 0;
}

struct opening {
    int fd;
    struct byte_source *source; /* instead of fd */
    const char *name, *encoding;
    size_t line_max_bytes;
    bool beside;
};

static int open_any(const struct opening *o, struct linesio **ret, struct error *err)
{
    struct linesio *l = mem_alloc(sizeof(*l));
    l->fd = o->fd;
    l->source = o->source;
    l->name = mem_strdup(o->name);
    if (o->encoding && strcasecmp(o->encoding, "auto") != 0)
        l->declared = mem_strdup(o->encoding);
    l->line_max = o->line_max_bytes;
    strbuf_init(&l->raw, 4 * SAMPLE_BYTES);
    /* A line, a sample decoded at once, and the room that iconv asks for. */
    strbuf_init(&l->text, l->line_max + 16 * SAMPLE_BYTES);
    int code = linesio_start(l, o->beside, err);
    if (code != 0) {
        linesio_close(l);
        return code;
    }
    *ret = l;
    return 0;
}

int linesio_open(int fd, const char *name, const char *encoding, size_t line_max_bytes,
                 struct linesio **ret, struct error *err)
{
    return open_any(&(struct opening){fd, NULL, name, encoding, line_max_bytes, false}, ret, err);
}

int linesio_open_beside(int fd, const char *name, const char *encoding, size_t line_max_bytes,
                        struct linesio **ret, struct error *err)
{
    return open_any(&(struct opening){fd, NULL, name, encoding, line_max_bytes, true}, ret, err);
}

int linesio_open_source(struct byte_source *source, const char *name, const char *encoding,
                        size_t line_max_bytes, struct linesio **ret, struct error *err)
{
    return open_any(&(struct opening){-1, source, name, encoding, line_max_bytes, false}, ret, err);
}

int linesio_open_path(const char *path, const char *encoding, size_t line_max_bytes,
                      struct linesio **ret, struct error *err)
{
    const char *name;
    int fd;
    TRY(file_open_input(path, &fd, &name, err));
    return linesio_open(fd, name, encoding, line_max_bytes, ret, err);
}

void linesio_close(struct linesio *l)
{
    if (!l)
        return;
    encoding_scan_stop(l->scanner);
    if (l->source)
        l->source->close(l->source);
    else
        close(l->fd);
    decoder_free(l->decoder);
    strbuf_release(&l->raw);
    strbuf_release(&l->text);
    free(l->declared);
    free(l->name);
    free(l);
}

/* ---- reading ------------------------------------------------------------------------------- */

/* One read of up to a chunk, appended to `into`. Nothing read is the end. */
static int read_chunk(struct linesio *l, struct strbuf *into, struct error *err)
{
    if (!strbuf_reserve(into, CHUNK))
        return error_set(err, ERR_BUG, "no room for reading '%s'", l->name);
    size_t k = 0;
    TRY(read_bytes(l, into->data + into->len, CHUNK, &k, err));
    into->len += k;
    into->data[into->len] = '\0';
    l->bytes_read += k;
    l->at_eof = k == 0;
    return 0;
}

static int fill_raw(struct linesio *l, size_t want, struct error *err)
{
    while (!l->at_eof && l->raw.len < want)
        TRY(read_chunk(l, &l->raw, err));
    return 0;
}

static bool is_ascii(const char *p, size_t n)
{
    uint64_t multibyte = 0;
    return utf8_valid_prefix(p, n, &multibyte) == n && multibyte == 0;
}

/* A stream of undeclared encoding: ASCII passes as it is; the first chunk with anything else
 * begins the sample that decides once and for all. */
static int decide_by_sample(struct linesio *l, uint64_t raw_offset, struct error *err)
{
    if (is_ascii(l->raw.data, l->raw.len) && !memchr(l->raw.data, 0, l->raw.len))
        return 0;
    TRY(fill_raw(l, SAMPLE_BYTES, err));
    TRY(encoding_detect(l->raw.data, l->raw.len, &l->scan.encoding, err));
    if (raw_offset > 0)
        l->scan.encoding.bom_bytes = 0;
    l->decided = true;
    l->guessed = true;
    l->sample_end = l->bytes_read;
    return 0;
}

static int decide(struct linesio *l, struct error *err)
{
    uint64_t raw_offset = l->bytes_read - l->raw.len;
    TRY(fill_raw(l, raw_offset == 0 ? MARK_BYTES : 1, err));
    int code = l->declared
                   ? encoding_settle(l->declared, l->raw.data, l->raw.len, &l->scan.encoding, err)
                   : decide_by_sample(l, raw_offset, err);
    if (code != 0)
        return error_context(err, "%s", l->name);
    l->decided = l->decided || l->declared;
    if (!l->decided)
        return 0;
    TRY(decoder_new(&l->scan.encoding, &l->decoder, err));
    decoder_set_origin(l->decoder, raw_offset, l->text_offset + l->text.len);
    return 0;
}

static int decode_raw(struct linesio *l, struct error *err)
{
    decoder_clear_faults(l->decoder, l->faults_passed);
    l->faults_passed = 0;
    int code = decoder_feed(l->decoder, l->raw.data, l->raw.len, l->at_eof, &l->text, err);
    strbuf_clear(&l->raw);
    if (code == 0)
        return 0;
    struct error other = ERROR_INIT;
    if (end_scan(l, &other) != 0 && l->is_misjudged) {
        *err = other;
        return (int)err->code;
    }
    return error_context(err, "%s", l->name);
}

/* The scan is usually done long before the reading: then nothing needs to be decoded any more. */
static int take_scan(struct linesio *l, struct error *err)
{
    if (!l->scanner || !encoding_scan_is_done(l->scanner) || !decoder_is_idle(l->decoder))
        return 0;
    TRY(end_scan(l, err));
    if (l->scan.encoding.verified) {
        decoder_free(l->decoder);
        l->decoder = NULL;
    }
    return 0;
}

static void drop_handed_out(struct linesio *l)
{
    if (l->start == 0)
        return;
    size_t left = l->text.len - l->start;
    memmove(l->text.data, l->text.data + l->start, left);
    strbuf_truncate(&l->text, left);
    l->text_offset += l->start;
    l->searched -= l->start;
    l->start = 0;
}

static int add_text(struct linesio *l, struct error *err)
{
    if (!l->decided)
        TRY(decide(l, err));
    TRY(take_scan(l, err));
    if (l->decoder) {
        TRY(fill_raw(l, 1, err));
        return decode_raw(l, err);
    }
    if (l->decided)
        return read_chunk(l, &l->text, err);
    bool fits = strbuf_add(&l->text, l->raw.data, l->raw.len);
    strbuf_clear(&l->raw);
    return fits ? 0 : error_set(err, ERR_BUG, "no room for the text of '%s'", l->name);
}

/* Adds at least one read's worth of text, or meets the end. */
static int fill_text(struct linesio *l, struct error *err)
{
    drop_handed_out(l);
    TRY(add_text(l, err));
    return strbuf_reserve(&l->text, LINESIO_PADDING)
               ? 0
               : error_set(err, ERR_BUG, "no room for the text of '%s'", l->name);
}

/* A file must be at its end what its scan saw, or neither its hash nor its verdict holds. */
static int check_unchanged(struct linesio *l, struct error *err)
{
    TRY(end_scan(l, err));
    if (!l->is_file || l->bytes_read == l->scan.size_bytes)
        return 0;
    return error_set(err, ERR_DATA, "'%s' changed while it was being read: %llu bytes, then %llu",
                     l->name, (unsigned long long)l->scan.size_bytes,
                     (unsigned long long)l->bytes_read);
}

static int too_long(const struct linesio *l, struct error *err)
{
    error_set(err, ERR_LIMIT, "%s:%llu: the line is longer than %zu bytes", l->name,
              (unsigned long long)l->line + 1, l->line_max);
    return error_hint(err, "is it text with line ends?");
}

static int attach_fault(struct linesio *l, struct linesio_line *line, struct error *err)
{
    if (!l->decoder)
        return 0;
    size_t n = 0;
    const struct decode_fault *faults = decoder_faults(l->decoder, &n);
    uint64_t end = line->byte_offset + line->text.len;
    for (; l->faults_passed < n && faults[l->faults_passed].output_offset < end;
         l->faults_passed++) {
        if (!line->fault)
            line->fault = &faults[l->faults_passed];
    }
    if (line->fault)
        TRY(end_scan(l, err)); /* is it one of another encoding? */
    if (!line->fault || !l->guessed || line->fault->input_offset < l->sample_end)
        return 0;
    error_set(err, ERR_DATA, "%s:%llu: byte %llu (%s) is not %s, as the beginning was", l->name,
              (unsigned long long)line->number, (unsigned long long)line->fault->input_offset,
              line->fault->hex, l->scan.encoding.name);
    return error_hint(err, "declare the encoding: a stream cannot be looked at in advance");
}

static int hand_out(struct linesio *l, size_t end, struct linesio_line *ret, struct error *err)
{
    if (end - l->start > l->line_max)
        return too_long(l, err);
    struct linesio_line line = {
        .text = {l->text.data + l->start, end - l->start},
        .number = l->line + 1,
        .byte_offset = l->text_offset + l->start,
    };
    TRY(attach_fault(l, &line, err));
    l->line++;
    l->start = end;
    l->searched = end;
    *ret = line;
    return 0;
}

int linesio_next(struct linesio *l, struct linesio_line *ret, bool *ret_end, struct error *err)
{
    for (;;) {
        const char *from = l->text.data + l->searched;
        const char *end = memchr(from, '\n', l->text.len - l->searched);
        if (end) {
            *ret_end = false;
            return hand_out(l, (size_t)(end + 1 - l->text.data), ret, err);
        }
        l->searched = l->text.len;
        if (l->text.len - l->start > l->line_max)
            return too_long(l, err);
        if (l->at_eof)
            break;
        TRY(fill_text(l, err));
    }
    TRY(check_unchanged(l, err));
    *ret_end = l->start == l->text.len;
    return *ret_end ? 0 : hand_out(l, l->text.len, ret, err);
}

int linesio_next_text(struct linesio *l, struct span *ret, bool *ret_end, struct error *err)
{
    size_t faults = 0;
    while (l->start == l->text.len && !l->at_eof)
        TRY(fill_text(l, err));
    if (l->start == l->text.len)
        TRY(check_unchanged(l, err));
    *ret_end = l->start == l->text.len;
    *ret = (struct span){l->text.data + l->start, l->text.len - l->start};
    l->start = l->searched = l->text.len;
    const struct decode_fault *fault = l->decoder ? decoder_faults(l->decoder, &faults) : NULL;
    if (faults > 0)
        return error_set(err, ERR_DATA, "%s: bytes %s at offset %llu are not %s", l->name,
                         fault->hex, (unsigned long long)fault->input_offset,
                         l->scan.encoding.name);
    return 0;
}

int linesio_settle(struct linesio *l, struct error *err)
{
    return end_scan(l, err);
}

bool linesio_is_scanned(const struct linesio *l)
{
    return l->scanner == NULL;
}

bool linesio_is_misjudged(const struct linesio *l)
{
    return l->is_misjudged;
}

const struct encoding *linesio_encoding(const struct linesio *l)
{
    return &l->scan.encoding;
}

const char *linesio_sha256(const struct linesio *l)
{
    return l->scan.sha256;
}

const char *linesio_name(const struct linesio *l)
{
    return l->name;
}

uint64_t linesio_bytes_read(const struct linesio *l, uint64_t *ret_total)
{
    if (ret_total)
        *ret_total = l->is_file ? l->scan.size_bytes : 0;
    return l->bytes_read;
}
