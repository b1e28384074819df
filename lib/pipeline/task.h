/* lib/pipeline/task.h - a pipeline that somebody asks for by a message:
 * {"pipeline": "nightly", "params": {"biz_date": "2026-11-21"}}. */
#ifndef DINER_PIPELINE_TASK_H
#define DINER_PIPELINE_TASK_H

#include "core/error.h"
#include "core/mem.h"
#include "core/strbuf.h"
#include "schema/field.h"

#define TASK_PARAMS_MAX 100

struct task {
    const char *pipeline;
    struct field_strings params; /* "name=value" */
};
/* Everything in the arena. ERR_DATA: it is no task. A pipeline goes by its name, never by a file:
 * who may send messages may not choose what runs. */
int task_parse(struct span body, struct arena *arena, struct task *ret, struct error *err);
/* The other way round; params as "name=value". ERR_USAGE: a name or a param that is none. */
int task_print(const struct task *t, struct strbuf *out, struct error *err);

#endif
