#include "format/encoding.h"
#include "core/mem.h"
#include "core/message.h"
#include "core/sha256.h"
#include "core/signals.h"
#include "format/vendor.h"
#include <errno.h>
#include <iconv.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define SCAN_CHUNK ((size_t)256 << 10)
#define SCAN_CARRY 4

/* ---- names --------------------------------------------------------------------------------- */

static const struct {
    const char *alias, *name;
} ALIASES[] = {
    {"utf8", "UTF-8"},        {"utf-8", "UTF-8"},       {"ascii", "UTF-8"},
    {"us-ascii", "UTF-8"},    {"gb18030", "GB18030"},   {"gb-18030", "GB18030"},
    {"gbk", "GB18030"},       {"cp936", "GB18030"},     {"gb2312", "GB18030"},
    {"utf16le", "UTF-16LE"},  {"utf-16le", "UTF-16LE"}, {"utf16be", "UTF-16BE"},
    {"utf-16be", "UTF-16BE"}, {"utf16", "UTF-16"},      {"utf-16", "UTF-16"},
};

static bool is_plausible_name(const char *name)
{
    size_t n =
        strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.:+()-");
    return n > 0 && name[n] == '\0' && n < sizeof(((struct encoding *)0)->name);
}

int encoding_named(const char *name, struct encoding *ret, struct error *err)
{
    struct encoding enc = {0};
    for (size_t i = 0; i < sizeof(ALIASES) / sizeof(ALIASES[0]); i++) {
        if (strcasecmp(name, ALIASES[i].alias) == 0) {
            snprintf(enc.name, sizeof(enc.name), "%s", ALIASES[i].name);
            *ret = enc;
            return 0;
        }
    }
    iconv_t cd = NULL;
    bool known = is_plausible_name(name) && !iconv_failed(cd = iconv_open("UTF-8", name));
    if (!known) {
        error_set(err, ERR_SPEC, "unknown encoding '%.40s'", name);
        return error_hint(err, "auto, UTF-8, GB18030, UTF-16LE or another name of `iconv -l`");
    }
    iconv_close(cd);
    snprintf(enc.name, sizeof(enc.name), "%s", name);
    *ret = enc;
    return 0;
}

/* ---- byte order marks ---------------------------------------------------------------------- */

/* UTF-32LE before UTF-16LE, whose mark it begins with. */
static const struct {
    const char *bytes;
    size_t n;
    const char *name;
} MARKS[] = {
    {"\xEF\xBB\xBF", 3, "UTF-8"},    {"\xFF\xFE\0\0", 4, "UTF-32LE"},
    {"\0\0\xFE\xFF", 4, "UTF-32BE"}, {"\xFF\xFE", 2, "UTF-16LE"},
    {"\xFE\xFF", 2, "UTF-16BE"},     {"\x84\x31\x95\x33", 4, "GB18030"},
};

static bool encoding_from_mark(const char *bytes, size_t n, struct encoding *ret)
{
    for (size_t i = 0; i < sizeof(MARKS) / sizeof(MARKS[0]); i++) {
        if (n >= MARKS[i].n && memcmp(bytes, MARKS[i].bytes, MARKS[i].n) == 0) {
            *ret = (struct encoding){.bom_bytes = MARKS[i].n};
            snprintf(ret->name, sizeof(ret->name), "%s", MARKS[i].name);
            return true;
        }
    }
    return false;
}

static bool is_wide(const char *name)
{
    return strncasecmp(name, "UTF-16", 6) == 0 || strncasecmp(name, "UTF-32", 6) == 0 ||
           strncasecmp(name, "UCS", 3) == 0;
}

int encoding_settle(const char *declared, const char *bytes, size_t n, struct encoding *ret,
                    struct error *err)
{
    struct encoding named;
    struct encoding marked;
    TRY(encoding_named(declared, &named, err));
    bool has_mark = encoding_from_mark(bytes, n, &marked);
    bool is_utf16 = strcmp(named.name, "UTF-16") == 0;
    if (!has_mark && is_utf16 && n > 0) {
        error_set(err, ERR_DATA, "declared as UTF-16 but has no byte order mark");
        return error_hint(err, "declare UTF-16LE or UTF-16BE");
    }
    if (!has_mark) {
        *ret = named;
        return 0;
    }
    bool agrees = strcasecmp(named.name, marked.name) == 0 ||
                  (is_utf16 && strncmp(marked.name, "UTF-16", 6) == 0);
    if (!agrees) {
        error_set(err, ERR_DATA, "declared as %s but begins with the byte order mark of %s",
                  declared, marked.name);
        return error_hint(err, "declare %s, or auto", marked.name);
    }
    *ret = marked;
    return 0;
}

/* ---- statistics of bytes ------------------------------------------------------------------- */

/* What decides between UTF-8 and GB18030. A bad byte in a long text must not change the verdict:
 * valid characters outweigh faults where the encoding is right, and never where it is wrong. */
struct census {
    uint64_t bytes;
    uint64_t nuls;
    uint64_t utf8_chars;
    uint64_t utf8_faults;
    uint64_t gb_chars;
    uint64_t gb_faults;
    int gb_state;
    bool gb_counting;
    bool utf8_refuted;
};

static void census_nuls(struct census *c, const char *p, size_t n)
{
    const char *end = p + n;
    while (p < end && (p = memchr(p, 0, (size_t)(end - p))) != NULL) {
        c->nuls++;
        p++;
    }
}

/* Structure of GB18030 only: which codes are assigned is for the decoder to find. */
static void census_gb(struct census *c, const char *bytes, size_t n)
{
    const unsigned char *p = (const unsigned char *)bytes;
    int state = c->gb_state;
    for (size_t i = 0; i < n; i++) {
        unsigned char b = p[i];
        bool lead = b >= 0x81 && b <= 0xFE;
        bool digit = b >= 0x30 && b <= 0x39;
        if (state == 0) {
            state = lead ? 1 : 0;
            c->gb_faults += (uint64_t)(b == 0x80 || b == 0xFF);
        } else if (state == 1 && digit) {
            state = 2;
        } else if (state == 2 && lead) {
            state = 3;
        } else if ((state == 1 && b >= 0x40 && b != 0x7F && b != 0xFF) || (state == 3 && digit)) {
            c->gb_chars++;
            state = 0;
        } else {
            c->gb_faults++;
            state = lead ? 1 : 0;
        }
    }
    c->gb_state = state;
}

/* Returns how many bytes at the end belong to a character cut off by the chunk's end. */
static size_t census_utf8(struct census *c, const char *p, size_t n)
{
    size_t i = 0;
    while (i < n) {
        i += utf8_valid_prefix(p + i, n - i, &c->utf8_chars);
        if (i == n)
            break;
        if (n - i < SCAN_CARRY && utf8_is_incomplete(p + i, n - i))
            return n - i;
        c->utf8_faults++;
        i++;
    }
    return 0;
}

/* GB18030 beyond doubt: nothing that follows would change the verdict, the decoder reports it. */
static bool census_is_clear(const struct census *c)
{
    return c->utf8_refuted && c->gb_chars > 65536 && c->gb_faults < c->gb_chars / 1000;
}

/* Counts one chunk, of which the first `carried` bytes were in the last one already. */
static size_t census_add(struct census *c, const char *p, size_t n, size_t carried)
{
    census_nuls(c, p + carried, n - carried);
    c->bytes += n - carried;
    uint64_t chars_before = c->utf8_chars;
    size_t cut = c->utf8_refuted ? 0 : census_utf8(c, p, n);
    if (c->utf8_faults == 0 || census_is_clear(c))
        return cut;
    const char *from = p + carried;
    size_t left = n - carried;
    if (!c->gb_counting) {
        c->gb_counting = true;
        from = p;
        left = n;
        if (chars_before > 0) { /* a line end is no part of a character: a place to begin */
            const char *line = memchr(p, '\n', n);
            from = line ? line : p + n;
            left = (size_t)(p + n - from);
        }
    }
    census_gb(c, from, left);
    c->utf8_refuted = c->utf8_faults > 4096 && c->utf8_chars < c->utf8_faults;
    return cut;
}

static bool outweighs(uint64_t chars, uint64_t faults, uint64_t times)
{
    return faults == 0 || chars / times >= faults;
}

static int refuse_binary(const struct census *c, struct error *err)
{
    bool many = c->nuls > 8 && c->nuls > c->bytes / 1000;
    if (!many && c->nuls * 4 < c->bytes)
        return 0;
    if (c->nuls == 0)
        return 0;
    error_set(err, ERR_DATA, "not text: %llu of %llu bytes are NUL", (unsigned long long)c->nuls,
              (unsigned long long)c->bytes);
    return error_hint(err,
                      "a spreadsheet or archive must be exported as CSV; UTF-16 without a byte "
                      "order mark must be declared as UTF-16LE or UTF-16BE");
}

static int census_decide(const struct census *c, struct encoding *ret, struct error *err)
{
    struct encoding enc = {.verified = c->utf8_faults == 0};
    bool utf8 = outweighs(c->utf8_chars, c->utf8_faults, 4);
    bool gb = outweighs(c->gb_chars, c->gb_faults, 8) ||
              (c->gb_faults <= 2 && c->gb_chars >= c->gb_faults);
    if (!utf8 && !gb) {
        error_set(err, ERR_DATA, "not text: neither UTF-8 nor GB18030");
        return error_hint(err, "name the encoding, or export the file as CSV");
    }
    snprintf(enc.name, sizeof(enc.name), "%s", utf8 ? "UTF-8" : "GB18030");
    *ret = enc;
    return 0;
}

/* Well-known beginnings of files that people take for exported text. */
static int refuse_container(const char *p, size_t n, struct error *err)
{
    static const struct {
        const char *bytes;
        size_t n;
        const char *what, *advice;
    } KINDS[] = {
        {"PK\3\4", 4, MESSAGE("a zip or xlsx file"),
         MESSAGE("unpack it, or save the sheet as CSV")},
        {"\x1f\x8b", 2, MESSAGE("a gzip file"), MESSAGE("unpack it first")},
        {"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1", 8, MESSAGE("an xls file"),
         MESSAGE("save the sheet as CSV")},
        {"%PDF-", 5, MESSAGE("a PDF file"), MESSAGE("export the data as CSV")},
    };
    for (size_t i = 0; i < sizeof(KINDS) / sizeof(KINDS[0]); i++) {
        if (n >= KINDS[i].n && memcmp(p, KINDS[i].bytes, KINDS[i].n) == 0) {
            error_set(err, ERR_DATA, "not text: %s", message_text(KINDS[i].what));
            return error_hint(err, "%s", message_text(KINDS[i].advice));
        }
    }
    return 0;
}

int encoding_detect(const char *bytes, size_t n, struct encoding *ret, struct error *err)
{
    struct encoding enc;
    TRY(refuse_container(bytes, n, err));
    if (encoding_from_mark(bytes, n, &enc) && is_wide(enc.name)) {
        *ret = enc;
        return 0;
    }
    size_t mark_bytes = encoding_from_mark(bytes, n, &enc) ? enc.bom_bytes : 0;
    struct census c = {0};
    (void)census_add(&c, bytes, n, 0);
    TRY(refuse_binary(&c, err));
    if (mark_bytes == 0)
        TRY(census_decide(&c, &enc, err));
    enc.verified = false;
    *ret = enc;
    return 0;
}

/* ---- whole files --------------------------------------------------------------------------- */

struct scan {
    int fd;
    struct byte_source *source; /* instead of fd */
    const char *declared;       /* NULL: detect */
    struct encoding encoding;
    bool settled; /* by declaration or mark: only UTF-8 is then still verified */
    struct census census;
    struct sha256 *hash;
    const atomic_bool *stop; /* or NULL: set when nobody wants to know any more */
    off_t offset;
    char *buffer; /* carried bytes, then a chunk */
    size_t carried;
};

static int scan_begin(struct scan *s, const char *p, size_t n, struct error *err)
{
    TRY(refuse_container(p, n, err));
    if (s->declared) {
        s->settled = true;
        return encoding_settle(s->declared, p, n, &s->encoding, err);
    }
    s->settled = encoding_from_mark(p, n, &s->encoding);
    return 0;
}

static void scan_chunk(struct scan *s, size_t n)
{
    char *chunk = s->buffer + s->carried;
    sha256_add(s->hash, chunk, n);
    if (s->settled && strcmp(s->encoding.name, "UTF-8") != 0) {
        census_nuls(&s->census, chunk, n);
        s->census.bytes += n;
        return;
    }
    size_t all = s->carried + n;
    size_t cut = census_add(&s->census, s->buffer, all, s->carried);
    memmove(s->buffer, s->buffer + all - cut, cut);
    s->carried = cut;
}

static int read_some(struct scan *s, char *out, size_t n, size_t *ret_n, struct error *err)
{
    if (s->source)
        return s->source->read(s->source, out, n, ret_n, err);
    ssize_t k;
    while ((k = pread(s->fd, out, n, s->offset)) < 0) {
        if (errno != EINTR)
            return error_set_errno(err, ERR_IO, errno, "cannot read");
        TRY(signals_check(err));
    }
    *ret_n = (size_t)k;
    s->offset += k;
    return 0;
}

static int read_full(struct scan *s, char *out, size_t n, size_t *ret_n, struct error *err)
{
    size_t got = 0;
    for (size_t k = 1; got < n && k > 0; got += k)
        TRY(read_some(s, out + got, n - got, &k, err));
    *ret_n = got;
    return 0;
}

static int scan_all(struct scan *s, struct error *err)
{
    for (bool first = true;; first = false) {
        size_t n = 0;
        TRY(signals_check(err));
        if (s->stop != NULL && atomic_load(s->stop))
            return error_set(err, ERR_CANCELLED, "nobody asks for it");
        TRY(read_full(s, s->buffer + s->carried, SCAN_CHUNK, &n, err));
        if (first)
            TRY(scan_begin(s, s->buffer, n, err));
        scan_chunk(s, n);
        if (n < SCAN_CHUNK)
            break;
    }
    s->census.utf8_faults += s->carried > 0 ? 1 : 0; /* the last character is cut */
    if (!s->settled || !is_wide(s->encoding.name))
        TRY(refuse_binary(&s->census, err));
    if (!s->settled)
        return census_decide(&s->census, &s->encoding, err);
    s->encoding.verified = strcmp(s->encoding.name, "UTF-8") == 0 && s->census.utf8_faults == 0;
    return 0;
}

static int scan_rewind(const struct scan *s, struct error *err)
{
    if (s->source)
        return s->source->rewind(s->source, err);
    return s->stop != NULL || lseek(s->fd, 0, SEEK_SET) == 0
               ? 0
               : error_set_errno(err, ERR_IO, errno, "cannot seek");
}

static int scan_whole(struct scan *s, struct encoding_scan *ret, struct error *err)
{
    struct encoding_scan out = {0};
    if (s->declared && strcasecmp(s->declared, "auto") == 0)
        s->declared = NULL;
    TRY(scan_rewind(s, err));
    s->hash = sha256_new();
    s->buffer = mem_alloc(SCAN_CHUNK + SCAN_CARRY);
    int code = scan_all(s, err);
    sha256_finish(s->hash, out.sha256);
    free(s->buffer);
    TRY(code);
    TRY(scan_rewind(s, err));
    out.encoding = s->encoding;
    out.size_bytes = s->census.bytes;
    *ret = out;
    return 0;
}

int encoding_scan_file(int fd, const char *declared, struct encoding_scan *ret, struct error *err)
{
    struct scan s = {.fd = fd, .declared = declared};
    return scan_whole(&s, ret, err);
}

int encoding_scan_source(struct byte_source *source, const char *declared,
                         struct encoding_scan *ret, struct error *err)
{
    struct scan s = {.source = source, .declared = declared};
    return scan_whole(&s, ret, err);
}

/* ---- beside the reader --------------------------------------------------------------------- */

struct encoding_scanner {
    struct scan scan;
    char *declared;
    pthread_t thread;
    bool has_thread;
    atomic_bool stop, is_done;
    struct encoding_scan result;
    struct error error;
    int code;
};

static void *scanner_run(void *self)
{
    struct encoding_scanner *s = self;
    s->code = scan_whole(&s->scan, &s->result, &s->error);
    atomic_store(&s->is_done, true);
    return NULL;
}

/* Signals are for the thread that was there before. */
static void scanner_begin(struct encoding_scanner *s)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    s->has_thread = pthread_create(&s->thread, NULL, scanner_run, s) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

struct encoding_scanner *encoding_scan_start(int fd, const char *declared)
{
    struct encoding_scanner *s = mem_alloc(sizeof *s);
    s->declared = declared ? mem_strdup(declared) : NULL;
    s->scan = (struct scan){.fd = fd, .declared = s->declared, .stop = &s->stop};
    scanner_begin(s);
    return s;
}

bool encoding_scan_is_done(const struct encoding_scanner *s)
{
    return atomic_load(&s->is_done);
}

static void scanner_free(struct encoding_scanner *s)
{
    free(s->declared);
    free(s);
}

int encoding_scan_end(struct encoding_scanner *s, struct encoding_scan *ret, struct error *err)
{
    if (s->has_thread)
        pthread_join(s->thread, NULL);
    else
        scanner_run(s); /* no thread could be had */
    int code = s->code;
    if (code == 0)
        *ret = s->result;
    else
        *err = s->error;
    scanner_free(s);
    return code;
}

void encoding_scan_stop(struct encoding_scanner *s)
{
    if (!s)
        return;
    atomic_store(&s->stop, true);
    if (s->has_thread)
        pthread_join(s->thread, NULL);
    scanner_free(s);
}
