#include "core/spool.h"

#include "core/fileio.h"
#include "core/mem.h"
#include "core/message.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct stream {
    char *buffer; /* the last chunk, not yet written */
    size_t used;
    uint64_t *chunks; /* their numbers in the file, in order */
    size_t nchunks, capacity;
};

struct spool {
    int fd;
    size_t chunk_bytes, nstreams;
    uint64_t next_chunk;
    struct stream *streams;
};

int spool_open(size_t streams, size_t chunk_bytes, struct spool **ret, struct error *err)
{
    int fd = -1;
    TRY(file_open_unnamed(&fd, err));
    struct spool *s = mem_alloc(sizeof *s);
    s->fd = fd;
    s->chunk_bytes = chunk_bytes;
    s->nstreams = streams;
    s->streams = mem_array(streams, sizeof *s->streams);
    *ret = s;
    return 0;
}

void spool_close(struct spool *s)
{
    if (s == NULL)
        return;
    for (size_t i = 0; i < s->nstreams; i++) {
        free(s->streams[i].buffer);
        free(s->streams[i].chunks);
    }
    free(s->streams);
    close(s->fd);
    free(s);
}

static int write_chunk(struct spool *s, struct stream *stream, struct error *err)
{
    const uint64_t number = s->next_chunk++;
    for (size_t done = 0; done < s->chunk_bytes;) {
        ssize_t n = pwrite(s->fd, stream->buffer + done, s->chunk_bytes - done,
                           (off_t)(number * s->chunk_bytes + done));
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            error_set(err, ERR_IO, "cannot write a temporary file: %s",
                      message_text(strerror(errno)));
            return error_hint(err, "set TMPDIR to a directory with room");
        }
        done += (size_t)n;
    }
    stream->chunks =
        mem_grow(stream->chunks, &stream->capacity, stream->nchunks + 1, sizeof *stream->chunks);
    stream->chunks[stream->nchunks++] = number;
    stream->used = 0;
    return 0;
}

int spool_add(struct spool *s, size_t stream, const void *bytes, size_t n, struct error *err)
{
    struct stream *to = &s->streams[stream];
    const char *from = bytes;
    if (to->buffer == NULL)
        to->buffer = mem_alloc(s->chunk_bytes);
    while (n > 0) {
        size_t part = s->chunk_bytes - to->used < n ? s->chunk_bytes - to->used : n;
        memcpy(to->buffer + to->used, from, part);
        to->used += part;
        from += part;
        n -= part;
        if (to->used == s->chunk_bytes)
            TRY(write_chunk(s, to, err));
    }
    return 0;
}

uint64_t spool_size(const struct spool *s, size_t stream)
{
    const struct stream *of = &s->streams[stream];
    return of->nchunks * s->chunk_bytes + of->used;
}

void spool_reader_init(struct spool_reader *r, struct spool *s, size_t stream)
{
    *r = (struct spool_reader){.spool = s, .stream = stream, .data = mem_alloc(s->chunk_bytes)};
}

void spool_reader_release(struct spool_reader *r)
{
    free(r->data);
    *r = (struct spool_reader){0};
}

/* The next chunk of the stream into data; at its end len stays 0. */
static int load_chunk(struct spool_reader *r, struct error *err)
{
    const struct spool *s = r->spool;
    const struct stream *from = &s->streams[r->stream];
    r->at = r->len = 0;
    if (r->chunk == from->nchunks && from->used > 0) {
        memcpy(r->data, from->buffer, from->used);
        r->len = from->used;
    } else if (r->chunk < from->nchunks) {
        while (r->len < s->chunk_bytes) {
            ssize_t n = pread(s->fd, r->data + r->len, s->chunk_bytes - r->len,
                              (off_t)(from->chunks[r->chunk] * s->chunk_bytes + r->len));
            if (n < 0 && errno == EINTR)
                continue;
            if (n <= 0)
                return error_set(err, ERR_IO, "cannot read a temporary file: %s",
                                 message_text(n < 0 ? strerror(errno) : MESSAGE("it was cut off")));
            r->len += (size_t)n;
        }
    }
    r->chunk++;
    return 0;
}

int spool_read(struct spool_reader *r, void *bytes, size_t n, bool *ret_end, struct error *err)
{
    char *to = bytes;
    size_t left = n;
    *ret_end = false;
    while (left > 0) {
        if (r->at == r->len)
            TRY(load_chunk(r, err));
        if (r->len == 0) {
            *ret_end = true;
            return left == n ? 0 : error_set(err, ERR_BUG, "a temporary file ends within a record");
        }
        size_t part = r->len - r->at < left ? r->len - r->at : left;
        memcpy(to, r->data + r->at, part);
        r->at += part;
        to += part;
        left -= part;
    }
    return 0;
}
