/* lib/net/load_response.c - see load_response.h. */
#include "net/load_response.h"

#include <string.h>
#include <strings.h>

void load_response_begin(struct load_response *r, bool head_request, uint64_t body_max_bytes)
{
    /* The line buffer need not be cleared: line_len says what of it counts. */
    memset(r, 0, offsetof(struct load_response, line));
    r->head_only = head_request;
    r->body_max = body_max_bytes;
}

static void response_break(struct load_response *r, const char *why)
{
    r->state = LOAD_BROKEN;
    r->broken = why;
    r->keep_alive = false;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* "HTTP/1.1 200 OK" */
static void read_status_line(struct load_response *r)
{
    const char *s = r->line;
    bool shaped = r->line_len >= 12 && memcmp(s, "HTTP/1.", 7) == 0 && is_digit(s[7]) &&
                  s[8] == ' ' && is_digit(s[9]) && is_digit(s[10]) && is_digit(s[11]) &&
                  (r->line_len == 12 || s[12] == ' ');
    if (!shaped || s[9] == '0') {
        response_break(r, "not an HTTP/1 status line");
        return;
    }
    r->status = (s[9] - '0') * 100 + (s[10] - '0') * 10 + (s[11] - '0');
    r->keep_alive = s[7] != '0';
    r->state = LOAD_HEADERS;
}

/* Whether a comma-separated list holds a word. */
static bool list_has(const char *list, size_t n, const char *word)
{
    size_t word_len = strlen(word);
    for (size_t i = 0; i < n;) {
        while (i < n && (list[i] == ' ' || list[i] == '\t' || list[i] == ','))
            i++;
        size_t start = i;
        while (i < n && list[i] != ',')
            i++;
        size_t end = i;
        while (end > start && (list[end - 1] == ' ' || list[end - 1] == '\t'))
            end--;
        if (end - start == word_len && strncasecmp(list + start, word, word_len) == 0)
            return true;
    }
    return false;
}

static void read_length(struct load_response *r, const char *value, size_t n)
{
    uint64_t length = 0;
    if (n == 0 || n > 18) {
        response_break(r, "bad Content-Length");
        return;
    }
    for (size_t i = 0; i < n; i++) {
        if (!is_digit(value[i])) {
            response_break(r, "bad Content-Length");
            return;
        }
        length = length * 10 + (uint64_t)(value[i] - '0');
    }
    if (r->has_length && r->length != length)
        response_break(r, "two different Content-Lengths");
    r->has_length = true;
    r->length = length;
}

static void read_header(struct load_response *r)
{
    const char *colon = memchr(r->line, ':', r->line_len);
    if (colon == NULL || colon == r->line) {
        response_break(r, "a header line without a name");
        return;
    }
    size_t name = (size_t)(colon - r->line);
    const char *value = colon + 1;
    size_t n = r->line_len - name - 1;
    while (n > 0 && (*value == ' ' || *value == '\t'))
        value++, n--;
    while (n > 0 && (value[n - 1] == ' ' || value[n - 1] == '\t'))
        n--;
    if (name == 14 && strncasecmp(r->line, "content-length", 14) == 0)
        read_length(r, value, n);
    else if (name == 17 && strncasecmp(r->line, "transfer-encoding", 17) == 0)
        r->chunked = list_has(value, n, "chunked");
    else if (name == 10 && strncasecmp(r->line, "connection", 10) == 0) {
        if (list_has(value, n, "close"))
            r->keep_alive = false;
        else if (list_has(value, n, "keep-alive"))
            r->keep_alive = true;
    }
}

static void body_begin(struct load_response *r, uint64_t bytes)
{
    if (bytes > r->body_max - r->body_bytes) {
        response_break(r, "the body is larger than allowed");
        return;
    }
    r->left = bytes;
    r->state = LOAD_BODY;
}

/* The blank line after the headers: what follows, by RFC 9112 section 6.3. */
static void end_of_headers(struct load_response *r)
{
    if (r->status < 200 && r->status != 101) { /* interim: the real answer follows */
        bool head_only = r->head_only;
        uint64_t max = r->body_max;
        load_response_begin(r, head_only, max);
        r->started = true;
        return;
    }
    if (r->head_only || r->status == 204 || r->status == 304 || r->status == 101)
        r->state = LOAD_DONE;
    else if (r->chunked)
        r->state = LOAD_CHUNK_SIZE;
    else if (r->has_length && r->length == 0)
        r->state = LOAD_DONE;
    else if (r->has_length)
        body_begin(r, r->length);
    else {
        r->state = LOAD_BODY_EOF;
        r->keep_alive = false;
    }
}

static void read_chunk_size(struct load_response *r)
{
    uint64_t size = 0;
    size_t digits = 0;
    for (; digits < r->line_len; digits++) {
        char c = r->line[digits];
        int value = is_digit(c)              ? c - '0'
                    : (c >= 'a' && c <= 'f') ? c - 'a' + 10
                    : (c >= 'A' && c <= 'F') ? c - 'A' + 10
                                             : -1;
        if (value < 0)
            break;
        size = size * 16 + (uint64_t)value;
        if (digits >= 15)
            break;
    }
    char after = digits < r->line_len ? r->line[digits] : ';';
    if (digits == 0 || digits > 14 || (after != ';' && after != ' ' && after != '\t'))
        response_break(r, "bad chunk size");
    else if (size == 0)
        r->state = LOAD_TRAILERS;
    else
        body_begin(r, size);
}

static void read_line(struct load_response *r)
{
    if (r->line_len > 0 && r->line[r->line_len - 1] == '\r')
        r->line_len--;
    switch (r->state) {
    case LOAD_STATUS_LINE: read_status_line(r); break;
    case LOAD_HEADERS:
        if (r->line_len == 0)
            end_of_headers(r);
        else
            read_header(r);
        break;
    case LOAD_CHUNK_SIZE:
        r->head_bytes = 0; /* a long body has many chunk lines: each is bounded, not their sum */
        read_chunk_size(r);
        break;
    case LOAD_CHUNK_END:
        if (r->line_len == 0)
            r->state = LOAD_CHUNK_SIZE;
        else
            response_break(r, "a chunk is longer than its size");
        break;
    case LOAD_TRAILERS:
        if (r->line_len == 0)
            r->state = LOAD_DONE;
        break;
    default: break;
    }
    r->line_len = 0;
}

/* Collects bytes up to a line end; reads the line once it is whole. */
static size_t feed_line(struct load_response *r, const char *bytes, size_t n)
{
    const char *end = memchr(bytes, '\n', n);
    size_t used = end == NULL ? n : (size_t)(end - bytes) + 1;
    size_t text = end == NULL ? n : used - 1;
    if (used > LOAD_HEAD_MAX - r->head_bytes) {
        response_break(r, "the header is larger than 64 KiB");
        return used;
    }
    r->head_bytes += (uint32_t)used;
    size_t room = LOAD_LINE_MAX - r->line_len;
    size_t kept = text < room ? text : room;
    memcpy(r->line + r->line_len, bytes, kept);
    r->line_len += (uint32_t)kept;
    if (end != NULL)
        read_line(r);
    return used;
}

static size_t feed_body(struct load_response *r, size_t n)
{
    size_t used = n < r->left ? n : (size_t)r->left;
    r->left -= used;
    r->body_bytes += used;
    if (r->left == 0)
        r->state = r->chunked ? LOAD_CHUNK_END : LOAD_DONE;
    return used;
}

size_t load_response_feed(struct load_response *r, const char *bytes, size_t n)
{
    size_t used = 0;
    if (n > 0)
        r->started = true;
    while (used < n && r->state != LOAD_DONE && r->state != LOAD_BROKEN) {
        if (r->state == LOAD_BODY) {
            used += feed_body(r, n - used);
        } else if (r->state == LOAD_BODY_EOF) {
            if (n - used > r->body_max - r->body_bytes)
                response_break(r, "the body is larger than allowed");
            else
                r->body_bytes += n - used;
            used = n;
        } else {
            used += feed_line(r, bytes + used, n - used);
        }
    }
    return used;
}

void load_response_eof(struct load_response *r)
{
    if (r->state == LOAD_BODY_EOF)
        r->state = LOAD_DONE;
    else if (r->state != LOAD_DONE && r->state != LOAD_BROKEN)
        response_break(r, "the connection was cut");
    r->keep_alive = false;
}
