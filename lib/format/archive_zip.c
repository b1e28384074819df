/* zip by libzip, loaded when the first zip is met. */
#include "core/fileio.h"
#include "core/signals.h"
#include "format/archive.h"
#include "format/encoding.h"
#include "format/library.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zip.h>

#define MEMBERS_MAX 10000
#define COPY_BYTES  ((size_t)64 << 10)

/* ---- libzip -------------------------------------------------------------------------------- */

static struct {
    __typeof__(zip_fdopen) *fdopen;
    __typeof__(zip_discard) *discard;
    __typeof__(zip_get_num_entries) *count;
    __typeof__(zip_stat_index) *stat;
    __typeof__(zip_get_name) *name;
    __typeof__(zip_fopen_index) *open;
    __typeof__(zip_fread) *read;
    __typeof__(zip_fclose) *close;
    __typeof__(zip_strerror) *error;
    __typeof__(zip_file_strerror) *file_error;
    __typeof__(zip_error_init_with_code) *error_init;
    __typeof__(zip_error_strerror) *error_text;
    __typeof__(zip_error_fini) *error_fini;
} lib;

static int load_library(struct error *err)
{
#define SYMBOL(function, member)                                                                   \
    {                                                                                              \
#function, (size_t)((char *)&lib.member - (char *)&lib)                                    \
    }
    static const char *const SONAMES[] = {"libzip.so.4", "libzip.so.5", NULL};
    const struct library_symbol symbols[] = {SYMBOL(zip_fdopen, fdopen),
                                             SYMBOL(zip_discard, discard),
                                             SYMBOL(zip_get_num_entries, count),
                                             SYMBOL(zip_stat_index, stat),
                                             SYMBOL(zip_get_name, name),
                                             SYMBOL(zip_fopen_index, open),
                                             SYMBOL(zip_fread, read),
                                             SYMBOL(zip_fclose, close),
                                             SYMBOL(zip_strerror, error),
                                             SYMBOL(zip_file_strerror, file_error),
                                             SYMBOL(zip_error_init_with_code, error_init),
                                             SYMBOL(zip_error_strerror, error_text),
                                             SYMBOL(zip_error_fini, error_fini),
                                             {0}};
#undef SYMBOL
    const struct library l = {SONAMES, "libzip4", symbols};
    return lib.fdopen ? 0 : library_load(&l, &lib, err);
}

/* ---- the directory ------------------------------------------------------------------------- */

struct archive_zip {
    zip_t *zip;
    char *name;
    struct arena *arena;
    struct archive_member *members;
    size_t nmembers;
};

/* Tools of Chinese systems write GBK and do not say so. */
static const char *name_utf8(struct arena *arena, const char *raw)
{
    size_t n = strlen(raw);
    struct error ignored = ERROR_INIT;
    struct encoding encoding;
    struct decoder *decoder = NULL;
    AUTO_STRBUF struct strbuf out = {0};
    if (utf8_is_valid(raw, n) || encoding_named("GB18030", &encoding, &ignored) != 0 ||
        decoder_new(&encoding, &decoder, &ignored) != 0)
        return arena_strdup(arena, raw);
    strbuf_init(&out, n * 4 + 64);
    (void)decoder_feed(decoder, raw, n, true, &out, &ignored);
    decoder_free(decoder);
    return arena_strndup(arena, out.data, out.len);
}

static bool is_data_name(const char *name)
{
    const char *slash = strrchr(name, '/');
    const char *base = slash ? slash + 1 : name;
    return *base != '\0' && strncmp(name, "__MACOSX/", 9) != 0 && strcmp(base, ".DS_Store") != 0;
}

static int list_members(struct archive_zip *z, struct error *err)
{
    zip_int64_t count = lib.count(z->zip, 0);
    if (count > MEMBERS_MAX)
        return error_set(err, ERR_LIMIT, "'%s' has more than %d members", z->name, MEMBERS_MAX);
    z->nmembers = count > 0 ? (size_t)count : 0;
    z->members = arena_array(z->arena, z->nmembers + 1, sizeof(*z->members));
    for (size_t i = 0; i < z->nmembers; i++) {
        struct zip_stat st;
        const char *raw = lib.name(z->zip, i, ZIP_FL_ENC_RAW);
        if (!raw || lib.stat(z->zip, i, 0, &st) != 0)
            return error_set(err, ERR_DATA, "'%s' is damaged: %s", z->name, lib.error(z->zip));
        const char *name = name_utf8(z->arena, raw);
        bool is_encrypted =
            (st.valid & ZIP_STAT_ENCRYPTION_METHOD) && st.encryption_method != ZIP_EM_NONE;
        z->members[i] =
            (struct archive_member){.name = name,
                                    .index = i,
                                    .size_bytes = st.valid & ZIP_STAT_SIZE ? st.size : 0,
                                    .is_data = is_data_name(name),
                                    .is_encrypted = is_encrypted};
    }
    return 0;
}

static int refuse_office(const struct archive_zip *z, struct error *err)
{
    for (size_t i = 0; i < z->nmembers; i++) {
        if (strcmp(z->members[i].name, "[Content_Types].xml") == 0) {
            error_set(err, ERR_DATA, "'%s' is an xlsx file, not text", z->name);
            return error_hint(err, "save the sheet as CSV");
        }
    }
    return 0;
}

static int open_zip(struct archive_zip *z, int fd, struct error *err)
{
    int why = 0;
    z->zip = lib.fdopen(fd, ZIP_RDONLY, &why);
    if (!z->zip) {
        zip_error_t text;
        lib.error_init(&text, why);
        error_set(err, ERR_DATA, "'%s' is a zip file that cannot be read: %s", z->name,
                  lib.error_text(&text));
        lib.error_fini(&text);
        close(fd);
        return error_hint(err, "it may be cut off: a zip has its directory at its end");
    }
    TRY(list_members(z, err));
    return refuse_office(z, err);
}

int archive_zip_open(int fd, const char *name, struct archive_zip **ret, struct error *err)
{
    int code = load_library(err);
    if (code == 0 && lseek(fd, 0, SEEK_SET) != 0)
        code = error_set_errno(err, ERR_IO, errno, "cannot seek in '%s'", name);
    if (code != 0) {
        close(fd);
        return code;
    }
    struct archive_zip *z = mem_alloc(sizeof(*z));
    z->name = mem_strdup(name);
    z->arena = arena_new();
    code = open_zip(z, fd, err);
    if (code != 0) {
        archive_zip_close(z);
        return code;
    }
    *ret = z;
    return 0;
}

void archive_zip_close(struct archive_zip *z)
{
    if (!z)
        return;
    if (z->zip)
        lib.discard(z->zip);
    arena_free(z->arena);
    free(z->name);
    free(z);
}

const struct archive_member *archive_zip_members(const struct archive_zip *z, size_t *ret_count)
{
    *ret_count = z->nmembers;
    return z->members;
}

/* ---- a member ------------------------------------------------------------------------------ */

struct zip_reader {
    struct byte_source base;
    struct archive_zip *zip;
    const struct archive_member *member;
    char *name;
    zip_file_t *file;
    uint64_t packed_bytes, plain_bytes;
};

static int reader_rewind(struct byte_source *b, struct error *err)
{
    struct zip_reader *r = (struct zip_reader *)b;
    if (r->file)
        (void)lib.close(r->file);
    r->plain_bytes = 0;
    r->file = lib.open(r->zip->zip, r->member->index, 0);
    return r->file ? 0
                   : error_set(err, ERR_DATA, "'%s' cannot be unpacked: %s", r->name,
                               lib.error(r->zip->zip));
}

/* libzip checks the CRC when it meets the end. */
static int reader_read(struct byte_source *b, char *out, size_t n, size_t *ret_n, struct error *err)
{
    struct zip_reader *r = (struct zip_reader *)b;
    zip_int64_t k = lib.read(r->file, out, n);
    if (k < 0) {
        error_set(err, ERR_DATA, "'%s' is damaged: %s, after %llu unpacked bytes", r->name,
                  lib.file_error(r->file), (unsigned long long)r->plain_bytes);
        return error_hint(err, "fetch it again; nothing of it was loaded");
    }
    r->plain_bytes += (uint64_t)k;
    *ret_n = (size_t)k;
    if (r->plain_bytes <= ARCHIVE_PLAIN_MIN_BYTES ||
        r->plain_bytes / ARCHIVE_RATIO_MAX <= r->packed_bytes)
        return 0;
    error_set(err, ERR_LIMIT, "'%s' unpacks to more than %d times its size", r->name,
              ARCHIVE_RATIO_MAX);
    return error_hint(err, "unpack it by hand and look at it, if it is to be trusted");
}

static void reader_close(struct byte_source *b)
{
    struct zip_reader *r = (struct zip_reader *)b;
    if (r->file)
        (void)lib.close(r->file);
    free(r->name);
    free(r);
}

int archive_zip_read(struct archive_zip *z, const struct archive_member *m, const char *name,
                     struct byte_source **ret, struct error *err)
{
    struct zip_stat st;
    if (m->is_encrypted) {
        error_set(err, ERR_DATA, "'%s' is encrypted", name);
        return error_hint(err, "unpack it with its password before the run");
    }
    if (lib.stat(z->zip, m->index, 0, &st) != 0)
        return error_set(err, ERR_DATA, "'%s' is damaged: %s", name, lib.error(z->zip));
    struct zip_reader *r = mem_alloc(sizeof(*r));
    r->base =
        (struct byte_source){.read = reader_read, .rewind = reader_rewind, .close = reader_close};
    r->zip = z;
    r->member = m;
    r->name = mem_strdup(name);
    r->packed_bytes = st.valid & ZIP_STAT_COMP_SIZE ? st.comp_size : 0;
    int code = reader_rewind(&r->base, err);
    if (code != 0) {
        reader_close(&r->base);
        return code;
    }
    *ret = &r->base;
    return 0;
}

/* ---- a zip that comes in a pipe ------------------------------------------------------------ */

static int write_temporary(int fd, const char *bytes, size_t n, struct error *err)
{
    return file_write_all(fd, bytes, n)
               ? 0
               : error_set_errno(err, ERR_IO, errno, "cannot write a temporary file");
}

static int copy_all(int from, int to, const char *name, struct span head, struct error *err)
{
    char bytes[COPY_BYTES];
    TRY(write_temporary(to, head.ptr, head.len, err));
    for (;;) {
        ssize_t k = read(from, bytes, sizeof(bytes));
        if (k < 0 && errno != EINTR)
            return error_set_errno(err, ERR_IO, errno, "cannot read '%s'", name);
        TRY(signals_check(err));
        if (k == 0)
            return 0;
        if (k > 0)
            TRY(write_temporary(to, bytes, (size_t)k, err));
    }
}

int archive_spool(int fd, const char *name, struct span head, int *ret_fd, struct error *err)
{
    int to = -1;
    int code = file_open_unnamed(&to, err);
    if (code == 0)
        code = copy_all(fd, to, name, head, err);
    close(fd);
    if (code != 0 && to >= 0)
        close(to);
    if (code == 0)
        *ret_fd = to;
    return code;
}
