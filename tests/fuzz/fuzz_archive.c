/* Any bytes as a packed file: an error or the same bytes twice, never more than the bounds. */
#include "format/archive.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define READ_MAX ((size_t)4 << 20)

static void require(bool holds)
{
    if (!holds)
        abort();
}

static int file_of(const uint8_t *data, size_t size)
{
    int fd = memfd_create("fuzz", MFD_CLOEXEC);
    require(fd >= 0 && write(fd, data, size) == (ssize_t)size && lseek(fd, 0, SEEK_SET) == 0);
    return fd;
}

struct digest {
    uint64_t bytes, sum;
    int code;
};

/* In pieces of a size of their own: where they are cut must not matter. */
static struct digest read_all(struct byte_source *source, size_t piece)
{
    static char bytes[65536];
    struct digest d = {.sum = 1469598103934665603U};
    struct error err = ERROR_INIT;
    for (size_t n = 1; n > 0 && d.bytes < READ_MAX;) {
        d.code = source->read(source, bytes, piece, &n, &err);
        if (d.code != 0) {
            require(err.message[0] != '\0');
            break;
        }
        require(n <= piece);
        for (size_t i = 0; i < n; i++)
            d.sum = (d.sum ^ (unsigned char)bytes[i]) * 1099511628211U;
        d.bytes += n;
    }
    return d;
}

static void read_twice(struct byte_source *source)
{
    struct error err = ERROR_INIT;
    struct digest first = read_all(source, 4096);
    require(source->rewind != NULL);
    if (source->rewind(source, &err) == 0 && first.bytes < READ_MAX) {
        struct digest second = read_all(source, 4095);
        require(first.code == second.code);
        require(first.code != 0 || (first.bytes == second.bytes && first.sum == second.sum));
    }
    source->close(source);
}

static void read_zip(int fd)
{
    struct error err = ERROR_INIT;
    struct archive_zip *zip;
    size_t n;
    if (archive_zip_open(fd, "fuzz", &zip, &err) != 0) {
        require(err.message[0] != '\0');
        return;
    }
    const struct archive_member *members = archive_zip_members(zip, &n);
    for (size_t i = 0; i < n && i < 4; i++) {
        struct byte_source *source;
        require(members[i].name != NULL);
        if (archive_zip_read(zip, &members[i], "member", &source, &err) == 0)
            read_twice(source);
    }
    archive_zip_close(zip);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct error err = ERROR_INIT;
    struct byte_source *source;
    size_t head = size < ARCHIVE_MAGIC_BYTES ? size : ARCHIVE_MAGIC_BYTES;
    enum archive_kind kind = archive_kind_of((const char *)data, head);
    if (kind == ARCHIVE_ZIP) {
        read_zip(file_of(data, size));
        return 0;
    }
    require(archive_open(file_of(data, size), "fuzz", kind, (struct span){"", 0}, &source, &err) ==
            0);
    read_twice(source);
    return 0;
}
