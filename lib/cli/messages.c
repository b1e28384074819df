/* The texts of the tables as lines of C, from which xgettext makes the catalogue: what is declared
 * is translated without a mark in the declaration. */
#include "cli/internal.h"
#include <errno.h>

#define SETS_MAX 512

/* What the system may say of files and connections; the rest stays as it says it. */
static const int system_errors[] = {
    EPERM,     ENOENT,       EINTR,         EIO,       E2BIG,        ENOEXEC, EBADF,
    EAGAIN,    ENOMEM,       EACCES,        EBUSY,     EEXIST,       EXDEV,   ENODEV,
    ENOTDIR,   EISDIR,       EINVAL,        ENFILE,    EMFILE,       ETXTBSY, EFBIG,
    ENOSPC,    ESPIPE,       EROFS,         EMLINK,    EPIPE,        ELOOP,   ENAMETOOLONG,
    ENOTEMPTY, ECONNREFUSED, ECONNRESET,    ETIMEDOUT, EHOSTUNREACH, EDQUOT,  ENETUNREACH,
    ENOTCONN,  EADDRINUSE,   EADDRNOTAVAIL, ENOTSUP,   ESTALE,
};

struct messages {
    struct strbuf *out;
    const struct field_set *seen[SETS_MAX]; /* sets may hold each other */
    size_t nseen;
};

void cli_message(struct strbuf *out, const char *text)
{
    if (text == NULL || *text == '\0')
        return;
    strbuf_adds(out, "declared(\"");
    for (; *text; text++) {
        if (*text == '\n')
            strbuf_adds(out, "\\n");
        else
            strbuf_addf(out, *text == '"' || *text == '\\' ? "\\%c" : "%c", *text);
    }
    strbuf_adds(out, "\");\n");
}

static void add_set(struct messages *m, const struct field_set *set)
{
    for (size_t i = 0; i < m->nseen; i++)
        if (m->seen[i] == set)
            return;
    if (set == NULL || m->nseen == SETS_MAX)
        return;
    m->seen[m->nseen++] = set;
    for (const struct field *f = set->fields; f->name; f++) {
        if (!(f->flags & FIELD_HIDDEN))
            cli_message(m->out, f->help);
        add_set(m, f->sub);
        for (size_t i = 0; f->variant != NULL && f->variant(i) != NULL; i++)
            add_set(m, f->variant(i));
    }
}

static int add_command(void *self, const struct command *const *path, size_t depth)
{
    struct messages *m = self;
    const struct command *c = path[depth - 1];

    cli_message(m->out, c->summary);
    cli_message(m->out, c->description);
    add_set(m, c->args);
    for (const struct command_example *e = c->examples; e && e->command; e++)
        cli_message(m->out, e->what);
    return 0;
}

void cli_messages(const struct command *root, const struct field_set *const *sets,
                  struct strbuf *out)
{
    struct messages m = {.out = out};
    const char *name, *summary;

    (void)cli_walk(root, add_command, &m);
    for (size_t i = 0; cli_help_topic_at(root, i, &name, &summary); i++)
        cli_message(out, summary);
    add_set(&m, &cli_global_set);
    add_set(&m, &settings_fields);
    for (; *sets; sets++)
        add_set(&m, *sets);
    for (size_t i = 0; i < sizeof(system_errors) / sizeof(*system_errors); i++)
        cli_message(out, strerrordesc_np(system_errors[i]));
#define X(code, class, exit_status, text) cli_message(out, text);
#include "core/error_codes.def"
#undef X
}
