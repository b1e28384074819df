#include "pipeline/guess/input.h"

#include "core/fileio.h"
#include "core/message.h"
#include "core/signals.h"
#include "format/archive.h"
#include "pipeline/guess/names.h"

#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define COPY_BYTES ((size_t)64 << 10)

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash != NULL ? slash + 1 : path;
}

/* Takes the source over. */
static int unpack(struct guess_input *in, struct byte_source *source, struct arena *arena,
                  struct error *err)
{
    AUTOFREE char *bytes = mem_alloc(COPY_BYTES);
    size_t n = 1;
    int code = file_open_unnamed(&in->fd, err);
    while (code == 0 && n > 0) {
        code = signals_check(err);
        if (code == 0)
            code = source->read(source, bytes, COPY_BYTES, &n, err);
        if (code == 0 && !file_write_all(in->fd, bytes, n))
            code = error_set_errno(err, ERR_IO, errno, "cannot write a temporary file");
    }
    source->close(source);
    in->path = arena_printf(arena, "/proc/self/fd/%d", in->fd);
    return code;
}

/* ---- zip -------------------------------------------------------------------------------- */

/* Dates and numbers in a name are other ones tomorrow: a star for each run of four digits or more,
 * and what a glob would read is escaped. */
static const char *glob_of(const char *name, bool literal, struct arena *arena)
{
    AUTO_STRBUF struct strbuf out = {0};
    strbuf_init(&out, 1 << 16);
    for (const char *p = name; *p != '\0';) {
        size_t digits = strspn(p, "0123456789");
        if (!literal && digits >= 4)
            strbuf_addch(&out, '*');
        else if (digits > 0)
            strbuf_add(&out, p, digits);
        else if (*p == '$' && p[1] == '{') /* no variable */
            strbuf_addch(&out, '?');
        else if (strchr("*?[\\", *p) != NULL)
            strbuf_addf(&out, "\\%c", *p);
        else
            strbuf_addch(&out, *p);
        p += digits > 0 ? digits : 1;
    }
    return arena_strdup(arena, out.data);
}

static size_t count_matches(const struct archive_member *all, size_t n, const char *glob)
{
    size_t found = 0;
    for (size_t i = 0; i < n; i++)
        found += all[i].is_data && fnmatch(glob, all[i].name, 0) == 0;
    return found;
}

static const struct archive_member *choose(const struct archive_member *all, size_t n,
                                           const char *glob)
{
    const struct archive_member *best = NULL;
    for (size_t i = 0; i < n; i++)
        if (all[i].is_data && (glob == NULL || fnmatch(glob, all[i].name, 0) == 0) &&
            (best == NULL || all[i].size_bytes > best->size_bytes))
            best = &all[i];
    return best;
}

static const char *names_of(const struct archive_member *all, size_t n, struct arena *arena)
{
    AUTO_STRBUF struct strbuf list = {0};
    size_t shown = 0;
    strbuf_init(&list, 4096);
    for (size_t i = 0; i < n; i++)
        if (all[i].is_data && shown++ < 10)
            strbuf_addf(&list, "%s%s", shown > 1 ? ", " : "", all[i].name);
    return arena_printf(arena, "%s%s", list.data, shown > 10 ? ", ..." : "");
}

/* NULL with the reason. */
static const struct archive_member *choose_member(struct guess_input *in, const char *glob,
                                                  struct archive_zip *zip, struct arena *arena,
                                                  struct error *err)
{
    size_t n, ndata;
    const struct archive_member *all = archive_zip_members(zip, &n);
    const struct archive_member *m = choose(all, n, glob);
    ndata = count_matches(all, n, "*");
    if (m == NULL) {
        error_set(err, ERR_USAGE, "'%s' has no member%s%s%s", in->file,
                  glob != NULL ? message_text(" that matches '") : "", glob != NULL ? glob : "",
                  glob != NULL ? "'" : "");
        error_hint(err, "it has: %s", names_of(all, n, arena));
        return NULL;
    }
    in->name = arena_strdup(arena, m->name);
    in->label = arena_printf(arena, "%s, %s", base_name(in->file), m->name);
    if (ndata == 1)
        return m;
    in->member = glob != NULL ? glob : glob_of(m->name, false, arena);
    if (glob == NULL && count_matches(all, n, in->member) > 1)
        in->member = glob_of(m->name, true, arena);
    in->member_note = arena_printf(
        arena,
        message_text(
            "of %zu members %s; --member chooses another, a glob of several reads them all"),
        ndata, glob != NULL ? message_text("those asked for") : message_text("the largest"));
    return m;
}

/* Takes fd over. */
static int open_zip(struct guess_input *in, int fd, const char *glob, struct arena *arena,
                    struct error *err)
{
    struct archive_zip *zip = NULL;
    struct byte_source *source = NULL;
    TRY(archive_zip_open(fd, in->file, &zip, err));
    const struct archive_member *m = choose_member(in, glob, zip, arena, err);
    int code = m == NULL ? (int)err->code
                         : archive_zip_read(zip, m, arena_printf(arena, "%s:%s", in->file, m->name),
                                            &source, err);
    if (code == 0 && source != NULL)
        code = unpack(in, source, arena, err);
    archive_zip_close(zip);
    return code;
}

/* ---- all -------------------------------------------------------------------------------- */

static const char *without_ending(const char *name, struct arena *arena)
{
    const char *dot = strrchr(name, '.');
    bool is_packer = dot != NULL && (strcasecmp(dot, ".gz") == 0 || strcasecmp(dot, ".zst") == 0);
    return is_packer ? arena_strndup(arena, name, (size_t)(dot - name)) : name;
}

static int open_packed(struct guess_input *in, int fd, enum archive_kind kind, const char *glob,
                       struct arena *arena, struct error *err)
{
    struct byte_source *source = NULL;
    if (kind == ARCHIVE_ZIP)
        return open_zip(in, fd, glob, arena, err);
    in->name = without_ending(in->name, arena);
    TRY(archive_open(fd, in->file, kind, (struct span){0}, &source, err));
    return unpack(in, source, arena, err);
}

int guess_input_open(const char *path, const char *member, struct arena *arena,
                     struct guess_input *ret, struct error *err)
{
    char magic[ARCHIVE_MAGIC_BYTES];
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    *ret = (struct guess_input){.path = path, .file = path, .fd = -1};
    ret->name = ret->label = base_name(path);
    if (fd < 0)
        return error_set_errno(err, ERR_IO, errno, "cannot open '%s'", path);
    ssize_t n = pread(fd, magic, sizeof magic, 0);
    enum archive_kind kind = archive_kind_of(magic, n > 0 ? (size_t)n : 0);
    if (member != NULL && kind != ARCHIVE_ZIP) {
        close(fd);
        return error_set(err, ERR_USAGE, "--member: '%s' is no zip", path);
    }
    if (kind == ARCHIVE_NONE) {
        close(fd);
        return 0;
    }
    int code = open_packed(ret, fd, kind, member, arena, err);
    if (code != 0)
        guess_input_close(ret);
    return code;
}

void guess_input_close(struct guess_input *in)
{
    if (in->fd >= 0)
        close(in->fd);
    in->fd = -1;
}

void guess_input_print(const struct guess_input *in, struct strbuf *out)
{
    strbuf_adds(out, "      file: ");
    name_yaml(out, in->file);
    strbuf_adds(out, message_text("   # or a glob; relative paths count from this file\n"));
    if (in->member == NULL)
        return;
    strbuf_adds(out, "      member: ");
    name_yaml(out, in->member);
    strbuf_addf(out, "   # %s\n", in->member_note);
}
