/* Columns of text on a terminal, without the locale. Ranges from Unicode 14's EastAsianWidth.txt
 * (W and F) and, for zero width, the marks and format characters of the scripts met in practice. */
#include "cli/internal.h"
#include "cli/table.h"
#include <stdint.h>
#include <sys/ioctl.h>

#define COLUMNS_LEAST 20 /* fewer are no terminal for people */

struct range {
    uint32_t first, last;
};

static const struct range wide[] = {
    {0x1100, 0x115F},   {0x231A, 0x231B},   {0x2329, 0x232A},   {0x23E9, 0x23EC},
    {0x23F0, 0x23F0},   {0x23F3, 0x23F3},   {0x25FD, 0x25FE},   {0x2614, 0x2615},
    {0x2648, 0x2653},   {0x267F, 0x267F},   {0x2693, 0x2693},   {0x26A1, 0x26A1},
    {0x26AA, 0x26AB},   {0x26BD, 0x26BE},   {0x26C4, 0x26C5},   {0x26CE, 0x26CE},
    {0x26D4, 0x26D4},   {0x26EA, 0x26EA},   {0x26F2, 0x26F3},   {0x26F5, 0x26F5},
    {0x26FA, 0x26FA},   {0x26FD, 0x26FD},   {0x2705, 0x2705},   {0x270A, 0x270B},
    {0x2728, 0x2728},   {0x274C, 0x274C},   {0x274E, 0x274E},   {0x2753, 0x2755},
    {0x2757, 0x2757},   {0x2795, 0x2797},   {0x27B0, 0x27B0},   {0x27BF, 0x27BF},
    {0x2B1B, 0x2B1C},   {0x2B50, 0x2B50},   {0x2B55, 0x2B55},   {0x2E80, 0x303E},
    {0x3041, 0x3247},   {0x3250, 0x4DBF},   {0x4E00, 0xA4CF},   {0xA960, 0xA97F},
    {0xAC00, 0xD7A3},   {0xF900, 0xFAFF},   {0xFE10, 0xFE19},   {0xFE30, 0xFE6F},
    {0xFF01, 0xFF60},   {0xFFE0, 0xFFE6},   {0x16FE0, 0x18D08}, {0x1AFF0, 0x1B2FB},
    {0x1F004, 0x1F004}, {0x1F0CF, 0x1F0CF}, {0x1F18E, 0x1F18E}, {0x1F191, 0x1F19A},
    {0x1F200, 0x1F320}, {0x1F32D, 0x1F335}, {0x1F337, 0x1F37C}, {0x1F37E, 0x1F393},
    {0x1F3A0, 0x1F3CA}, {0x1F3CF, 0x1F3D3}, {0x1F3E0, 0x1F3F0}, {0x1F3F4, 0x1F3F4},
    {0x1F3F8, 0x1F43E}, {0x1F440, 0x1F440}, {0x1F442, 0x1F4FC}, {0x1F4FF, 0x1F53D},
    {0x1F54B, 0x1F54E}, {0x1F550, 0x1F567}, {0x1F57A, 0x1F57A}, {0x1F595, 0x1F596},
    {0x1F5A4, 0x1F5A4}, {0x1F5FB, 0x1F64F}, {0x1F680, 0x1F6C5}, {0x1F6CC, 0x1F6CC},
    {0x1F6D0, 0x1F6D2}, {0x1F6D5, 0x1F6DF}, {0x1F6EB, 0x1F6EF}, {0x1F6F4, 0x1F6FC},
    {0x1F7E0, 0x1F7F0}, {0x1F90C, 0x1F93A}, {0x1F93C, 0x1F945}, {0x1F947, 0x1F9FF},
    {0x1FA70, 0x1FAFF}, {0x20000, 0x3FFFD},
};

static const struct range zero[] = {
    {0x0300, 0x036F}, {0x0483, 0x0489},   {0x0591, 0x05BD},   {0x0610, 0x061A}, {0x064B, 0x065F},
    {0x093C, 0x093C}, {0x0E31, 0x0E31},   {0x0E34, 0x0E3A},   {0x0E47, 0x0E4E}, {0x1160, 0x11FF},
    {0x1AB0, 0x1ACE}, {0x1DC0, 0x1DFF},   {0x200B, 0x200F},   {0x202A, 0x202E}, {0x2060, 0x2064},
    {0x20D0, 0x20F0}, {0x302A, 0x302D},   {0x3099, 0x309A},   {0xFE00, 0xFE0F}, {0xFE20, 0xFE2F},
    {0xFEFF, 0xFEFF}, {0xE0001, 0xE007F}, {0xE0100, 0xE01EF},
};

static bool is_in(uint32_t c, const struct range *ranges, size_t n)
{
    size_t low = 0, high = n;

    while (low < high) {
        size_t middle = (low + high) / 2;
        if (c > ranges[middle].last)
            low = middle + 1;
        else if (c < ranges[middle].first)
            high = middle;
        else
            return true;
    }
    return false;
}

/* One code point; bytes that are no UTF-8 come out singly as U+FFFD. Returns the bytes used. */
static size_t utf8_next(const char *s, size_t n, uint32_t *ret)
{
    const unsigned char *p = (const unsigned char *)s;
    size_t length = p[0] < 0x80 ? 1 : p[0] < 0xC2 ? 0 : p[0] < 0xE0 ? 2 : p[0] < 0xF0 ? 3 : 4;
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    uint32_t c = length <= 1 ? p[0] : p[0] & (0x7FU >> length);

    for (size_t i = 1; i < length && i < n && length > 0; i++)
        c = (p[i] & 0xC0) == 0x80 ? (c << 6) | (p[i] & 0x3FU) : 0xFFFFFFFFU;
    if (length == 0 || length > n || c < least[length] || c > 0x10FFFF ||
        (c >= 0xD800 && c <= 0xDFFF)) {
        *ret = 0xFFFD;
        return 1;
    }
    *ret = c;
    return length;
}

size_t display_width(const char *utf8, size_t n)
{
    size_t width = 0;
    uint32_t c;

    for (size_t i = 0; i < n;) {
        if ((unsigned char)utf8[i] < 0x80) {
            width += (unsigned char)utf8[i++] >= 0x20;
            continue;
        }
        i += utf8_next(utf8 + i, n - i, &c);
        if (is_in(c, wide, sizeof(wide) / sizeof(wide[0])))
            width += 2;
        else if (c >= 0xA0 && !is_in(c, zero, sizeof(zero) / sizeof(zero[0])))
            width++;
    }
    return width;
}

/* C0, DEL, C1, and what turns the direction of text around or hides. */
static bool is_unsafe(uint32_t c)
{
    return c < 0x20 || (c >= 0x7F && c < 0xA0) || (c >= 0x202A && c <= 0x202E) ||
           (c >= 0x2066 && c <= 0x2069) || c == 0x2028 || c == 0x2029;
}

void cli_add_safe(struct strbuf *out, const char *text, size_t n, bool keep_newlines)
{
    uint32_t c;

    for (size_t i = 0; i < n;) {
        size_t used = utf8_next(text + i, n - i, &c);
        if (c == 0xFFFD && used == 1)
            strbuf_adds(out, "\xEF\xBF\xBD");
        else if (!is_unsafe(c) || (c == '\n' && keep_newlines))
            strbuf_add(out, text + i, used);
        else if (c == '\n' || c == '\t' || c == '\r')
            strbuf_addf(out, "\\%c", c == '\n' ? 'n' : c == '\t' ? 't' : 'r');
        else
            strbuf_addf(out, c < 0x100 ? "\\x%02x" : "\\u%04x", c);
        i += used;
    }
}

bool cli_paragraph(const char **text, struct strbuf *one)
{
    if (*text == NULL || **text == '\0')
        return false;
    const char *end = strstr(*text, "\n\n");
    size_t n = end != NULL ? (size_t)(end - *text) : strlen(*text);
    strbuf_clear(one);
    strbuf_add(one, *text, n);
    *text += n;
    *text += strspn(*text, "\n");
    return true;
}

size_t cli_terminal_columns(FILE *stream)
{
    struct winsize size;

    return ioctl(fileno(stream), TIOCGWINSZ, &size) == 0 && size.ws_col >= COLUMNS_LEAST
               ? size.ws_col
               : 0;
}

static size_t help_columns = CLI_WIDTH;

void cli_set_help_columns(size_t terminal_columns)
{
    help_columns =
        terminal_columns > 0 && terminal_columns < CLI_WIDTH ? terminal_columns : CLI_WIDTH;
}

size_t cli_help_columns(void)
{
    return help_columns;
}

void cli_pad(struct strbuf *out, size_t columns)
{
    while (columns-- > 0)
        strbuf_addch(out, ' ');
}

static bool is_wide(uint32_t c)
{
    return is_in(c, wide, sizeof(wide) / sizeof(wide[0]));
}

/* Is the character at s one of these, all of which are one byte or three long? */
static bool is_one_of(const char *characters, const char *s, size_t n)
{
    for (size_t used; *characters; characters += used) {
        used = (unsigned char)*characters < 0x80 ? 1 : 3;
        if (used == n && memcmp(characters, s, n) == 0)
            return true;
    }
    return false;
}

size_t cli_piece(const char *text)
{
    size_t n = 0;
    bool was_wide = false, was_opening = false;
    uint32_t c;

    while (text[n] != '\0' && text[n] != ' ' && text[n] != '\n') {
        size_t used = utf8_next(text + n, strnlen(text + n, 4), &c);
        bool wide_now = is_wide(c);
        if (n > 0 && (was_wide || wide_now) && !was_opening &&
            !is_one_of("，。；：、！？）》」』】”’…)].,;:!?'\"", text + n, used))
            break;
        was_opening = is_one_of("（《「『【“‘([`", text + n, used);
        was_wide = wide_now;
        n += used;
    }
    return n;
}

void cli_wrap(struct strbuf *out, const char *text, size_t indent, size_t width)
{
    size_t column = indent;
    bool blank = false;

    for (const char *p = text; *p;) {
        size_t n = cli_piece(p);
        size_t columns = display_width(p, n);
        if (column > indent && column + blank + columns > width) {
            strbuf_addch(out, '\n');
            cli_pad(out, indent);
            column = indent;
        } else if (column > indent && blank) {
            strbuf_addch(out, ' ');
            column++;
        }
        strbuf_add(out, p, n);
        column += columns;
        p += n;
        n = strspn(p, " \n");
        blank = n > 0;
        p += n;
    }
    strbuf_addch(out, '\n');
}
