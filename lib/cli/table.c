#include "cli/table.h"
#include "cli/internal.h"
#include "core/decimal.h"
#include "core/message.h"
#include "format/csvio.h"
#include "format/jsonx.h"
#include <ctype.h>
#include <errno.h>

#define COLUMNS_MAX    128
#define HELD_BYTES_MAX ((size_t)4 << 20)
#define GAP            2 /* between columns */
#define FOLD_INDENT    4

/* How the lines of a table are laid out. */
struct layout {
    size_t widths[COLUMNS_MAX], first, last;
    size_t heading_width, room; /* of the last column; 0: as much as it wants */
    bool shown[COLUMNS_MAX];
    bool folds[COLUMNS_MAX]; /* begins a line of its own: a terminal is too narrow for the row */
};

struct table {
    struct cli *cli;
    const struct table_column *columns;
    size_t ncolumns;
    const char *currency;
    size_t rows;
    /* Tables keep cells made safe, row after row; JSON keeps rows as text. What is more than is
     * kept is written, and all that comes after it at once. */
    const char **held;
    size_t nheld, capacity, held_bytes;
    bool is_flowing;
    struct layout layout; /* since it flows */
    struct error bad;     /* the first value that is not what its column says */
};

static void csv_header(const struct table *t);

struct table *table_new(struct cli *cli, const struct table_column *columns)
{
    struct table *t = arena_alloc(cli->arena, sizeof(*t));

    t->cli = cli;
    t->columns = columns;
    while (columns[t->ncolumns].key && t->ncolumns < COLUMNS_MAX)
        t->ncolumns++;
    t->currency = cli->config ? config_settings(cli->config)->currency : "CNY";
    if (cli->output == CLI_OUTPUT_CSV)
        csv_header(t);
    return t;
}

size_t table_rows(const struct table *t)
{
    return t->rows;
}

static void hold(struct table *t, const char *text)
{
    if (t->nheld == t->capacity) {
        size_t capacity = t->capacity ? 2 * t->capacity : 64;
        const char **items = arena_array(t->cli->arena, capacity, sizeof(*items));
        if (t->nheld > 0)
            memcpy(items, t->held, t->nheld * sizeof(*items));
        t->held = items;
        t->capacity = capacity;
    }
    t->held[t->nheld++] = text;
    t->held_bytes += strlen(text) + 1 + sizeof text;
}

static bool is_number_kind(enum table_kind kind)
{
    return kind == TABLE_INT || kind == TABLE_DECIMAL || kind == TABLE_MONEY;
}

static void bad_value(struct table *t, const struct table_column *column, const char *value)
{
    if (t->bad.code == ERR_OK)
        error_set(&t->bad, ERR_BUG, "column '%s' cannot show '%s'", column->key, value);
}

/* "t", "true" and so on to 1, 0; -1 for anything else. */
static int truth(const char *value)
{
    if (strcmp(value, "t") == 0 || strcmp(value, "true") == 0)
        return 1;
    return strcmp(value, "f") == 0 || strcmp(value, "false") == 0 ? 0 : -1;
}

/* ---- JSON and JSON Lines ----------------------------------------------------------------- */

static bool is_json_integer(const char *s)
{
    s += *s == '-';
    if (!isdigit((unsigned char)*s) || (*s == '0' && s[1]))
        return false;
    while (isdigit((unsigned char)*s))
        s++;
    return *s == '\0';
}

static void json_money(struct table *t, const struct table_column *column, const char *value,
                       struct jwriter *w)
{
    struct money money;

    if (!money_parse(value, strlen(value), t->currency, &money)) {
        bad_value(t, column, value);
        jwriter_null(w);
        return;
    }
    jwriter_object(w);
    jwriter_kint(w, "amount_minor", money.amount_minor);
    jwriter_kstring(w, "currency", t->currency);
    jwriter_end(w);
}

/* JSON text on one line: its line ends can only stand between tokens. */
static void json_raw(struct table *t, const char *value, struct jwriter *w)
{
    char *line = arena_strdup(t->cli->arena, value);

    for (char *p = line + strcspn(line, "\r\n"); *p; p += strcspn(p, "\r\n"))
        *p = ' ';
    jwriter_raw(w, span_of(line));
}

static void json_value(struct table *t, const struct table_column *column, const char *value,
                       struct jwriter *w)
{
    if (!value) {
        jwriter_null(w);
        return;
    }
    switch (column->kind) {
    case TABLE_INT:
        if (is_json_integer(value)) {
            jwriter_raw(w, span_of(value));
            return;
        }
        break;
    case TABLE_MONEY: json_money(t, column, value, w); return;
    case TABLE_BOOL:
        if (truth(value) >= 0) {
            jwriter_bool(w, truth(value) == 1);
            return;
        }
        break;
    case TABLE_JSON: json_raw(t, value, w); return;
    case TABLE_TEXT:
    case TABLE_DECIMAL:
    case TABLE_TIME: jwriter_span(w, span_of(value)); return;
    }
    bad_value(t, column, value);
    jwriter_null(w);
}

static void json_row(struct table *t, const char *const *values, struct strbuf *out)
{
    struct jwriter w;

    jwriter_init(&w, out);
    jwriter_object(&w);
    for (size_t i = 0; i < t->ncolumns; i++) {
        jwriter_key(&w, t->columns[i].key);
        json_value(t, &t->columns[i], values[i], &w);
    }
    jwriter_end(&w);
}

static void json_item(const struct table *t, const char *row, bool is_first)
{
    (void)fputs(is_first ? "[\n  " : ",\n  ", t->cli->out);
    (void)fputs(row, t->cli->out);
}

static void json_held(const struct table *t)
{
    for (size_t i = 0; i < t->nheld; i++)
        json_item(t, t->held[i], i == 0);
}

static void json_end(const struct table *t)
{
    if (!t->is_flowing)
        json_held(t);
    (void)fputs(t->rows ? "\n]\n" : "[]\n", t->cli->out);
}

/* ---- CSV --------------------------------------------------------------------------------- */

static const struct csvio_style csv_style = {.formula_guard = true};

static void csv_header(const struct table *t)
{
    AUTO_STRBUF struct strbuf line = {0};

    strbuf_init(&line, 0);
    for (size_t i = 0; i < t->ncolumns; i++)
        csvio_write_field(&line, &csv_style, span_of(t->columns[i].key), false, i == 0);
    csvio_write_end(&line, &csv_style);
    (void)fwrite(line.data, 1, line.len, t->cli->out);
}

static void csv_row(struct table *t, const char *const *values, struct strbuf *line)
{
    for (size_t i = 0; i < t->ncolumns; i++) {
        const char *value = values[i];
        if (value && t->columns[i].kind == TABLE_BOOL && truth(value) >= 0)
            value = truth(value) ? "true" : "false";
        csvio_write_field(line, &csv_style, span_of(value), is_number_kind(t->columns[i].kind),
                          i == 0);
    }
    csvio_write_end(line, &csv_style);
}

/* ---- tables ------------------------------------------------------------------------------ */

/* To the second: the other forms have the rest. */
static void add_time(struct strbuf *out, const char *value)
{
    const char *dot = strchr(value, '.');
    size_t n = dot != NULL ? (size_t)(dot - value) : strlen(value);

    cli_add_safe(out, value, n, false);
    if (dot != NULL) {
        dot += 1 + strspn(dot + 1, "0123456789");
        cli_add_safe(out, dot, strlen(dot), false);
    }
}

static const char *text_cell(struct table *t, size_t column, const char *value, struct strbuf *out)
{
    const struct table_column *c = &t->columns[column];

    if (value && c->kind == TABLE_BOOL && truth(value) >= 0)
        value = truth(value) ? message_text("yes") : message_text("no");
    else if (value && c->is_words)
        value = message_text(value);
    strbuf_clear(out);
    if (value && c->kind == TABLE_TIME)
        add_time(out, value);
    else if (value)
        cli_add_safe(out, value, strlen(value), false);
    else
        strbuf_addch(out, '-');
    return out->data;
}

static void text_row(struct table *t, const char *const *values)
{
    AUTO_STRBUF struct strbuf cell = {0};

    strbuf_init(&cell, 0);
    for (size_t i = 0; i < t->ncolumns; i++)
        hold(t, arena_strdup(t->cli->arena, text_cell(t, i, values[i], &cell)));
}

static bool says_nothing(const char *cell)
{
    return cell[0] == '\0' || strcmp(cell, "-") == 0 || strcmp(cell, "0") == 0;
}

/* What a column says later nobody knows while it flows. */
static void choose_columns(const struct table *t, struct layout *l)
{
    for (size_t i = 0; i < t->ncolumns; i++) {
        l->shown[i] = !t->columns[i].is_quiet || t->is_flowing;
        for (size_t at = i; at < t->nheld && !l->shown[i]; at += t->ncolumns)
            l->shown[i] = !says_nothing(t->held[at]);
    }
}

/* A row goes on below itself, between two columns, where the terminal ends. Nothing stands behind
 * the last column: a text in it does so only where it is too long itself. */
static void fold(const struct table *t, struct layout *l)
{
    size_t used = 0;

    for (size_t i = 0; i < t->ncolumns; i++)
        if (l->shown[i])
            l->last = i;
    for (size_t i = 0; i < t->ncolumns; i++) {
        if (!l->shown[i])
            continue;
        bool is_free = i == l->last && !is_number_kind(t->columns[i].kind);
        size_t width = is_free ? l->heading_width : l->widths[i];
        size_t begin = used > 0 ? used + GAP : 0;
        l->folds[i] = used > 0 && t->cli->columns > 0 && begin + width > t->cli->columns;
        if (is_free && used > 0 && t->cli->columns > 0 && !l->folds[i])
            l->room = t->cli->columns - begin;
        if (used == 0)
            l->first = i;
        used = l->folds[i] ? FOLD_INDENT + width : begin + width;
    }
}

/* A row as it is written, without blanks at the end of a line: of the lines that it is folded into,
 * those that say nothing are left out. */
struct row_text {
    struct strbuf *out;
    size_t line; /* where the last line begins, with the line end before it */
    bool says;
};

static void end_line(struct row_text *r)
{
    if (r->line > 0 && !r->says)
        strbuf_truncate(r->out, r->line);
    while (r->out->len > r->line && r->out->data[r->out->len - 1] == ' ')
        strbuf_truncate(r->out, r->out->len - 1);
    r->line = r->out->len;
    r->says = false;
}

static void add_cell(const struct table *t, const struct layout *l, size_t column, const char *cell,
                     struct row_text *r)
{
    size_t width = display_width(cell, strlen(cell));
    size_t pad = l->widths[column] > width ? l->widths[column] - width : 0;
    bool right = is_number_kind(t->columns[column].kind);

    if (l->folds[column] || (column == l->last && l->room > 0 && width > l->room)) {
        end_line(r);
        strbuf_addch(r->out, '\n');
        cli_pad(r->out, FOLD_INDENT);
    } else if (column != l->first) {
        cli_pad(r->out, GAP);
    }
    if (right)
        cli_pad(r->out, pad);
    strbuf_adds(r->out, cell);
    if (!right)
        cli_pad(r->out, pad);
    r->says |= cell[0] != '\0' && strcmp(cell, "-") != 0;
}

static void write_line(const struct table *t, const char *const *cells, const struct layout *l,
                       bool is_bold)
{
    AUTO_STRBUF struct strbuf line = {0};
    struct row_text r = {.out = &line};

    strbuf_init(&line, 0);
    for (size_t i = 0; i < t->ncolumns; i++)
        if (l->shown[i])
            add_cell(t, l, i, cells[i], &r);
    end_line(&r);
    (void)fprintf(t->cli->out, is_bold ? "\033[1m%s\033[0m\n" : "%s\n", line.data);
}

/* The key in the reader's words, or in upper case. */
static const char *heading(const struct table *t, const struct table_column *column)
{
    const char *key = column->key;
    const char *words = column->is_own ? key : message_text_of("column", key);

    if (words != key)
        return words;
    char *name = arena_strdup(t->cli->arena, key);
    for (char *p = name; *p; p++)
        *p = (char)toupper((unsigned char)*p);
    return name;
}

static void measure(const struct table *t, const char *const *headings, struct layout *l)
{
    choose_columns(t, l);
    for (size_t i = 0; i < t->ncolumns; i++) {
        l->widths[i] = display_width(headings[i], strlen(headings[i]));
        if (l->shown[i])
            l->heading_width = l->widths[i];
    }
    for (size_t i = 0, column = 0; i < t->nheld; i++, column++) {
        size_t width = display_width(t->held[i], strlen(t->held[i]));
        if (column == t->ncolumns)
            column = 0;
        if (width > l->widths[column])
            l->widths[column] = width;
    }
    fold(t, l);
}

static void text_held(const struct table *t, struct layout *l)
{
    const char *headings[COLUMNS_MAX];

    for (size_t i = 0; i < t->ncolumns; i++)
        headings[i] = heading(t, &t->columns[i]);
    measure(t, headings, l);
    write_line(t, headings, l, t->cli->color);
    for (size_t i = 0; i < t->nheld; i += t->ncolumns)
        write_line(t, t->held + i, l, false);
}

static void text_write(struct table *t, const char *const *values)
{
    AUTO_STRBUF struct strbuf cell = {0}, all = {0};
    const char *cells[COLUMNS_MAX];
    size_t at[COLUMNS_MAX];

    strbuf_init(&cell, 0);
    strbuf_init(&all, 0);
    for (size_t i = 0; i < t->ncolumns; i++) {
        at[i] = all.len;
        strbuf_adds(&all, text_cell(t, i, values[i], &cell));
        strbuf_addch(&all, '\0');
    }
    for (size_t i = 0; i < t->ncolumns; i++)
        cells[i] = all.data + at[i];
    write_line(t, cells, &t->layout, false);
}

/* ---- all forms --------------------------------------------------------------------------- */

static void keep_row(struct table *t, const char *const *values, struct strbuf *json)
{
    bool is_json = t->cli->output == CLI_OUTPUT_JSON;

    if (is_json)
        hold(t, arena_strndup(t->cli->arena, json->data, json->len));
    else
        text_row(t, values);
    if (t->held_bytes < HELD_BYTES_MAX)
        return;
    t->is_flowing = true;
    if (is_json)
        json_held(t);
    else
        text_held(t, &t->layout);
}

static void write_row(struct table *t, const char *const *values, struct strbuf *json)
{
    if (t->cli->output == CLI_OUTPUT_JSON)
        json_item(t, json->data, false);
    else
        text_write(t, values);
}

static void stream_row(struct table *t, const char *const *values, struct strbuf *line)
{
    if (t->cli->output == CLI_OUTPUT_CSV) {
        csv_row(t, values, line);
    } else {
        json_row(t, values, line);
        strbuf_addch(line, '\n');
    }
    (void)fwrite(line->data, 1, line->len, t->cli->out);
}

void table_row(struct table *t, const char *const *values)
{
    AUTO_STRBUF struct strbuf line = {0};

    t->rows++;
    strbuf_init(&line, 0);
    if (t->cli->output == CLI_OUTPUT_CSV || t->cli->output == CLI_OUTPUT_JSONL) {
        stream_row(t, values, &line);
        return;
    }
    if (t->cli->output == CLI_OUTPUT_JSON)
        json_row(t, values, &line);
    if (t->is_flowing)
        write_row(t, values, &line);
    else
        keep_row(t, values, &line);
}

/* What is left of it; a list that flows is ended whatever came of it. */
static void render(struct table *t, const char *empty)
{
    struct layout layout = {0};
    bool is_table = t->cli->output == CLI_OUTPUT_TABLE;
    bool is_good = t->bad.code == ERR_OK;

    if (t->cli->output == CLI_OUTPUT_JSON && (is_good || t->is_flowing))
        json_end(t);
    else if (is_table && is_good && t->rows > 0 && !t->is_flowing)
        text_held(t, &layout);
    else if (is_table && is_good && t->rows == 0 && empty && t->cli->is_terminal && !t->cli->quiet)
        (void)fprintf(t->cli->err, "%s\n", message_text(empty));
}

int table_end(struct table *t, const char *empty, struct error *err)
{
    render(t, empty);
    if (t->bad.code != ERR_OK) {
        *err = t->bad;
        return (int)t->bad.code;
    }
    if (fflush(t->cli->out) != 0)
        return error_set_errno(err, ERR_IO, errno, "cannot write the output");
    if (ferror(t->cli->out))
        return error_set(err, ERR_IO, "cannot write the output");
    return 0;
}
