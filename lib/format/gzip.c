#include "format/gzip.h"
#include "core/mem.h"
#include "format/vendor.h"
#include <stdlib.h>
#include <zlib.h>

#define GZIP_WINDOW  (15 + 16) /* the largest window, gzip wrapper */
#define GZIP_MEMORY  8
#define OUTPUT_BYTES ((size_t)64 << 10)
#define INPUT_MAX    ((size_t)1 << 30)

struct gzip_writer {
    z_stream deflate;
};

struct gzip_writer *gzip_writer_new(void)
{
    struct gzip_writer *w = mem_alloc(sizeof(*w));
    (void)deflateInit2(&w->deflate, Z_DEFAULT_COMPRESSION, Z_DEFLATED, GZIP_WINDOW, GZIP_MEMORY,
                       Z_DEFAULT_STRATEGY);
    return w;
}

int gzip_writer_add(struct gzip_writer *w, const void *bytes, size_t n, bool last,
                    struct strbuf *out, struct error *err)
{
    const char *p = bytes;
    int code = Z_OK;
    do {
        size_t piece = n < INPUT_MAX ? n : INPUT_MAX;
        int flush = last && piece == n ? Z_FINISH : Z_NO_FLUSH;
        w->deflate.next_in = (Bytef *)unconst(p);
        w->deflate.avail_in = (uInt)piece;
        do {
            if (!strbuf_reserve(out, OUTPUT_BYTES))
                return error_set(err, ERR_LIMIT, "packed text exceeds %zu bytes", out->max);
            w->deflate.next_out = (Bytef *)out->data + out->len;
            w->deflate.avail_out = (uInt)OUTPUT_BYTES;
            code = deflate(&w->deflate, flush);
            if (code == Z_STREAM_ERROR)
                return error_set(err, ERR_BUG, "zlib cannot pack");
            out->len += OUTPUT_BYTES - w->deflate.avail_out;
            out->data[out->len] = '\0';
        } while (w->deflate.avail_out == 0);
        p += piece;
        n -= piece;
    } while (n > 0);
    return 0;
}

void gzip_writer_free(struct gzip_writer *w)
{
    if (!w)
        return;
    (void)deflateEnd(&w->deflate);
    free(w);
}
