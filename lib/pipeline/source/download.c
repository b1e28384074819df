/* The download source: a file that a connector fetches, read by the file source. */
#include "pipeline/source/api.h"
#include "pipeline/source/file.h"

static int fetch(const struct stream_context *ctx, const struct download_source_spec *spec,
                 int *ret_fd, struct error *err)
{
    const struct connector_param *params;
    struct connector *c = NULL;
    struct connector_file file = {.fd = -1};
    size_t n;
    int code = api_connector_open(ctx, spec->connector, spec->resource, &c, err);
    if (code == 0)
        code = api_params(ctx, &spec->params, &params, &n, err);
    if (code == 0)
        code = connector_download(c, spec->resource, params, n, &file, err);
    api_connector_close(ctx, c);
    if (code == 0)
        *ret_fd = file.fd;
    return code;
}

static int download_open(const struct stream_context *ctx, struct source **ret, struct error *err)
{
    struct download_source_spec *spec = ctx->stream->source_spec;
    struct file_given given = {.fd = -1};
    if (spec->file.file != NULL) /* of a test */
        return file_source_open(ctx, NULL, ret, err);
    /* The name of a download says nothing of what is in it. */
    spec->file.changed = CHANGED_IGNORE;
    TRY(fetch(ctx, spec, &given.fd, err));
    given.name = arena_printf(ctx->arena, "%s/%s", spec->connector, spec->resource);
    return file_source_open(ctx, &given, ret, err);
}

static void download_names(const void *spec, const char **ret_connector, const char **ret_resource)
{
    const struct download_source_spec *download = spec;
    *ret_connector = download->connector;
    *ret_resource = download->resource;
}

const struct source_ops source_download = {.name = "download",
                                           .names = download_names,
                                           .marker = "connector",
                                           .also = "format",
                                           .fields = &download_source_set,
                                           .check = file_check,
                                           .habits = file_source_habits,
                                           .sums = file_source_sums,
                                           .open = download_open,
                                           .next = file_source_next,
                                           .finish = file_source_finish,
                                           .progress = file_source_progress,
                                           .close = file_source_close};
