#include "shell.h"
#include "core/strbuf.h"

static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                            "_-./:=@,+";

const char *shell_quoted(struct arena *arena, const char *text)
{
    if (*text && strspn(text, plain) == strlen(text))
        return text;
    struct strbuf out AUTO_STRBUF;
    strbuf_init(&out, 0);
    strbuf_addch(&out, '\'');
    for (; *text; text++) {
        if (*text == '\'')
            strbuf_adds(&out, "'\\'");
        strbuf_addch(&out, *text);
    }
    strbuf_addch(&out, '\'');
    return arena_strdup(arena, out.data);
}
