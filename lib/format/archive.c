/* gzip by zlib, zstd by libzstd; what is not packed passes as it is. */
#include "format/archive.h"
#include "core/message.h"
#include "core/signals.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#define INPUT_BYTES ((size_t)64 << 10)
#define GZIP_WINDOW (15 + 16) /* the largest window, gzip wrapper */

enum archive_kind archive_kind_of(const char *bytes, size_t n)
{
    static const struct {
        const char *bytes;
        size_t n;
        enum archive_kind kind;
    } MAGIC[] = {
        {"\x1f\x8b", 2, ARCHIVE_GZIP},
        {"\x28\xb5\x2f\xfd", 4, ARCHIVE_ZSTD},
        {"PK\3\4", 4, ARCHIVE_ZIP},
        {"PK\5\6", 4, ARCHIVE_ZIP}, /* without a member */
    };
    for (size_t i = 0; i < sizeof(MAGIC) / sizeof(MAGIC[0]); i++)
        if (n >= MAGIC[i].n && memcmp(bytes, MAGIC[i].bytes, MAGIC[i].n) == 0)
            return MAGIC[i].kind;
    return ARCHIVE_NONE;
}

struct unpacker {
    struct byte_source base;
    int fd;
    char *name;
    enum archive_kind kind;
    struct span head;
    char *head_bytes;
    char *input;
    size_t input_at, input_len;
    bool input_end;
    bool between; /* at the end of a member or frame: the end of the file is one */
    bool in_first;
    uint64_t packed_bytes, plain_bytes;
    z_stream inflate;
    bool has_inflate;
    ZSTD_DStream *zstd;
};

/* ---- input --------------------------------------------------------------------------------- */

static int read_input(struct unpacker *u, char *out, size_t n, size_t *ret_n, struct error *err)
{
    if (u->head.len > 0) {
        *ret_n = u->head.len < n ? u->head.len : n;
        memcpy(out, u->head.ptr, *ret_n);
        u->head = (struct span){u->head.ptr + *ret_n, u->head.len - *ret_n};
        return 0;
    }
    for (;;) {
        ssize_t k = read(u->fd, out, n);
        if (k < 0 && errno != EINTR)
            return error_set_errno(err, ERR_IO, errno, "cannot read '%s'", u->name);
        TRY(signals_check(err));
        if (k < 0)
            continue;
        *ret_n = (size_t)k;
        return 0;
    }
}

static int fill_input(struct unpacker *u, struct error *err)
{
    if (u->input_at < u->input_len || u->input_end)
        return 0;
    u->input_at = 0;
    u->input_len = 0;
    TRY(read_input(u, u->input, INPUT_BYTES, &u->input_len, err));
    u->packed_bytes += u->input_len;
    u->input_end = u->input_len == 0;
    return 0;
}

static const char *kind_name(const struct unpacker *u)
{
    return u->kind == ARCHIVE_GZIP ? "gzip" : "zstd";
}

static int fail_truncated(const struct unpacker *u, struct error *err)
{
    error_set(err, ERR_DATA, "'%s' is cut off: its %s data does not end", u->name, kind_name(u));
    return error_hint(err, "fetch it again; nothing of it was loaded");
}

static int fail_damaged(const struct unpacker *u, const char *why, struct error *err)
{
    error_set(err, ERR_DATA, "'%s' is damaged: %s, after %llu unpacked bytes", u->name, why,
              (unsigned long long)u->plain_bytes);
    return error_hint(err, "fetch it again; nothing of it was loaded");
}

static int check_size(struct unpacker *u, size_t more, struct error *err)
{
    u->plain_bytes += more;
    if (u->plain_bytes <= ARCHIVE_PLAIN_MIN_BYTES ||
        u->plain_bytes / ARCHIVE_RATIO_MAX <= u->packed_bytes)
        return 0;
    error_set(err, ERR_LIMIT, "'%s' unpacks to more than %d times its size", u->name,
              ARCHIVE_RATIO_MAX);
    return error_hint(err, "unpack it by hand and look at it, if it is to be trusted");
}

/* ---- gzip ---------------------------------------------------------------------------------- */

/* Between members: another one, zeros up to the end (tapes pad), or nothing. */
static int begin_member(struct unpacker *u, bool *ret_end, struct error *err)
{
    while (!u->in_first && u->input_at < u->input_len && u->input[u->input_at] == '\0') {
        u->input_at++;
        TRY(fill_input(u, err));
    }
    *ret_end = u->input_at == u->input_len;
    if (*ret_end)
        return 0;
    if (!u->in_first && (unsigned char)u->input[u->input_at] != 0x1f)
        return fail_damaged(u, message_text("what follows is not gzip"), err);
    int code = u->has_inflate ? inflateReset(&u->inflate) : inflateInit2(&u->inflate, GZIP_WINDOW);
    u->has_inflate = true;
    u->in_first = false;
    u->between = false;
    return code == Z_OK ? 0 : error_set(err, ERR_BUG, "zlib cannot be initialised");
}

static int inflate_some(struct unpacker *u, char *out, size_t n, size_t *ret_n, struct error *err)
{
    for (;;) {
        TRY(fill_input(u, err));
        bool end = false;
        if (u->between)
            TRY(begin_member(u, &end, err));
        if (end) {
            *ret_n = 0;
            return 0;
        }
        u->inflate.next_in = (Bytef *)u->input + u->input_at;
        u->inflate.avail_in = (uInt)(u->input_len - u->input_at);
        u->inflate.next_out = (Bytef *)out;
        u->inflate.avail_out = (uInt)(n < INPUT_BYTES * 16 ? n : INPUT_BYTES * 16);
        uInt room = u->inflate.avail_out;
        int code = inflate(&u->inflate, Z_NO_FLUSH);
        u->input_at = u->input_len - u->inflate.avail_in;
        *ret_n = room - u->inflate.avail_out;
        u->between = code == Z_STREAM_END;
        if (code != Z_OK && code != Z_STREAM_END && code != Z_BUF_ERROR)
            return fail_damaged(u, u->inflate.msg ? u->inflate.msg : message_text("not gzip"), err);
        TRY(check_size(u, *ret_n, err));
        if (*ret_n > 0)
            return 0;
        if (u->input_end && !u->between)
            return fail_truncated(u, err);
    }
}

/* ---- zstd ---------------------------------------------------------------------------------- */

static int zstd_some(struct unpacker *u, char *out, size_t n, size_t *ret_n, struct error *err)
{
    for (;;) {
        TRY(fill_input(u, err));
        if (u->input_end && u->between) {
            *ret_n = 0;
            return 0;
        }
        ZSTD_inBuffer in = {u->input, u->input_len, u->input_at};
        ZSTD_outBuffer to = {.size = n};
        to.dst = out;
        size_t left = ZSTD_decompressStream(u->zstd, &to, &in);
        if (ZSTD_isError(left))
            return fail_damaged(u, ZSTD_getErrorName(left), err);
        bool moved = in.pos > u->input_at || to.pos > 0;
        u->input_at = in.pos;
        u->between = left == 0;
        *ret_n = to.pos;
        TRY(check_size(u, to.pos, err));
        if (to.pos > 0)
            return 0;
        if (u->input_end && !u->between && !moved)
            return fail_truncated(u, err);
    }
}

/* ---- the source ---------------------------------------------------------------------------- */

static int unpacker_read(struct byte_source *b, char *out, size_t n, size_t *ret_n,
                         struct error *err)
{
    struct unpacker *u = (struct unpacker *)b;
    switch (u->kind) {
    case ARCHIVE_GZIP: return inflate_some(u, out, n, ret_n, err);
    case ARCHIVE_ZSTD: return zstd_some(u, out, n, ret_n, err);
    case ARCHIVE_NONE:
    case ARCHIVE_ZIP: break;
    }
    return read_input(u, out, n, ret_n, err);
}

static int unpacker_begin(struct unpacker *u, struct error *err)
{
    u->input_at = u->input_len = 0;
    u->input_end = false;
    u->packed_bytes = u->plain_bytes = 0;
    u->between = u->in_first = true;
    if (u->kind == ARCHIVE_ZSTD && ZSTD_isError(ZSTD_initDStream(u->zstd)))
        return error_set(err, ERR_BUG, "libzstd cannot be initialised");
    return 0;
}

static int unpacker_rewind(struct byte_source *b, struct error *err)
{
    struct unpacker *u = (struct unpacker *)b;
    if (lseek(u->fd, 0, SEEK_SET) != 0)
        return error_set_errno(err, ERR_IO, errno, "cannot seek in '%s'", u->name);
    return unpacker_begin(u, err);
}

static void unpacker_close(struct byte_source *b)
{
    struct unpacker *u = (struct unpacker *)b;
    if (u->has_inflate)
        (void)inflateEnd(&u->inflate);
    if (u->zstd)
        (void)ZSTD_freeDStream(u->zstd);
    close(u->fd);
    free(u->head_bytes);
    free(u->input);
    free(u->name);
    free(u);
}

int archive_open(int fd, const char *name, enum archive_kind kind, struct span head,
                 struct byte_source **ret, struct error *err)
{
    struct stat st;
    struct unpacker *u = mem_alloc(sizeof(*u));
    bool is_file = fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
    u->base = (struct byte_source){
        .read = unpacker_read, .rewind = is_file ? unpacker_rewind : NULL, .close = unpacker_close};
    u->fd = fd;
    u->name = mem_strdup(name);
    u->kind = kind;
    u->head_bytes = mem_alloc(head.len + 1);
    if (head.len > 0)
        memcpy(u->head_bytes, head.ptr, head.len);
    u->head = (struct span){u->head_bytes, head.len};
    u->input = kind == ARCHIVE_NONE ? NULL : mem_alloc(INPUT_BYTES);
    u->zstd = kind == ARCHIVE_ZSTD ? ZSTD_createDStream() : NULL;
    int code = unpacker_begin(u, err);
    if (code != 0) {
        unpacker_close(&u->base);
        return code;
    }
    *ret = &u->base;
    return 0;
}
