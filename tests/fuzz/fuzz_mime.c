/* E-mails of any bytes: headers stay headers, lines stay short, and nothing is added to them. */
#include "net/mime.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

/* Lines of ASCII, each of at most `most` characters, that end in CRLF; how many begin with no
 * blank. */
static size_t count_headers(const char *text, size_t most)
{
    size_t headers = 0;
    while (*text != '\0') {
        size_t len = strcspn(text, "\r\n");
        for (size_t i = 0; i < len; i++)
            if ((unsigned char)text[i] < 0x20 || (unsigned char)text[i] >= 0x7f)
                abort();
        if (len > most || strncmp(text + len, "\r\n", 2) != 0)
            abort();
        headers += *text != ' ';
        text += len + 2;
    }
    return headers;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    char *text = mem_strndup((const char *)bytes, n);
    AUTO_STRBUF struct strbuf out = {0};
    struct arena *arena = arena_new();
    struct mime_address to = {NULL, "a@b.example"};
    struct error err = ERROR_INIT;

    strbuf_init(&out, 0);
    mime_header_add(&out, "Subject", text);
    if (count_headers(out.data, 76) != 1)
        abort();
    int code = mime_address_parse(arena, text, &to, &err);
    if ((code == 0) != (err.code == 0) || strpbrk(to.address, "\r\n <>,") != NULL)
        abort();
    const struct mime_mail mail = {.from = {text, "a@b.example"},
                                   .to = &to,
                                   .to_count = 1,
                                   .subject = text,
                                   .text = text,
                                   .id = "1"};
    strbuf_clear(&out);
    mime_mail_add(&out, &mail);
    char *end = strstr(out.data, "\r\n\r\n");
    if (end == NULL)
        abort();
    (void)count_headers(end + 4, 76);
    end[2] = '\0';
    if (count_headers(out.data, 320) != 9)
        abort();
    arena_free(arena);
    free(text);
    return 0;
}
