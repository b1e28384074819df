/* lib/net/load_response.h - the load loop's HTTP/1.1 response reader: where an answer ends, and no
 * more. Bodies are counted and thrown away, headers that do not decide framing are skipped; memory
 * is this struct, whatever the server sends. Push style: bytes come in pieces of any size.
 * Source of the rules: RFC 9112 (framing: section 6.3). Private to lib/net, except for fuzzing. */
#ifndef DINER_NET_LOAD_RESPONSE_H
#define DINER_NET_LOAD_RESPONSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LOAD_LINE_MAX 512               /* kept of a line; the rest of it is skipped */
#define LOAD_HEAD_MAX ((uint32_t)65536) /* status line, headers, chunk lines, trailers */

enum load_framing {
    LOAD_FRAMING_NONE,
    LOAD_FRAMING_LENGTH,
    LOAD_FRAMING_CHUNKED,
    LOAD_FRAMING_EOF
};

enum load_state {
    LOAD_STATUS_LINE,
    LOAD_HEADERS,
    LOAD_BODY,     /* `left` bytes of a body or a chunk */
    LOAD_BODY_EOF, /* until the connection closes */
    LOAD_CHUNK_SIZE,
    LOAD_CHUNK_END, /* the line end after a chunk */
    LOAD_TRAILERS,
    LOAD_DONE,
    LOAD_BROKEN,
};

struct load_response {
    enum load_state state;
    int status;          /* 0 until the status line was read */
    bool keep_alive;     /* the connection may carry another request */
    bool started;        /* any byte came */
    uint64_t body_bytes; /* so far */
    const char *broken;  /* what was wrong, once state is LOAD_BROKEN; a literal */
    /* private */
    bool head_only;
    bool has_length, chunked;
    uint64_t length, left, body_max;
    uint32_t head_bytes, line_len;
    char line[LOAD_LINE_MAX];
};

/* head_request: the answer to HEAD has no body. body_max_bytes: more is LOAD_BROKEN. */
void load_response_begin(struct load_response *r, bool head_request, uint64_t body_max_bytes);
/* Returns how many bytes were used; stops at the end of the answer (LOAD_DONE) or of the input. */
size_t load_response_feed(struct load_response *r, const char *bytes, size_t n);
/* The connection closed: an answer without length ends, any other is broken. */
void load_response_eof(struct load_response *r);

#endif
