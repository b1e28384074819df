/* lib/platform/dev/serving.h - the reference platform as a child that outlives us: `diner serve`
 * on a free port of loopback, its log, pid and port in files of the environment. */
#ifndef DINER_PLATFORM_DEV_SERVING_H
#define DINER_PLATFORM_DEV_SERVING_H

#include "platform/dev/environment.h"

/* 0 when it is not running. */
pid_t serving_pid(const struct dev *dev);
/* It runs and answers /ready within a second. */
bool serving_is_ready(const struct dev *dev, int64_t port);
/* Starts it (stopping one that does not answer) on *port if that is free, else on any; waits until
 * it is ready. */
int serving_start(const struct dev *dev, const char *program, int64_t *port, struct error *err);
int serving_stop(const struct dev *dev, struct error *err);

#endif
