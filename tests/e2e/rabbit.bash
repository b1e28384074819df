# shellcheck shell=bash
# A private RabbitMQ on loopback, one a file: node name, ports, data and epmd of its own.
#
#   rabbit_start    in FILE_DIR/rabbit, with TLS beside; exports the settings of diner for it
#   rabbit_kill     SIGKILL;  rabbit_up  starts it again, with what it had written
#   rabbit_stop     by pid
#   rabbit COMMAND  tests/e2e/rabbit.py: publish, drain, count...
rabbit() { /usr/bin/python3 "$PROJECT/tests/e2e/rabbit.py" "$RABBIT_PORT" "$@"; }
rabbit_has() { [ -x /usr/lib/rabbitmq/bin/rabbitmq-server ] && /usr/bin/python3 -c 'import pika' 2>/dev/null; }

rabbit_start() {
    local dir=$FILE_DIR/rabbit
    mkdir -p "$dir/home"
    # Four ports in a row that nobody listens on, below those that the kernel gives away.
    RABBIT_PORT=$(/usr/bin/python3 -c 'import random, socket
while True:
    base = random.randrange(10000, 30000)
    try:
        for s in [socket.socket() for _ in range(4)]:
            s.bind(("127.0.0.1", base)); base += 1
        print(base - 4); break
    except OSError: pass')
    export RABBIT_PORT ERL_EPMD_PORT=$((RABBIT_PORT + 2)) ERL_EPMD_ADDRESS=127.0.0.1
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=mq.test \
        -addext 'subjectAltName=DNS:localhost' -keyout "$dir/key.pem" -out "$dir/cert.pem" 2>/dev/null
    : >"$dir/plugins"
    cat >"$dir/rabbitmq.conf" <<CONF
listeners.tcp.1 = 127.0.0.1:$RABBIT_PORT
listeners.ssl.1 = 127.0.0.1:$((RABBIT_PORT + 3))
ssl_options.cacertfile = $dir/cert.pem
ssl_options.certfile = $dir/cert.pem
ssl_options.keyfile = $dir/key.pem
default_user = diner
default_pass = rabbit-of-the-test
disk_free_limit.absolute = 10MB
CONF
    epmd -port "$ERL_EPMD_PORT" -address 127.0.0.1 >"$dir/epmd.log" 2>&1 3>&- &
    echo $! >"$dir/epmd.pid"
    wait_for 10 epmd -port "$ERL_EPMD_PORT" -names # else the node would start one that stays
    export RABBIT_PASSWORD=rabbit-of-the-test DINER_NOTIFY_RABBITMQ_PASSWORD=env:RABBIT_PASSWORD
    export DINER_NOTIFY_RABBITMQ_URL=amqp://diner@127.0.0.1:$RABBIT_PORT
    rabbit_up
}

rabbit_up() {
    local dir=$FILE_DIR/rabbit
    rm -f "$dir/pid"
    HOME=$dir/home RABBITMQ_CONF_ENV_FILE=/dev/null RABBITMQ_CONFIG_FILE=$dir/rabbitmq \
        RABBITMQ_MNESIA_BASE=$dir/mnesia RABBITMQ_LOG_BASE=$dir/log RABBITMQ_PID_FILE=$dir/pid \
        RABBITMQ_NODENAME=diner$RABBIT_PORT@localhost RABBITMQ_DIST_PORT=$((RABBIT_PORT + 1)) \
        RABBITMQ_ENABLED_PLUGINS_FILE=$dir/plugins \
        RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS='+S 1:1 +sbwt none -kernel inet_dist_use_interface {127,0,0,1}' \
        /usr/lib/rabbitmq/bin/rabbitmq-server >"$dir/out.log" 2>&1 3>&- &
    # 6 s; on a busy machine much more.
    wait_for 90 rabbit ping || {
        tail -n 20 "$dir/out.log" >&2
        return 1
    }
}

rabbit_kill() {
    kill -KILL "$(cat "$FILE_DIR/rabbit/pid")"
    wait_for 10 rabbit_is_gone
}
rabbit_is_gone() { ! is_alive "$(cat "$FILE_DIR/rabbit/pid")"; }

rabbit_stop() {
    local dir=$FILE_DIR/rabbit
    if [ -f "$dir/pid" ] && is_alive "$(cat "$dir/pid")"; then rabbit_kill; fi
    if [ -f "$dir/epmd.pid" ]; then kill "$(cat "$dir/epmd.pid")" 2>/dev/null; fi
    return 0
}
