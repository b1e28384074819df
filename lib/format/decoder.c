#include "core/mem.h"
#include "format/encoding.h"
#include "format/gb18030.h"
#include "format/vendor.h"
#include <errno.h>
#include <iconv.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define FAULTS_MAX ((size_t)65536)
#define CARRY_MAX  ((size_t)16)
/* Widest growth of any iconv charset: one byte to three, and a margin for shift states. */
#define GROWTH ((size_t)4)
#define PIECE  ((size_t)256 << 10)

struct decoder {
    struct encoding encoding;
    bool is_utf8;
    bool is_gb;
    bool has_table;    /* what is not in it goes to iconv, a character at a time */
    size_t unit_bytes; /* what is skipped at a fault */
    iconv_t cd;        /* unless is_utf8 */
    uint64_t input_offset;
    uint64_t output_offset;
    size_t mark_left; /* bytes of the byte order mark still to drop */
    char carry[CARRY_MAX];
    size_t carried;
    struct decode_fault *faults;
    size_t fault_count;
    size_t fault_capacity;
};

int decoder_new(const struct encoding *enc, struct decoder **ret, struct error *err)
{
    bool is_utf8 = strcmp(enc->name, "UTF-8") == 0;
    iconv_t cd = is_utf8 ? NULL : iconv_open("UTF-8", enc->name);
    if (iconv_failed(cd))
        return error_set(err, ERR_SPEC, "unknown encoding '%s'", enc->name);
    struct decoder *d = mem_alloc(sizeof(*d));
    d->encoding = *enc;
    d->is_utf8 = is_utf8;
    d->is_gb = strcmp(enc->name, "GB18030") == 0;
    d->has_table = d->is_gb && gb18030_prepare();
    d->unit_bytes = strncasecmp(enc->name, "UTF-16", 6) == 0   ? 2
                    : strncasecmp(enc->name, "UTF-32", 6) == 0 ? 4
                                                               : 1;
    d->cd = cd;
    d->mark_left = enc->bom_bytes;
    *ret = d;
    return 0;
}

void decoder_free(struct decoder *d)
{
    if (!d)
        return;
    if (!d->is_utf8)
        iconv_close(d->cd);
    free(d->faults);
    free(d);
}

bool decoder_is_idle(const struct decoder *d)
{
    return d->carried == 0 && d->mark_left == 0;
}

void decoder_set_origin(struct decoder *d, uint64_t input_offset, uint64_t output_offset)
{
    d->input_offset = input_offset;
    d->output_offset = output_offset;
}

static int append_limit(const struct strbuf *out, struct error *err)
{
    return error_set(err, ERR_LIMIT, "decoded text exceeds %zu bytes", out->max);
}

/* Writes U+FFFD and remembers where the bad bytes stood. */
static int decoder_fault(struct decoder *d, const char *bad, size_t n, struct strbuf *out,
                         struct error *err)
{
    if (d->fault_count == FAULTS_MAX)
        return error_set(err, ERR_DATA, "not %s text", d->encoding.name);
    d->faults = mem_grow(d->faults, &d->fault_capacity, d->fault_count + 1, sizeof(d->faults[0]));
    struct decode_fault *f = &d->faults[d->fault_count++];
    *f = (struct decode_fault){.input_offset = d->input_offset, .output_offset = d->output_offset};
    size_t shown = n < 4 ? n : 4;
    for (size_t i = 0; i < shown; i++)
        snprintf(f->hex + (i ? i * 3 - 1 : 0), sizeof(f->hex) - i * 3, i ? " %02X" : "%02X",
                 (unsigned)(unsigned char)bad[i]);
    d->input_offset += n;
    d->output_offset += 3;
    return strbuf_add(out, "\xEF\xBF\xBD", 3) ? 0 : append_limit(out, err);
}

/* How many bytes one fault takes. In GB18030 a lead byte takes a trail that cannot be ASCII along,
 * so that one bad character is one fault and a following comma or quote is never eaten. */
static size_t fault_length(const struct decoder *d, const char *p, size_t n)
{
    if (d->is_gb && n > 1 && (unsigned char)p[0] > 0x80 && (unsigned char)p[0] < 0xFF &&
        (unsigned char)p[1] >= 0x80)
        return 2;
    return d->unit_bytes < n ? d->unit_bytes : n;
}

/* ---- UTF-8 --------------------------------------------------------------------------------- */

static int feed_utf8(struct decoder *d, const char *in, size_t n, bool last, struct strbuf *out,
                     size_t *ret_used, struct error *err)
{
    size_t i = 0;
    uint64_t ignored = 0;
    while (i < n) {
        size_t valid = utf8_valid_prefix(in + i, n - i, &ignored);
        if (!strbuf_add(out, in + i, valid))
            return append_limit(out, err);
        d->input_offset += valid;
        d->output_offset += valid;
        i += valid;
        if (i == n || (!last && utf8_is_incomplete(in + i, n - i)))
            break;
        TRY(decoder_fault(d, in + i, 1, out, err));
        i++;
    }
    *ret_used = i;
    return 0;
}

/* ---- iconv --------------------------------------------------------------------------------- */

/* What the table knows, from in + *at on. */
static void feed_table(struct decoder *d, const char *in, size_t n, struct strbuf *out, size_t *at)
{
    size_t made = 0;
    size_t used = gb18030_decode(in + *at, n - *at, out->data + out->len, &made);
    out->len += made;
    out->data[out->len] = '\0';
    d->input_offset += used;
    d->output_offset += made;
    *at += used;
}

#define GB_CHARACTER_MAX ((size_t)4)

static int feed_iconv(struct decoder *d, const char *in, size_t n, bool last, struct strbuf *out,
                      size_t *ret_used, struct error *err)
{
    size_t i = 0;
    while (i < n) {
        size_t room = (n - i) * GROWTH + CARRY_MAX;
        if (!strbuf_reserve(out, room))
            return append_limit(out, err);
        if (d->has_table)
            feed_table(d, in, n, out, &i);
        size_t piece = d->has_table && n - i > GB_CHARACTER_MAX ? GB_CHARACTER_MAX : n - i;
        if (piece == 0)
            break;
        room = piece * GROWTH + CARRY_MAX;
        char *from = unconst(in + i);
        char *to = out->data + out->len;
        size_t from_left = piece;
        size_t to_left = room;
        size_t code = iconv(d->cd, &from, &from_left, &to, &to_left);
        int why = code == (size_t)-1 ? errno : 0;
        size_t used = piece - from_left;
        size_t made = room - to_left;
        out->len += made;
        out->data[out->len] = '\0';
        d->input_offset += used;
        d->output_offset += made;
        i += used;
        bool is_cut = i + from_left < n; /* iconv did not see the end */
        if (is_cut && used > 0 && (why == 0 || why == EINVAL))
            continue;
        if (why == 0 || (why == EINVAL && !last && !is_cut))
            break;
        if (why == E2BIG)
            continue;
        size_t bad = fault_length(d, in + i, n - i);
        TRY(decoder_fault(d, in + i, bad, out, err));
        i += bad;
        iconv(d->cd, NULL, NULL, NULL, NULL);
    }
    *ret_used = i;
    return 0;
}

static int feed(struct decoder *d, const char *in, size_t n, bool last, struct strbuf *out,
                size_t *ret_used, struct error *err)
{
    if (d->is_utf8)
        return feed_utf8(d, in, n, last, out, ret_used, err);
    /* In pieces, so that the room iconv might need stays in proportion. */
    size_t used = 0;
    while (used < n) {
        size_t piece = n - used < PIECE ? n - used : PIECE;
        size_t k = 0;
        bool ends = last && used + piece == n;
        TRY(feed_iconv(d, in + used, piece, ends, out, &k, err));
        used += k;
        if (k < piece && used + piece - k == n)
            break;
    }
    *ret_used = used;
    return 0;
}

/* Completes the character that the last call left open, a byte at a time. */
static int feed_carry(struct decoder *d, const char *in, size_t n, bool last, struct strbuf *out,
                      size_t *ret_taken, struct error *err)
{
    size_t taken = 0;
    while (d->carried > 0 && (taken < n || last)) {
        if (taken < n && d->carried < CARRY_MAX)
            d->carry[d->carried++] = in[taken++];
        bool no_more = (last && taken == n) || d->carried == CARRY_MAX;
        size_t used = 0;
        TRY(feed(d, d->carry, d->carried, no_more, out, &used, err));
        memmove(d->carry, d->carry + used, d->carried - used);
        d->carried -= used;
    }
    *ret_taken = taken;
    return 0;
}

int decoder_feed(struct decoder *d, const char *in, size_t n, bool last, struct strbuf *out,
                 struct error *err)
{
    size_t skip = d->mark_left < n ? d->mark_left : n;
    d->mark_left -= skip;
    d->input_offset += skip;
    in += skip;
    n -= skip;
    size_t taken = 0;
    TRY(feed_carry(d, in, n, last, out, &taken, err));
    size_t used = 0;
    TRY(feed(d, in + taken, n - taken, last, out, &used, err));
    size_t rest = n - taken - used;
    if (rest > CARRY_MAX)
        return error_set(err, ERR_BUG, "decoder left %zu bytes", rest);
    if (rest > 0)
        memcpy(d->carry, in + taken + used, rest);
    d->carried += rest;
    return 0;
}

const struct decode_fault *decoder_faults(const struct decoder *d, size_t *ret_count)
{
    *ret_count = d->fault_count;
    return d->faults;
}

void decoder_clear_faults(struct decoder *d, size_t first_n)
{
    size_t n = first_n < d->fault_count ? first_n : d->fault_count;
    d->fault_count -= n;
    if (n > 0)
        memmove(d->faults, d->faults + n, d->fault_count * sizeof(d->faults[0]));
}
