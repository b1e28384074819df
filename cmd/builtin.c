/* cmd/builtin.c - what is compiled in beside the commands: connectors and migrations. */
#include "commands.h"
#include "gen/embed.h"

extern const struct migration migrations_pipeline[]; /* generated from lib/pipeline/migrations */
extern const struct migration migrations_domain[];   /* generated from lib/domain/migrations */

const struct connector_builtin builtin_connectors[] = {
    {.name = "platform", .yaml = embedded_platform_yaml},
    {0},
};

const struct migration_set builtin_migrations[] = {
    {.name = "pipeline", .migrations = migrations_pipeline},
    {.name = "platform", .migrations = migrations_domain},
};
const size_t builtin_migrations_count = sizeof builtin_migrations / sizeof *builtin_migrations;
