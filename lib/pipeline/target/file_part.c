#include "pipeline/target/file_part.h"

#include "core/fileio.h"
#include "core/sha256.h"
#include "format/gzip.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct file_part_writer {
    struct atomic_file *file; /* NULL: nothing is written, or no more */
    struct gzip_writer *gzip;
    struct strbuf packed;
    struct sha256 *hash; /* of what goes into the file */
    size_t flush_bytes;
};

static int begin_workbook(struct file_part *p, const char *sheet, struct error *err)
{
    struct atomic_file *file = p->writer->file;
    if (file == NULL)
        return 0;
    const char *temporary = atomic_file_temporary(file);
    if (temporary == NULL)
        return error_set(err, ERR_IO, "a workbook cannot be written to '%s': it is no plain file",
                         p->path);
    return xlsx_open(temporary, sheet, &p->xlsx, err);
}

int file_part_open(const struct file_part_options *o, struct file_part **ret, struct error *err)
{
    struct file_part *p = mem_alloc(sizeof *p);
    struct file_part_writer *w = p->writer = mem_alloc(sizeof *w);
    p->path = mem_strdup(o->path);
    w->flush_bytes = o->flush_bytes;
    w->hash = sha256_new();
    w->gzip = o->packs ? gzip_writer_new() : NULL;
    strbuf_init(&p->rows, (size_t)256 << 20);
    strbuf_init(&w->packed, (size_t)256 << 20);
    int code = o->is_look ? 0 : atomic_file_open(p->path, &w->file, err);
    if (code == 0 && o->sheet != NULL)
        code = begin_workbook(p, o->sheet, err);
    if (code != 0) {
        file_part_free(p);
        return code;
    }
    *ret = p;
    return 0;
}

static int write_bytes(struct file_part *p, bool last, struct error *err)
{
    struct file_part_writer *w = p->writer;
    const struct strbuf *out = &p->rows;
    if (p->rows.overflow)
        return error_set(err, ERR_LIMIT, "'%s': a row is longer than %zu bytes", p->path,
                         p->rows.max);
    if (w->gzip != NULL) {
        strbuf_clear(&w->packed);
        TRY(gzip_writer_add(w->gzip, p->rows.data, p->rows.len, last, &w->packed, err));
        out = &w->packed;
    }
    sha256_add(w->hash, out->data, out->len);
    int code = w->file != NULL ? atomic_file_write(w->file, out->data, out->len, err) : 0;
    strbuf_clear(&p->rows);
    return code;
}

int file_part_flush(struct file_part *p, struct error *err)
{
    return p->rows.len >= p->writer->flush_bytes ? write_bytes(p, false, err) : 0;
}

/* SHA-256 of a regular file; false when it is none or cannot be read. */
static bool file_part_hash(const char *path, char ret_sha256[65])
{
    char bytes[32 << 10];
    struct stat st;
    if (stat(path, &st) != 0 || !S_ISREG(st.st_mode))
        return false; /* a device or a pipe is written to, never read */
    FILE *f = fopen(path, "rbe");
    if (f == NULL)
        return false;
    struct sha256 *hash = sha256_new();
    for (size_t n; (n = fread(bytes, 1, sizeof bytes, f)) > 0;)
        sha256_add(hash, bytes, n);
    bool complete = !ferror(f);
    (void)fclose(f);
    sha256_finish(hash, ret_sha256);
    return complete;
}

/* The library closes its file by itself: what is in it is told by reading it. */
static int close_workbook(struct file_part *p, struct error *err)
{
    struct xlsx_writer *xlsx = p->xlsx;
    p->xlsx = NULL;
    TRY(xlsx_close(xlsx, err));
    return file_part_hash(atomic_file_temporary(p->writer->file), p->sha256)
               ? 0
               : error_set(err, ERR_IO, "cannot read what was written for '%s'", p->path);
}

static void drop_buffers(struct file_part *p)
{
    struct file_part_writer *w = p->writer;
    strbuf_release(&p->rows);
    strbuf_release(&w->packed);
    gzip_writer_free(w->gzip);
    w->gzip = NULL;
}

int file_part_close(struct file_part *p, struct error *err)
{
    struct file_part_writer *w = p->writer;
    char found[65];
    if (p->is_closed)
        return 0;
    p->is_closed = true;
    TRY(write_bytes(p, true, err));
    sha256_finish(w->hash, p->sha256);
    w->hash = NULL;
    if (p->xlsx != NULL)
        TRY(close_workbook(p, err));
    drop_buffers(p);
    p->is_same = file_part_hash(p->path, found) && strcmp(found, p->sha256) == 0;
    if (p->is_same) { /* the file stays as it is, its time too */
        atomic_file_discard(w->file);
        w->file = NULL;
    }
    return w->file != NULL ? atomic_file_prepare(w->file, err) : 0;
}

int file_part_commit(struct file_part *p, struct error *err)
{
    struct atomic_file *file = p->writer->file;
    p->writer->file = NULL;
    return file != NULL ? atomic_file_commit(file, err) : 0;
}

void file_part_free(struct file_part *p)
{
    char unused[65];
    if (p == NULL)
        return;
    xlsx_discard(p->xlsx);
    atomic_file_discard(p->writer->file);
    drop_buffers(p);
    if (p->writer->hash != NULL)
        sha256_finish(p->writer->hash, unused);
    free(p->writer);
    free(p->path);
    free(p);
}
