#include "core/message.h"
#include "core/signals.h"
#include "format/archive.h"
#include "net/digest.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#define READ_BYTES ((size_t)64 << 10)

static int source_digest(struct byte_source *source, struct digest_stream *digest,
                         struct error *err)
{
    AUTOFREE char *bytes = mem_alloc(READ_BYTES);
    size_t n = 1;

    while (n > 0) {
        TRY(signals_check(err));
        TRY(source->read(source, bytes, READ_BYTES, &n, err));
        digest_stream_add(digest, (struct span){bytes, n});
    }
    return 0;
}

int digest_file(int fd, bool is_unpacked, enum digest_algorithm algorithm, struct digest *ret,
                struct error *err)
{
    char magic[ARCHIVE_MAGIC_BYTES];
    struct byte_source *source = NULL;
    struct digest_stream *digest = NULL;
    ssize_t n = pread(fd, magic, sizeof(magic), 0);
    int own = fcntl(fd, F_DUPFD_CLOEXEC, 3);

    if (own < 0 || n < 0 || lseek(own, 0, SEEK_SET) != 0) {
        error_set_errno(err, ERR_IO, errno, "cannot read a temporary file");
        if (own >= 0)
            close(own);
        return (int)err->code;
    }
    enum archive_kind kind = is_unpacked ? archive_kind_of(magic, (size_t)n) : ARCHIVE_NONE;
    TRY(archive_open(own, message_text("the download"), kind, (struct span){0}, &source, err));
    int code = digest_stream_new(algorithm, &digest, err);
    if (code == 0) {
        code = source_digest(source, digest, err);
        digest_stream_end(digest, ret);
    }
    source->close(source);
    return code;
}
