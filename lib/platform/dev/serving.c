#include "platform/dev/serving.h"
#include "core/clock.h"
#include "core/fileio.h"
#include "core/message.h"
#include "core/signals.h"
#include "net/http.h"
#include "platform/dev/files.h"
#include "platform/dev/process.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#define READY_PATIENCE_MS 30000
#define STOP_PATIENCE_MS  15000

/* Its port file is an argument that no other process has; so one is found again that was started
 * just before we were killed. */
pid_t serving_pid(const struct dev *dev)
{
    pid_t pid = (pid_t)process_read_number(dev->pid_file);
    return process_is(pid, dev->port_file) ? pid : process_find(dev->port_file);
}

static bool answers_ready(int64_t port)
{
    struct error ignored = ERROR_INIT;
    struct http_client *client = NULL;
    struct http_response response = {0};
    char url[64];
    if (http_client_new(&(struct http_options){.connect_timeout_ms = 500, .timeout_ms = 1000},
                        &client, &ignored) != 0)
        return false;
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%lld/ready", (long long)port);
    struct http_request request = {.url = url, .no_retry = true};
    bool ready = http_send(client, &request, &response, &ignored) == 0 && response.status == 200;
    http_response_release(&response);
    http_client_free(client);
    return ready;
}

bool serving_is_ready(const struct dev *dev, int64_t port)
{
    return port > 0 && serving_pid(dev) > 0 && answers_ready(port);
}

static bool port_is_free(int64_t port)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                                  .sin_port = htons((uint16_t)port)};
    int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return false;
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    bool is_free = bind(fd, (const struct sockaddr *)&address, sizeof address) == 0;
    close(fd);
    return is_free;
}

static int not_ready(const struct dev *dev, const char *what, struct error *err)
{
    struct strbuf log AUTO_STRBUF;
    struct error ignored = ERROR_INIT;
    strbuf_init(&log, 4 << 20);
    (void)file_read(dev->log_file, 2 << 20, &log, &ignored);
    error_set(err, ERR_FAILED, "the reference platform %s", what);
    return error_hint(err, "'%s' says: %s", dev->log_file, files_last_line(&log));
}

static int wait_ready(const struct dev *dev, pid_t pid, int64_t *ret_port, struct error *err)
{
    int64_t until = clock_monotonic_ms() + READY_PATIENCE_MS;
    while (clock_monotonic_ms() < until) {
        int64_t port = process_read_number(dev->port_file);
        TRY(signals_check(err));
        if (!process_is(pid, dev->port_file))
            return not_ready(dev, message_text("ended at once"), err);
        if (port > 0 && answers_ready(port)) {
            *ret_port = port;
            return 0;
        }
        clock_sleep_ms(25);
    }
    return not_ready(dev, message_text("did not get ready"), err);
}

int serving_start(const struct dev *dev, const char *program, int64_t *port, struct error *err)
{
    char listen[32], pid_text[32];
    pid_t pid = 0;
    TRY(serving_stop(dev, err));
    int64_t wanted = *port > 0 && *port < 65536 && port_is_free(*port) ? *port : 0;
    (void)snprintf(listen, sizeof listen, "127.0.0.1:%lld", (long long)wanted);
    (void)unlink(dev->port_file);
    const char *argv[] = {program,       "serve",        "--listen", listen,
                          "--port-file", dev->port_file, NULL};
    TRY(process_detach(&(struct process_options){.argv = argv,
                                                 .log_file = dev->log_file,
                                                 .diner_config = dev->config},
                       &pid, err));
    (void)snprintf(pid_text, sizeof pid_text, "%ld\n", (long)pid);
    TRY(files_write_private(dev->pid_file, pid_text, err));
    return wait_ready(dev, pid, port, err);
}

int serving_stop(const struct dev *dev, struct error *err)
{
    return process_stop(serving_pid(dev), dev->port_file, SIGTERM, STOP_PATIENCE_MS, err);
}
