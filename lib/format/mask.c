#include "format/mask.h"

#include <string.h>

const char *const mask_names[] = {"none",  "name",      "cn_phone", "landline", "cn_id", "address",
                                  "email", "bank_card", "plate",    "all",      NULL};

static bool is_first_byte(char c)
{
    return ((unsigned char)c & 0xC0) != 0x80;
}

static size_t code_points(struct span s)
{
    size_t n = 0;
    for (size_t i = 0; i < s.len; i++)
        n += is_first_byte(s.ptr[i]);
    return n;
}

static size_t byte_of(struct span s, size_t point)
{
    size_t i = 0;
    for (size_t n = 0; i < s.len; i++) {
        if (is_first_byte(s.ptr[i]) && n++ == point)
            break;
    }
    return i;
}

static void stars(struct strbuf *out, size_t n)
{
    for (size_t i = 0; i < n; i++)
        strbuf_addch(out, '*');
}

/* The first and last code points stay; all goes when nothing would be hidden between. */
static void mask_middle(struct span s, size_t first, size_t last, struct strbuf *out)
{
    size_t n = code_points(s);
    if (n <= first + last) {
        stars(out, n);
        return;
    }
    strbuf_add(out, s.ptr, byte_of(s, first));
    stars(out, n - first - last);
    size_t tail = byte_of(s, n - last);
    strbuf_add(out, s.ptr + tail, s.len - tail);
}

static void mask_email(struct span s, struct strbuf *out)
{
    const char *at = memchr(s.ptr, '@', s.len);
    if (at == NULL || at == s.ptr) {
        stars(out, code_points(s));
        return;
    }
    struct span local = {s.ptr, (size_t)(at - s.ptr)};
    size_t kept = byte_of(local, 1);
    strbuf_add(out, s.ptr, kept);
    stars(out, code_points(local) - 1);
    strbuf_add(out, at, s.len - local.len);
}

/* Groups of four, as on the card; a last group of the remainder. */
static void mask_bank_card(struct span s, struct strbuf *out)
{
    char digits[64];
    size_t n = 0;
    for (size_t i = 0; i < s.len && n < sizeof digits; i++)
        if (s.ptr[i] != ' ' && s.ptr[i] != '-')
            digits[n++] = s.ptr[i];
    if (n < 9 || n == sizeof digits) {
        stars(out, n);
        return;
    }
    size_t last = n % 4 == 0 ? 4 : n % 4;
    strbuf_add(out, digits, 4);
    for (size_t i = 0; i < n - 4 - last; i++) {
        if (i % 4 == 0)
            strbuf_addch(out, ' ');
        strbuf_addch(out, '*');
    }
    strbuf_addch(out, ' ');
    strbuf_add(out, digits + n - last, last);
}

void mask_text(enum mask_kind kind, struct span s, struct strbuf *out)
{
    size_t n;
    switch (kind) {
    case MASK_NONE: strbuf_add(out, s.ptr, s.len); return;
    case MASK_NAME: mask_middle(s, 1, 0, out); return;
    case MASK_CN_PHONE: mask_middle(s, 3, 4, out); return;
    case MASK_LANDLINE: mask_middle(s, 4, 2, out); return;
    case MASK_CN_ID: mask_middle(s, 1, 2, out); return;
    case MASK_ADDRESS:
        n = code_points(s);
        mask_middle(s, n > 8 ? n - 8 : 0, 0, out);
        return;
    case MASK_EMAIL: mask_email(s, out); return;
    case MASK_BANK_CARD: mask_bank_card(s, out); return;
    case MASK_PLATE: mask_middle(s, 3, 1, out); return;
    case MASK_ALL: stars(out, 4); return;
    }
}
