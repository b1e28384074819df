/* The first byte chooses how the rest is read. What must hold: nothing but data faults, line
 * numbers that grow, every record within its file; and a file without quotes and faults gives the
 * same fields as cutting its lines at the delimiter does. */
#include "format/csvio.h"
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

static int pipe_of(const uint8_t *data, size_t size)
{
    int ends[2];
    require(pipe(ends) == 0 && write(ends[1], data, size) == (ssize_t)size);
    close(ends[1]);
    return ends[0];
}

static void check_record(const struct csvio_record *rec, char delimiter, int quote)
{
    size_t bytes = 0;
    require(rec->nfields <= CSVIO_FIELDS_MAX);
    for (size_t i = 0; i < rec->nfields; i++) {
        require(rec->fields[i].ptr != NULL);
        bytes += rec->fields[i].len;
        require(utf8_is_valid(rec->fields[i].ptr, rec->fields[i].len));
    }
    require(bytes <= rec->raw.len);
    require((rec->fault == NULL) || rec->fault_line >= rec->line);
    bool quoted = quote > 0 && memchr(rec->raw.ptr, quote, rec->raw.len);
    if (rec->fault || quoted)
        return;
    size_t fields = 1;
    for (size_t i = 0; i < rec->raw.len; i++)
        fields += rec->raw.ptr[i] == delimiter;
    require(fields == rec->nfields && bytes + fields - 1 == rec->raw.len);
}

/* What was read is written and read again: the same fields. */
static void check_round_trip(const struct csvio_record *rec)
{
    struct csvio_style style = {0};
    struct csvio_record again;
    struct csvio_reader *r = NULL;
    struct error err = ERROR_INIT;
    bool end = true;
    AUTO_STRBUF struct strbuf out = {0};
    strbuf_init(&out, 0);
    strbuf_adds(&out, "header\n"); /* the record itself might begin like a zip file */
    for (size_t i = 0; i < rec->nfields; i++)
        csvio_write_field(&out, &style, rec->fields[i], true, i == 0);
    csvio_write_end(&out, &style);
    struct csvio_options o = {.encoding = "UTF-8"};
    int fd = memory_file((const uint8_t *)out.data, out.len);
    require(csvio_open_fd(fd, "again", &o, &r, &err) == 0);
    require(csvio_next(r, &again, &end, &err) == 0 && !end);
    require(csvio_next(r, &again, &end, &err) == 0 && !end && !again.fault);
    require(again.nfields == rec->nfields);
    for (size_t i = 0; i < rec->nfields; i++)
        require(span_equal(again.fields[i], rec->fields[i]));
    require(csvio_next(r, &again, &end, &err) == 0 && end);
    csvio_close(r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const ENCODINGS[] = {"auto", "UTF-8", "GB18030", "UTF-16LE"};
    if (size < 1 || size > 60000)
        return 0;
    uint8_t how = data[0];
    struct csvio_options o = {.encoding = ENCODINGS[how & 3],
                              .delimiter = how & 4 ? '\t' : ',',
                              .quote = how & 8 ? -1 : '"',
                              .record_max_bytes = how & 16 ? 4096 : 0};
    struct csvio_reader *r = NULL;
    struct error err = ERROR_INIT;
    int fd = how & 32 ? pipe_of(data + 1, size - 1) : memory_file(data + 1, size - 1);
    if (csvio_open_fd(fd, "fuzz", &o, &r, &err) != 0)
        return 0;
    uint64_t line = 0;
    bool tried = false;
    for (;;) {
        struct csvio_record rec;
        bool end = false;
        int code = csvio_next(r, &rec, &end, &err);
        require(code == 0 || code == ERR_LIMIT || code == ERR_DATA);
        if (code != 0 || end)
            break;
        require(rec.line > line);
        line = rec.line;
        check_record(&rec, o.delimiter, o.quote);
        if (!tried && !rec.fault)
            check_round_trip(&rec);
        tried = tried || !rec.fault;
    }
    csvio_close(r);
    return 0;
}
