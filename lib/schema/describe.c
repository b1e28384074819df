/* Field tables as documents: the Markdown of a set and the JSON schema of a YAML file. */
#include "schema/describe.h"
#include "core/mem.h"
#include "core/message.h"
#include "format/jsonx.h"
#include "schema/bind.h"
#include "schema/bind_parse.h"

#define DESCRIBE_SETS_MAX 128

/* Sets in the order they are met, each once. */
struct set_list {
    const struct field_set *sets[DESCRIBE_SETS_MAX];
    bool
        is_part[DESCRIBE_SETS_MAX]; /* merged with another of its kind: nothing is required of it */
    size_t n;
};

static void set_list_add(struct set_list *list, const struct field_set *set)
{
    for (size_t i = 0; i < list->n; i++)
        if (list->sets[i] == set)
            return;
    if (list->n == DESCRIBE_SETS_MAX)
        return;
    list->sets[list->n++] = set;
    for (const struct field *f = set->fields; f->name; f++) {
        if (f->flags & FIELD_HIDDEN)
            continue;
        if (f->sub)
            set_list_add(list, f->sub);
        for (size_t i = 0; f->variant && f->variant(i); i++) {
            set_list_add(list, f->variant(i));
            for (size_t k = 0; k < list->n; k++)
                list->is_part[k] = list->is_part[k] || list->sets[k] == f->variant(i);
        }
    }
}

/* The n-th of several sets of one name gets a number, so that $defs stay apart. */
static void set_list_name(const struct set_list *list, const struct field_set *set,
                          struct strbuf *out)
{
    size_t same = 0;

    for (size_t i = 0; i < list->n && list->sets[i] != set; i++)
        same += strcmp(list->sets[i]->name, set->name) == 0;
    strbuf_adds(out, set->name);
    if (same > 0)
        strbuf_addf(out, "_%zu", same + 1);
}

void describe_type(const struct field *f, struct strbuf *out)
{
    static const char *const names[] = {
        [FIELD_STRING] = MESSAGE("text"),
        [FIELD_BOOL] = MESSAGE("true or false"),
        [FIELD_INT] = MESSAGE("integer"),
        [FIELD_DURATION] = MESSAGE("duration"),
        [FIELD_SIZE] = MESSAGE("size"),
        [FIELD_RATE] = MESSAGE("rate"),
        [FIELD_FRACTION] = MESSAGE("share"),
        [FIELD_DATE] = MESSAGE("date"),
        [FIELD_STRINGS] = MESSAGE("list of text"),
        [FIELD_TIME_OF_DAY] = MESSAGE("time of day"),
        [FIELD_NODE] = MESSAGE("any"),
        [FIELD_STRING_MAP] = MESSAGE("map of text"),
    };

    if (f->type == FIELD_NODE && f->sub) {
        strbuf_addf(out, "%s%s", f->flags & FIELD_NAMED ? "map of name to " : "", f->sub->name);
        return;
    }
    if (f->type == FIELD_NODE && f->variant) {
        for (size_t i = 0; f->variant(i); i++)
            strbuf_addf(out, "%s%s", i ? " or " : "", f->variant(i)->name);
        return;
    }
    switch (f->type) {
    case FIELD_CHOICE:
        strbuf_adds(out, message_text("one of "));
        for (size_t i = 0; f->choices[i]; i++)
            strbuf_addf(out, "%s%s", i ? "|" : "", f->choices[i]);
        return;
    case FIELD_OBJECT:
    case FIELD_OBJECT_PTR: strbuf_addf(out, "%s", f->sub->name); return;
    case FIELD_OBJECTS: strbuf_addf(out, message_text("list of %s"), f->sub->name); return;
    case FIELD_OBJECT_MAP:
        strbuf_addf(out, message_text("map of name to %s"), f->sub->name);
        return;
    default: strbuf_adds(out, message_text(names[f->type])); return;
    }
}

/* ---- Markdown ---------------------------------------------------------------------------- */

static void markdown_cell(struct strbuf *out, const char *text)
{
    for (; *text; text++) {
        if (*text == '|' || *text == '<')
            strbuf_addch(out, '\\');
        strbuf_addch(out, *text == '\n' ? ' ' : *text);
    }
}

static void markdown_row(const struct field *f, struct strbuf *out)
{
    AUTO_STRBUF struct strbuf type = {0};

    strbuf_init(&type, 0);
    describe_type(f, &type);
    strbuf_addf(out, "| `%s` | ", f->name);
    markdown_cell(out, type.data);
    strbuf_adds(out, " | ");
    if (f->flags & FIELD_REQUIRED)
        strbuf_adds(out, "**required**");
    else if (f->def) {
        strbuf_adds(out, "`");
        markdown_cell(out, *f->def ? f->def : "\"\"");
        strbuf_adds(out, "`");
    }
    strbuf_adds(out, " | ");
    markdown_cell(out, f->help ? f->help : "");
    if (f->env)
        strbuf_addf(out, " (`%s`)", f->env);
    if (f->flags & FIELD_SECRET)
        strbuf_adds(out, "; secret");
    if (f->flags & FIELD_DEPRECATED)
        strbuf_addf(out, "; deprecated%s%s", f->renamed_to ? ", now " : "",
                    f->renamed_to ? f->renamed_to : "");
    if (f->since)
        strbuf_addf(out, "; since %s", f->since);
    strbuf_adds(out, " |\n");
}

static void markdown_set(const struct field_set *set, struct strbuf *out)
{
    if (set->help)
        strbuf_addf(out, "%s.\n\n", set->help);
    if (set->scalar)
        strbuf_addf(out, "A bare value stands for `%s`.\n\n", set->scalar);
    strbuf_adds(out, "| key | type | default | what |\n|---|---|---|---|\n");
    for (const struct field *f = set->fields; f->name; f++)
        if (!(f->flags & FIELD_HIDDEN))
            markdown_row(f, out);
    if (set->open_keys)
        strbuf_addf(out, "\nOther keys: %s.\n", set->open_keys);
    strbuf_adds(out, "\n");
}

void describe_markdown(const struct field_set *set, int heading_level, struct strbuf *out)
{
    struct set_list list = {0};

    set_list_add(&list, set);
    for (size_t i = 0; i < list.n; i++) {
        for (int level = 0; level < heading_level + (i > 0); level++)
            strbuf_addch(out, '#');
        strbuf_addch(out, ' ');
        set_list_name(&list, list.sets[i], out);
        strbuf_adds(out, "\n\n");
        markdown_set(list.sets[i], out);
    }
}

/* ---- JSON schema ------------------------------------------------------------------------- */

/* As in a heading, but fit for a URI: "file source" is file_source. */
static void schema_name(const struct set_list *list, const struct field_set *set,
                        struct strbuf *out)
{
    size_t from = out->len;

    set_list_name(list, set, out);
    for (size_t i = from; i < out->len; i++)
        if (out->data[i] == ' ')
            out->data[i] = '_';
}

static void schema_ref(const struct set_list *list, const struct field_set *set, struct jwriter *w)
{
    AUTO_STRBUF struct strbuf ref = {0};

    strbuf_init(&ref, 0);
    strbuf_adds(&ref, "#/$defs/");
    schema_name(list, set, &ref);
    jwriter_kstring(w, "$ref", ref.data);
}

static void schema_types(struct jwriter *w, const char *const *types)
{
    jwriter_key(w, "type");
    jwriter_array(w);
    for (; *types; types++)
        jwriter_string(w, *types);
    jwriter_end(w);
}

/* Types come from our tables: an editor that reads 010 as a number must accept it as text. */
static const char *const text_types[] = {"string", "number", "boolean", NULL};

static void schema_text(struct jwriter *w)
{
    schema_types(w, text_types);
}

static void schema_pattern(struct jwriter *w, const char *pattern)
{
    static const char *const types[] = {"string", "integer", "number", NULL};

    schema_types(w, types);
    jwriter_kstring(w, "pattern", pattern);
}

/* Every scalar may be a variable: the alternative to its own form. */
#define VARIABLE "\\$\\{[A-Za-z_][A-Za-z0-9_.]*(:-[^}]*)?\\}"

static void schema_int(const struct field *f, struct jwriter *w)
{
    jwriter_key(w, "anyOf");
    jwriter_array(w);
    jwriter_object(w);
    jwriter_kstring(w, "type", "integer");
    if (f->max > f->min) {
        jwriter_kint(w, "minimum", f->min);
        jwriter_kint(w, "maximum", f->max);
    }
    jwriter_end(w);
    jwriter_object(w);
    jwriter_kstring(w, "type", "string");
    jwriter_kstring(w, "pattern", "^[-+]?[0-9]+(_[0-9]+)*$|" VARIABLE);
    jwriter_end(w);
    jwriter_end(w);
}

static void schema_choice(const struct field *f, struct jwriter *w)
{
    jwriter_key(w, "anyOf");
    jwriter_array(w);
    jwriter_object(w);
    jwriter_key(w, "enum");
    jwriter_array(w);
    for (size_t i = 0; f->choices[i]; i++)
        jwriter_string(w, f->choices[i]);
    jwriter_end(w);
    jwriter_end(w);
    jwriter_object(w);
    jwriter_kstring(w, "type", "string");
    jwriter_kstring(w, "pattern", VARIABLE);
    jwriter_end(w);
    jwriter_end(w);
}

static void schema_strings(struct jwriter *w)
{
    jwriter_key(w, "anyOf");
    jwriter_array(w);
    jwriter_object(w);
    schema_text(w);
    jwriter_end(w);
    jwriter_object(w);
    jwriter_kstring(w, "type", "array");
    jwriter_key(w, "items");
    jwriter_object(w);
    schema_text(w);
    jwriter_end(w);
    jwriter_end(w);
    jwriter_end(w);
}

static void schema_container(const struct set_list *list, const struct field *f, struct jwriter *w)
{
    bool named = f->type == FIELD_OBJECT_MAP || f->type == FIELD_STRING_MAP;
    static const char *const nullable[] = {"string", "number", "boolean", "null", NULL};

    jwriter_kstring(w, "type", named ? "object" : "array");
    jwriter_key(w, named ? "additionalProperties" : "items");
    jwriter_object(w);
    if (f->sub)
        schema_ref(list, f->sub, w);
    else
        schema_types(w, nullable);
    jwriter_end(w);
}

/* Parts merge with those of `defaults`, so a part may fit several tables: any of them, not one. */
static void schema_node(const struct set_list *list, const struct field *f, struct jwriter *w)
{
    if (f->sub && f->flags & FIELD_NAMED) {
        jwriter_kstring(w, "type", "object");
        jwriter_key(w, "additionalProperties");
        jwriter_object(w);
        schema_ref(list, f->sub, w);
        jwriter_end(w);
    } else if (f->sub) {
        schema_ref(list, f->sub, w);
    } else if (f->variant) {
        jwriter_key(w, "anyOf");
        jwriter_array(w);
        for (size_t i = 0; f->variant(i); i++) {
            jwriter_object(w);
            schema_ref(list, f->variant(i), w);
            jwriter_end(w);
        }
        jwriter_end(w);
    }
}

static void schema_type(const struct set_list *list, const struct field *f, struct jwriter *w)
{
    switch (f->type) {
    case FIELD_STRING:
    case FIELD_DATE: schema_text(w); return;
    case FIELD_BOOL:
        schema_types(w, (const char *const[]){"boolean", "string", NULL});
        jwriter_kstring(w, "pattern", "^(true|false|yes|no|on|off)$|" VARIABLE);
        return;
    case FIELD_INT: schema_int(f, w); return;
    case FIELD_DURATION: schema_pattern(w, "^0$|^([0-9_]+(d|h|ms|m|s))+$|" VARIABLE); return;
    case FIELD_SIZE: schema_pattern(w, "^[0-9_]+ *(([kKmMgGtT][iI]?)?[bB])?$|" VARIABLE); return;
    case FIELD_RATE: schema_pattern(w, "^[0-9_]+/[0-9]*(d|h|ms|m|s)$|^none$|" VARIABLE); return;
    case FIELD_FRACTION: schema_pattern(w, "^[0-9]*[.]?[0-9]+ *%?$|" VARIABLE); return;
    case FIELD_TIME_OF_DAY: schema_pattern(w, "^[0-9]{2}:[0-9]{2}(:[0-9]{2})?$|" VARIABLE); return;
    case FIELD_CHOICE: schema_choice(f, w); return;
    case FIELD_STRINGS: schema_strings(w); return;
    case FIELD_NODE: schema_node(list, f, w); return;
    case FIELD_OBJECT:
    case FIELD_OBJECT_PTR: schema_ref(list, f->sub, w); return;
    case FIELD_STRING_MAP:
    case FIELD_OBJECTS:
    case FIELD_OBJECT_MAP: schema_container(list, f, w); return;
    }
}

static void schema_default(const struct field *f, struct jwriter *w)
{
    int64_t number;
    bool flag;

    if (f->type == FIELD_INT && bind_parse_int(f->def, &number))
        jwriter_kint(w, "default", number);
    else if (f->type == FIELD_BOOL && bind_parse_bool(f->def, &flag))
        jwriter_kbool(w, "default", flag);
    else
        jwriter_kstring(w, "default", f->def);
}

static void schema_field(const struct set_list *list, const struct field *f, const char *name,
                         struct jwriter *w)
{
    jwriter_key(w, name);
    jwriter_object(w);
    if (f->help)
        jwriter_kstring(w, "description", f->help);
    schema_type(list, f, w);
    if (f->def)
        schema_default(f, w);
    if (f->flags & FIELD_DEPRECATED)
        jwriter_kbool(w, "deprecated", true);
    jwriter_end(w);
}

static bool is_part(const struct set_list *list, const struct field_set *set)
{
    for (size_t i = 0; i < list->n; i++)
        if (list->sets[i] == set)
            return list->is_part[i];
    return false;
}

static void schema_required(const struct field_set *set, struct jwriter *w)
{
    bool any = false;

    for (const struct field *f = set->fields; f->name; f++) {
        if (!(f->flags & FIELD_REQUIRED))
            continue;
        if (!any) {
            jwriter_key(w, "required");
            jwriter_array(w);
        }
        any = true;
        jwriter_string(w, f->name);
    }
    if (any)
        jwriter_end(w);
}

static bool is_first_of_group(const struct field_set *set, const struct field *f, size_t n)
{
    for (const struct field *before = set->fields; before != f; before++)
        if (strncmp(before->name, f->name, n) == 0)
            return false;
    return true;
}

/* Dotted names may be written as nested maps: "http.timeout" is also {http: {timeout: }}. */
static void schema_groups(const struct set_list *list, const struct field_set *set,
                          struct jwriter *w)
{
    AUTO_STRBUF struct strbuf group = {0};

    strbuf_init(&group, 0);
    for (const struct field *f = set->fields; f->name; f++) {
        const char *dot = strchr(f->name, '.');
        size_t n = dot ? (size_t)(dot - f->name) + 1 : 0;
        if (!dot || !is_first_of_group(set, f, n))
            continue;
        strbuf_clear(&group);
        strbuf_add(&group, f->name, n - 1);
        jwriter_key(w, group.data);
        jwriter_object(w);
        jwriter_kstring(w, "type", "object");
        jwriter_key(w, "properties");
        jwriter_object(w);
        for (const struct field *member = f; member->name; member++)
            if (strncmp(member->name, f->name, n) == 0 && !(member->flags & FIELD_HIDDEN))
                schema_field(list, member, member->name + n, w);
        jwriter_end(w);
        jwriter_kbool(w, "additionalProperties", false);
        jwriter_end(w);
    }
}

static void schema_object(const struct set_list *list, const struct field_set *set,
                          struct jwriter *w)
{
    if (set->help && !set->scalar)
        jwriter_kstring(w, "description", set->help);
    jwriter_kstring(w, "type", "object");
    jwriter_key(w, "properties");
    jwriter_object(w);
    for (const struct field *f = set->fields; f->name; f++)
        if (!(f->flags & FIELD_HIDDEN))
            schema_field(list, f, f->name, w);
    schema_groups(list, set, w);
    jwriter_end(w);
    if (!is_part(list, set))
        schema_required(set, w);
    /* Hidden keys are accepted by the binder, so a set that has some cannot be closed here. */
    bool open = set->open_keys != NULL;
    for (const struct field *f = set->fields; f->name; f++)
        open = open || (f->flags & FIELD_HIDDEN);
    jwriter_kbool(w, "additionalProperties", open);
}

static void schema_set(const struct set_list *list, const struct field_set *set, struct jwriter *w)
{
    AUTO_STRBUF struct strbuf name = {0};

    strbuf_init(&name, 0);
    schema_name(list, set, &name);
    jwriter_key(w, name.data);
    jwriter_object(w);
    if (!set->scalar) {
        schema_object(list, set, w);
    } else {
        if (set->help)
            jwriter_kstring(w, "description", set->help);
        jwriter_key(w, "anyOf");
        jwriter_array(w);
        jwriter_object(w);
        schema_type(list, field_find(set, set->scalar), w);
        jwriter_end(w);
        jwriter_object(w);
        schema_object(list, set, w);
        jwriter_end(w);
        jwriter_end(w);
    }
    jwriter_end(w);
}

void describe_json_schema(const struct field_set *set, const char *title, struct strbuf *out)
{
    struct set_list list = {0};
    struct jwriter w;

    set_list_add(&list, set);
    jwriter_init_pretty(&w, out);
    jwriter_object(&w);
    jwriter_kstring(&w, "$schema", "https://json-schema.org/draft/2020-12/schema");
    jwriter_kstring(&w, "title", title);
    schema_ref(&list, set, &w);
    jwriter_key(&w, "$defs");
    jwriter_object(&w);
    for (size_t i = 0; i < list.n; i++)
        schema_set(&list, list.sets[i], &w);
    jwriter_end(&w);
    jwriter_end(&w);
    strbuf_adds(out, "\n");
}
