/* The vectorised reader against libcsv: whatever the input, the same records with the same fields,
 * lines, raw text and faults, and the same end. The first byte chooses dialect and encoding. Blocks
 * of 64 bytes are also looked at in both ways. */
#include "format/csvio.h"
#include "format/csvscan.h"
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds)
        abort();
}

static int memory_file(const uint8_t *data, size_t size)
{
    int fd = memfd_create("fuzz", MFD_CLOEXEC);
    require(fd >= 0 && write(fd, data, size) == (ssize_t)size);
    return fd;
}

static bool same_text(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static void require_same(const struct csvio_record *a, const struct csvio_record *b)
{
    require(a->line == b->line && span_equal(a->raw, b->raw));
    require(same_text(a->fault, b->fault));
    require(a->fault_line == b->fault_line && a->fault_column == b->fault_column);
    require(a->nfields == b->nfields);
    for (size_t i = 0; i < a->nfields; i++)
        require(span_equal(a->fields[i], b->fields[i]));
}

static void check_blocks(const uint8_t *data, size_t size, char delimiter)
{
    for (size_t at = 0; at + CSVSCAN_BLOCK <= size; at += CSVSCAN_BLOCK) {
        const char *block = (const char *)data + at;
        struct csvscan_bits a = csvscan_block(block, delimiter, '"');
        struct csvscan_bits b = csvscan_block_portable(block, delimiter, '"');
        require(a.marks == b.marks && a.odd == b.odd && a.quotes == b.quotes);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const ENCODINGS[] = {"auto", "UTF-8", "GB18030", "UTF-16LE"};
    if (size < 1 || size > 60000)
        return 0;
    uint8_t how = data[0];
    struct csvio_options fast = {.encoding = ENCODINGS[how & 3],
                                 .delimiter = how & 4 ? '\t' : ',',
                                 .quote = how & 8    ? -1
                                          : how & 32 ? '\''
                                                     : '"',
                                 .record_max_bytes = how & 16 ? 4096 : 0};
    struct csvio_options slow = fast;
    struct csvio_reader *r = NULL;
    struct csvio_reader *reference = NULL;
    struct error err = ERROR_INIT;
    struct error other = ERROR_INIT;
    slow.is_reference = true;
    check_blocks(data, size, fast.delimiter);
    int code = csvio_open_fd(memory_file(data + 1, size - 1), "fuzz", &fast, &r, &err);
    require(csvio_open_fd(memory_file(data + 1, size - 1), "fuzz", &slow, &reference, &other) ==
            code);
    while (code == 0) {
        struct csvio_record a;
        struct csvio_record b;
        bool end_a = false;
        bool end_b = false;
        code = csvio_next(r, &a, &end_a, &err);
        require(csvio_next(reference, &b, &end_b, &other) == code && end_a == end_b);
        require(code == 0 || strcmp(err.message, other.message) == 0);
        if (code != 0 || end_a)
            break;
        require_same(&a, &b);
    }
    csvio_close(r);
    csvio_close(reference);
    return 0;
}
