#include "platform/dev/crontab.h"

static bool is_line(const char *line, size_t n, const char *marker)
{
    while (n > 0 && strchr(" \t\r", line[n - 1]))
        n--;
    return n == strlen(marker) && memcmp(line, marker, n) == 0;
}

static int broken(struct error *err)
{
    error_set(err, ERR_CONFLICT, "the crontab's lines '%s' and '%s' do not make one block",
              CRONTAB_BEGIN, CRONTAB_END);
    return error_hint(err, "mend them with 'crontab -e'");
}

int crontab_find(const char *text, struct span *ret_block, struct error *err)
{
    struct span block = {NULL, 0};
    bool ended = false;
    for (const char *line = text; *line;) {
        size_t n = strcspn(line, "\n");
        const char *next = line + n + (line[n] == '\n');
        if (is_line(line, n, CRONTAB_BEGIN)) {
            if (block.ptr)
                return broken(err);
            block.ptr = line;
        } else if (is_line(line, n, CRONTAB_END)) {
            if (!block.ptr || ended)
                return broken(err);
            block.len = (size_t)(next - block.ptr);
            ended = true;
        }
        line = next;
    }
    if (block.ptr && !ended)
        return broken(err);
    *ret_block = block;
    return 0;
}

int crontab_replace(const char *text, const char *lines, struct strbuf *out, struct error *err)
{
    struct span block = {NULL, 0};
    TRY(crontab_find(text, &block, err));
    size_t before = block.ptr ? (size_t)(block.ptr - text) : strlen(text);
    strbuf_add(out, text, before);
    if (lines) {
        if (before > 0 && text[before - 1] != '\n')
            strbuf_addch(out, '\n');
        strbuf_addf(out, "%s\n%s%s\n", CRONTAB_BEGIN, lines, CRONTAB_END);
    }
    if (block.ptr)
        strbuf_adds(out, block.ptr + block.len);
    return out->overflow ? error_set(err, ERR_LIMIT, "the crontab is too large") : 0;
}

void crontab_escape(const char *command, struct strbuf *out)
{
    for (; *command; command++) {
        if (*command == '%')
            strbuf_addch(out, '\\');
        strbuf_addch(out, *command);
    }
}
