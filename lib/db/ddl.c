/* lib/db/ddl.c - tables, their columns, constraints and indexes, as migrations leave them. */
#include "db/ddl.h"
#include "core/strbuf.h"
#include "db/ddl_lexer.h"
#include <ctype.h>
#include <stdlib.h>

/* Words of a statement still to be read, up to `end`. */
struct reader {
    struct ddl_schema *schema;
    const struct ddl_words *words;
    size_t at, end;
};

/* ---- reading words ------------------------------------------------------------------------ */

static bool is_next(const struct reader *r, const char *word)
{
    return r->at < r->end && ddl_word_is(r->words, r->at, word);
}

static bool take(struct reader *r, const char *word)
{
    bool is = is_next(r, word);
    r->at += is;
    return is;
}

static bool take_two(struct reader *r, const char *first, const char *second)
{
    if (!is_next(r, first) || r->at + 1 >= r->end || !ddl_word_is(r->words, r->at + 1, second))
        return false;
    r->at += 2;
    return true;
}

static void take_if_exists(struct reader *r)
{
    if (take(r, "if")) {
        (void)take(r, "not");
        (void)take(r, "exists");
    }
}

static bool is_one_of(const struct ddl_token *t, const char *const *words)
{
    for (; *words != NULL; words++)
        if (ddl_token_is(t, *words))
            return true;
    return false;
}

/* +1 for what opens, -1 for what closes. */
static int nesting(const struct ddl_token *t)
{
    return t->len != 1                            ? 0
           : *t->start == '(' || *t->start == '[' ? 1
           : *t->start == ')' || *t->start == ']' ? -1
                                                  : 0;
}

/* Behind the words up to one of `stops` outside of brackets, a bracket that was not opened, or the
 * end. At least one word is passed, so that a type or a default may be named as a stop is. */
static size_t find_stop(const struct reader *r, const char *const *stops)
{
    int depth = 0;
    size_t i = r->at;
    for (; i < r->end; i++) {
        const struct ddl_token *t = &r->words->items[i];
        if (depth == 0 && i > r->at && is_one_of(t, stops))
            break;
        depth += nesting(t);
        if (depth < 0)
            break;
    }
    return i;
}

/* The words as they stand, with single blanks where there were any, from `at` to `stop`. */
static const char *take_text(struct reader *r, size_t stop)
{
    AUTO_STRBUF struct strbuf text = {0};
    const struct ddl_token *last = NULL;
    strbuf_init(&text, 0);
    for (; r->at < stop; r->at++) {
        const struct ddl_token *t = &r->words->items[r->at];
        if (last != NULL && last->start + last->len != t->start && *last->start != '(' &&
            *t->start != ')')
            strbuf_addch(&text, ' ');
        strbuf_add(&text, t->start, t->len);
        last = t;
    }
    return arena_strndup(r->schema->arena, text.data, text.len);
}

static bool begins_name(char c)
{
    return isalnum((unsigned char)c) || c == '_' || (unsigned char)c >= 0x80;
}

static const char *take_name(struct reader *r) /* "app.orders"; NULL: there is none */
{
    size_t first = r->at;
    if (r->at == r->end || !begins_name(*r->words->items[r->at].start))
        return NULL;
    r->at++;
    if (is_next(r, ".") && r->at + 1 < r->end)
        r->at += 2;
    size_t stop = r->at;
    r->at = first;
    char *name = arena_strdup(r->schema->arena, take_text(r, stop));
    for (char *p = name; *p != '\0'; p++)
        *p = (char)tolower((unsigned char)*p);
    return name;
}

/* ---- the tables ---------------------------------------------------------------------------- */

/* Arrays of the arena, twice as large when they are full. */
static void *room(struct arena *arena, void *items, size_t count, size_t *capacity, size_t each)
{
    if (count < *capacity)
        return items;
    *capacity = *capacity == 0 ? 8 : 2 * *capacity;
    void *larger = arena_array(arena, *capacity, each);
    if (count > 0)
        memcpy(larger, items, count * each);
    return larger;
}

static struct ddl_table *find_table(struct ddl_schema *s, const char *name)
{
    for (size_t i = 0; name != NULL && i < s->count; i++)
        if (strcmp(s->tables[i].name, name) == 0)
            return &s->tables[i];
    return NULL;
}

const struct ddl_table *ddl_table(const struct ddl_schema *schema, const char *name)
{
    for (size_t i = 0; i < schema->count; i++)
        if (strcmp(schema->tables[i].name, name) == 0)
            return &schema->tables[i];
    return NULL;
}

static struct ddl_column *find_column(struct ddl_table *t, const char *name)
{
    for (size_t i = 0; name != NULL && i < t->count; i++)
        if (strcmp(t->columns[i].name, name) == 0)
            return &t->columns[i];
    return NULL;
}

static void add_rule(struct arena *arena, struct ddl_rules *rules, const char *name,
                     const char *text)
{
    rules->items = room(arena, rules->items, rules->count, &rules->capacity, sizeof *rules->items);
    rules->items[rules->count++] = (struct ddl_rule){name, text};
}

static bool remove_rule(struct ddl_rules *rules, const char *name)
{
    for (size_t i = 0; name != NULL && i < rules->count; i++) {
        if (strcmp(rules->items[i].name, name) != 0)
            continue;
        memmove(&rules->items[i], &rules->items[i + 1],
                (rules->count - i - 1) * sizeof *rules->items);
        rules->count--;
        return true;
    }
    return false;
}

/* The name that PostgreSQL gives: TABLE_COLUMN_check. */
static const char *given_name(struct arena *arena, const struct ddl_table *t, const char *column,
                              const char *kind)
{
    const char *dot = strchr(t->name, '.');
    return arena_printf(arena, "%s%s%s_%s", dot != NULL ? dot + 1 : t->name,
                        *column != '\0' ? "_" : "", column, kind);
}

/* ---- columns ------------------------------------------------------------------------------- */

static const char *const column_words[] = {"not",        "null",    "default", "generated",
                                           "check",      "primary", "unique",  "references",
                                           "constraint", "collate", NULL};

static void take_generated(struct reader *r, struct ddl_column *c)
{
    size_t first = r->at;
    while (r->at < r->end && !is_next(r, "identity") && !is_next(r, "stored"))
        r->at++;
    bool is_identity = take(r, "identity");
    size_t stop = r->at += is_identity ? 0 : r->at < r->end;
    r->at = first;
    const char *text = take_text(r, stop);
    c->def = is_identity ? "identity" : text;
    c->is_required |= is_identity;
}

static int take_reference(struct reader *r, struct ddl_column *c)
{
    c->references = take_name(r);
    if (c->references == NULL)
        return ERR_DATA;
    (void)take_text(r, find_stop(r, column_words));
    return 0;
}

static const char *quoted(struct reader *r, const char *form, const char *column)
{
    return arena_printf(r->schema->arena, "%s (%s)", form, column);
}

/* One thing said of a column. */
static int take_attribute(struct reader *r, struct ddl_table *t, struct ddl_column *c,
                          const char *named)
{
    struct arena *arena = r->schema->arena;
    if (take_two(r, "not", "null")) {
        c->is_required = true;
    } else if (take(r, "default")) {
        c->def = take_text(r, find_stop(r, column_words));
    } else if (is_next(r, "generated")) {
        take_generated(r, c);
    } else if (take_two(r, "primary", "key")) {
        c->is_required = true;
        add_rule(arena, &t->constraints, named != NULL ? named : given_name(arena, t, "", "pkey"),
                 quoted(r, "PRIMARY KEY", c->name));
    } else if (take(r, "unique")) {
        add_rule(arena, &t->constraints,
                 named != NULL ? named : given_name(arena, t, c->name, "key"),
                 quoted(r, "UNIQUE", c->name));
    } else if (is_next(r, "check")) {
        add_rule(arena, &t->constraints,
                 named != NULL ? named : given_name(arena, t, c->name, "check"),
                 take_text(r, find_stop(r, column_words)));
    } else if (take(r, "references")) {
        return take_reference(r, c);
    } else {
        r->at += is_next(r, "collate") && r->at + 1 < r->end ? 2 : 1;
    }
    return 0;
}

static int take_column(struct reader *r, struct ddl_table *t)
{
    struct ddl_column c = {.name = take_name(r)};
    if (c.name == NULL || r->at == r->end)
        return ERR_DATA;
    c.type = take_text(r, find_stop(r, column_words));
    while (r->at < r->end) {
        const char *named = take(r, "constraint") ? take_name(r) : NULL;
        if (r->at == r->end)
            return ERR_DATA;
        TRY(take_attribute(r, t, &c, named));
    }
    t->columns = room(r->schema->arena, t->columns, t->count, &t->capacity, sizeof *t->columns);
    t->columns[t->count++] = c;
    return 0;
}

/* ---- constraints of a table ---------------------------------------------------------------- */

static const char *const constraint_words[] = {"constraint", "primary", "unique", "check",
                                               "foreign",    "exclude", NULL};

/* The columns of a primary key are never null. */
static void require_columns(struct reader r, struct ddl_table *t)
{
    for (; r.at < r.end; r.at++) {
        struct reader one = r;
        struct ddl_column *c = find_column(t, take_name(&one));
        if (c != NULL)
            c->is_required = true;
    }
}

/* Of one without a name: "unique (a, b)" is T_a_b_key. */
static const char *constraint_name(struct reader r, const struct ddl_table *t)
{
    AUTO_STRBUF struct strbuf columns = {0};
    struct arena *arena = r.schema->arena;
    if (is_next(&r, "primary") || is_next(&r, "check"))
        return given_name(arena, t, "", is_next(&r, "check") ? "check" : "pkey");
    strbuf_init(&columns, 0);
    while (r.at < r.end && !take(&r, "("))
        r.at++;
    for (; r.at < r.end && !is_next(&r, ")"); r.at++)
        if (!is_next(&r, ","))
            strbuf_addf(&columns, "%s%.*s", columns.len > 0 ? "_" : "",
                        (int)r.words->items[r.at].len, r.words->items[r.at].start);
    return given_name(arena, t, columns.data, "key");
}

static int take_constraint(struct reader *r, struct ddl_table *t)
{
    struct arena *arena = r->schema->arena;
    const char *name = take(r, "constraint") ? take_name(r) : NULL;
    if (r->at == r->end)
        return ERR_DATA;
    if (is_next(r, "primary"))
        require_columns(*r, t);
    if (name == NULL)
        name = constraint_name(*r, t);
    add_rule(arena, &t->constraints, name, take_text(r, r->end));
    return 0;
}

static int take_element(struct reader *r, struct ddl_table *t)
{
    return r->at < r->end && is_one_of(&r->words->items[r->at], constraint_words)
               ? take_constraint(r, t)
               : take_column(r, t);
}

/* Calls for what stands between the commas up to r->end. */
static int each_element(struct reader *r, struct ddl_table *t,
                        int (*element)(struct reader *, struct ddl_table *))
{
    static const char *const comma[] = {",", NULL};
    while (r->at < r->end) {
        struct reader one = *r;
        one.end = find_stop(r, comma);
        r->at = one.end + 1;
        TRY(element(&one, t));
    }
    return 0;
}

/* ---- statements ---------------------------------------------------------------------------- */

static int create_table(struct reader *r)
{
    take_if_exists(r);
    const char *name = take_name(r);
    if (name == NULL || !take(r, "("))
        return ERR_DATA;
    if (find_table(r->schema, name) != NULL)
        return 0; /* IF NOT EXISTS */
    static const char *const none[] = {NULL};
    struct ddl_table t = {.name = name};
    struct reader body = *r;
    body.end = find_stop(r, none);
    TRY(each_element(&body, &t, take_element));
    struct ddl_schema *s = r->schema;
    s->tables = room(s->arena, s->tables, s->count, &s->capacity, sizeof *s->tables);
    s->tables[s->count++] = t;
    return 0;
}

static int drop_element(struct reader *r, struct ddl_table *t)
{
    if (take(r, "constraint")) {
        take_if_exists(r);
        (void)remove_rule(&t->constraints, take_name(r));
        return 0;
    }
    (void)take(r, "column");
    take_if_exists(r);
    struct ddl_column *c = find_column(t, take_name(r));
    if (c == NULL)
        return ERR_DATA;
    memmove(c, c + 1, (size_t)(t->columns + t->count - c - 1) * sizeof *c);
    t->count--;
    return 0;
}

static int alter_column(struct reader *r, struct ddl_table *t)
{
    (void)take(r, "column");
    struct ddl_column *c = find_column(t, take_name(r));
    static const char *const end_of_type[] = {"using", "collate", NULL};
    if (c == NULL)
        return ERR_DATA;
    bool sets = take(r, "set");
    bool drops = !sets && take(r, "drop");
    if (take_two(r, "not", "null"))
        c->is_required = sets;
    else if (take(r, "default"))
        c->def = drops ? NULL : take_text(r, r->end);
    else if (take(r, "type") || take_two(r, "data", "type"))
        c->type = take_text(r, find_stop(r, end_of_type));
    return 0;
}

static int alter_element(struct reader *r, struct ddl_table *t)
{
    if (take(r, "add")) {
        (void)take(r, "column");
        take_if_exists(r);
        return take_element(r, t);
    }
    if (take(r, "drop"))
        return drop_element(r, t);
    if (take(r, "alter"))
        return alter_column(r, t);
    /* Under another name: not used so far, and must not be missed once it is. */
    return is_next(r, "rename") ? ERR_DATA : 0;
}

static int alter_table(struct reader *r)
{
    take_if_exists(r);
    (void)take(r, "only");
    struct ddl_table *t = find_table(r->schema, take_name(r));
    return t != NULL ? each_element(r, t, alter_element) : ERR_DATA;
}

static int drop_table(struct reader *r)
{
    struct ddl_schema *s = r->schema;
    take_if_exists(r);
    do {
        struct ddl_table *t = find_table(s, take_name(r));
        if (t != NULL) {
            memmove(t, t + 1, (size_t)(s->tables + s->count - t - 1) * sizeof *t);
            s->count--;
        }
    } while (take(r, ","));
    return 0;
}

static int create_index(struct reader *r, bool is_unique)
{
    (void)take(r, "concurrently");
    take_if_exists(r);
    const char *name = take_name(r);
    if (name == NULL || !take(r, "on"))
        return ERR_DATA;
    (void)take(r, "only");
    struct ddl_table *t = find_table(r->schema, take_name(r));
    if (t == NULL)
        return ERR_DATA;
    const char *text = take_text(r, r->end);
    add_rule(r->schema->arena, &t->indexes, name,
             is_unique ? arena_printf(r->schema->arena, "UNIQUE %s", text) : text);
    return 0;
}

static int drop_index(struct reader *r)
{
    struct ddl_schema *s = r->schema;
    take_if_exists(r);
    const char *name = take_name(r);
    const char *dot = name != NULL ? strchr(name, '.') : NULL;
    for (size_t i = 0; i < s->count; i++)
        if (remove_rule(&s->tables[i].indexes, dot != NULL ? dot + 1 : name))
            return 0;
    return 0;
}

static int read_statement(struct reader *r)
{
    if (take_two(r, "create", "table"))
        return create_table(r);
    if (take_two(r, "alter", "table"))
        return alter_table(r);
    if (take_two(r, "drop", "table"))
        return drop_table(r);
    if (take_two(r, "create", "index"))
        return create_index(r, false);
    if (take_two(r, "drop", "index"))
        return drop_index(r);
    if (take(r, "create")) {
        if (take_two(r, "unique", "index"))
            return create_index(r, true);
        if (take_two(r, "unlogged", "table"))
            return create_table(r);
    }
    return 0;
}

int ddl_read(struct ddl_schema *schema, const char *sql, size_t n, struct error *err)
{
    struct ddl_words words = {0};
    const char *p = sql;
    int line = 1, code = 0;
    while (code == 0 && ddl_words_next(&p, sql + n, &line, &words)) {
        struct reader r = {schema, &words, 0, words.count};
        code = read_statement(&r);
        if (code != 0)
            error_set(err, ERR_DATA, "line %d: the statement about a table is not understood",
                      words.line);
    }
    free(words.items);
    return code;
}
