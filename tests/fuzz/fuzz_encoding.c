/* Decoding in pieces of any size gives what decoding at once gives, valid UTF-8 always, faults in
 * order and each where a U+FFFD stands; what decodes without a fault encodes back to the input. */
#include "core/mem.h"
#include "format/encoding.h"
#include <iconv.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds)
        abort();
}

static struct decoder *decode(const char *name, const char *in, size_t n, size_t piece,
                              struct strbuf *out)
{
    struct encoding enc = {0};
    struct error err = ERROR_INIT;
    struct decoder *d = NULL;
    snprintf(enc.name, sizeof(enc.name), "%s", name);
    require(decoder_new(&enc, &d, &err) == 0);
    for (size_t i = 0; i < n; i += piece)
        require(decoder_feed(d, in + i, n - i < piece ? n - i : piece, false, out, &err) == 0);
    require(decoder_feed(d, "", 0, true, out, &err) == 0);
    return d;
}

static void check_faults(const struct decoder *d, size_t n, const struct strbuf *out)
{
    size_t count = 0;
    const struct decode_fault *f = decoder_faults(d, &count);
    for (size_t i = 0; i < count; i++) {
        require(f[i].input_offset < n && f[i].output_offset + 3 <= out->len);
        require(memcmp(out->data + f[i].output_offset, "\xEF\xBF\xBD", 3) == 0);
        require(i == 0 || (f[i].input_offset > f[i - 1].input_offset &&
                           f[i].output_offset > f[i - 1].output_offset));
    }
}

static void check_encode_back(const char *name, const struct strbuf *text, const char *in, size_t n)
{
    struct encoder *e = NULL;
    struct error err = ERROR_INIT;
    AUTO_STRBUF struct strbuf bytes = {0};
    strbuf_init(&bytes, 0);
    require(encoder_new(name, &e, &err) == 0);
    require(encoder_convert(e, text->data, text->len, &bytes, &err) == 0);
    /* GB18030 has a few characters with two codes; their text at least must be the same. */
    if (strcmp(name, "GB18030") != 0)
        require(bytes.len == n && memcmp(bytes.data, in, n) == 0);
    encoder_free(e);
}

/* The decoder's own table against glibc's converter. */
static void check_iconv(const char *name, const struct strbuf *text, char *in, size_t n)
{
    iconv_t cd = iconv_open("UTF-8", name);
    char *out = mem_alloc(n * 4 + 16);
    char *from = in;
    char *to = out;
    size_t left = n;
    size_t room = n * 4 + 16;
    require(iconv(cd, &from, &left, &to, &room) == 0 && left == 0);
    require((size_t)(to - out) == text->len && memcmp(out, text->data, text->len) == 0);
    free(out);
    iconv_close(cd);
}

static void check_scan(const char *in, size_t n)
{
    struct encoding_scan scan = {0};
    struct error err = ERROR_INIT;
    int fd = memfd_create("fuzz", MFD_CLOEXEC);
    require(fd >= 0 && write(fd, in, n) == (ssize_t)n);
    int code = encoding_scan_file(fd, NULL, &scan, &err);
    require(code == 0 || code == ERR_DATA);
    if (code == 0 && scan.encoding.verified && strcmp(scan.encoding.name, "UTF-8") == 0)
        require(utf8_is_valid(in, n));
    if (code == 0)
        require(scan.size_bytes == n);
    close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const NAMES[] = {"UTF-8", "GB18030", "UTF-16LE", "UTF-16BE"};
    if (size < 2 || size > 20000)
        return 0;
    const char *name = NAMES[data[0] & 3];
    size_t piece = (size_t)data[1] + 1;
    char *in = mem_alloc(size);
    size_t n = size - 2;
    memcpy(in, data + 2, n);
    AUTO_STRBUF struct strbuf whole = {0};
    AUTO_STRBUF struct strbuf pieces = {0};
    strbuf_init(&whole, 0);
    strbuf_init(&pieces, 0);
    struct decoder *a = decode(name, in, n, n + 1, &whole);
    struct decoder *b = decode(name, in, n, piece, &pieces);
    require(whole.len == pieces.len && memcmp(whole.data, pieces.data, whole.len) == 0);
    require(utf8_is_valid(whole.data, whole.len));
    check_faults(a, n, &whole);
    size_t faults_a = 0;
    size_t faults_b = 0;
    const struct decode_fault *fa = decoder_faults(a, &faults_a);
    const struct decode_fault *fb = decoder_faults(b, &faults_b);
    require(faults_a == faults_b);
    for (size_t i = 0; i < faults_a; i++)
        require(fa[i].input_offset == fb[i].input_offset && strcmp(fa[i].hex, fb[i].hex) == 0);
    if (faults_a == 0)
        check_encode_back(name, &whole, in, n);
    if (faults_a == 0 && strcmp(name, "GB18030") == 0)
        check_iconv(name, &whole, in, n);
    check_scan(in, n);
    decoder_free(a);
    decoder_free(b);
    free(in);
    return 0;
}
