# What the scripts share. Sourced; expects $state, and up's ports.

programs_to_build() {
  local packages=(chatkeep-control chatkeep-ingestion chatkeep-conversion chatkeep-mapping chatkeep-mailbox-import)
  printf -- '-p %s ' chatkeep "${packages[@]}"
  printf -- '--bins --features chatkeep/cluster'
  printf ',%s/cluster' "${packages[@]}"
}

is_root() { [ "$(id -u)" = 0 ]; }

secret() { openssl rand -hex 16 | tr -d '\n'; }

# fill: its input, with names between @ replaced by what the variables of these names hold.
fill() {
  local text name
  text=$(cat)
  for name in state base amqp postgres azurite imap control grpc admin mail_user mail_group server_user login_user \
    queue_password mail_password ingestion conversion mapping mailbox_import console issuer client telemetry otlp jaeger traces traces_grpc programs rules; do
    text=${text//@$name@/${!name-}}
  done
  printf '%s\n' "$text"
}

# run NAME COMMAND...: starts a process in the background and remembers it.
run() {
  local name=$1
  shift
  "$@" </dev/null >>"$state/log/$name.log" 2>&1 &
  echo $! >"$state/pid/$name"
}

# stop NAME: asks the process to end, and waits until it has; after 40 s it is killed.
stop() {
  local file=$state/pid/$1 pid
  [ -e "$file" ] || return 0
  pid=$(cat "$file")
  # PostgreSQL takes INT as: end the connections, do not wait for them.
  local signal=TERM
  [ "$1" = postgres ] && signal=INT
  kill -$signal "$pid" 2>/dev/null || true
  for _ in $(seq 400); do
    kill -0 "$pid" 2>/dev/null || break
    sleep 0.1
  done
  kill -KILL "$pid" 2>/dev/null || true
  rm -f "$file"
}

# refuse_when_running SCRIPT: what up starts first may not be there; what look starts before it may.
refuse_when_running() {
  [ -e "$state/pid/epmd" ] || return 0
  echo "$1: it runs already, or was not stopped: deploy/local/down" >&2
  exit 1
}

wait_for_port() {
  for _ in $(seq 600); do
    (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null && return 0
    sleep 0.1
  done
  echo "up: nobody listens on port $1" >&2
  return 1
}

wait_until_ready() {
  for _ in $(seq 600); do
    { exec 3<>"/dev/tcp/127.0.0.1/$1"; } 2>/dev/null && {
      printf 'GET /readyz HTTP/1.0\r\n\r\n' >&3
      if head -1 <&3 | grep -q ' 200 '; then exec 3>&-; return 0; fi
      exec 3>&-
    }
    sleep 0.1
  done
  echo "up: the program with admin port $1 is not ready" >&2
  return 1
}

start_rabbitmq() {
  local programs=/usr/lib/rabbitmq/bin folder=$state/rabbitmq queue_password
  queue_password=$(cat "$state/settings/queue-password")
  fill <"$here/templates/rabbitmq.conf" >"$folder/rabbitmq.conf"
  echo '[].' >"$folder/enabled_plugins"
  run epmd env PATH="$PATH:/usr/sbin" epmd -address 127.0.0.1 -port $names
  wait_for_port $names
  # The broker replaces the script that starts it, as under systemd: signals reach it.
  run rabbitmq env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 HOME="$folder" \
    RABBITMQ_MNESIA_BASE="$folder/data" RABBITMQ_LOG_BASE="$state/log" RABBITMQ_PID_FILE="$folder/pid" \
    RABBITMQ_CONFIG_FILE="$folder/rabbitmq.conf" RABBITMQ_ENABLED_PLUGINS_FILE="$folder/enabled_plugins" \
    RABBITMQ_CONF_ENV_FILE="$folder/none" RABBITMQ_NODENAME="chatkeep$amqp@localhost" \
    RABBITMQ_DIST_PORT=$distribution ERL_EPMD_PORT=$names ERL_EPMD_ADDRESS=127.0.0.1 \
    RUNNING_UNDER_SYSTEMD=true RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS='-kernel inet_dist_use_interface {127,0,0,1}' \
    "$programs/rabbitmq-server"
}

# as_postgres COMMAND...: PostgreSQL refuses to run as root. Replaces the process that runs it.
as_postgres() {
  if is_root; then exec setpriv --reuid=postgres --regid=postgres --init-groups "$@"; else exec "$@"; fi
}

start_postgres() {
  local folder=$state/postgres
  postgres_bin=$(ls -d /usr/lib/postgresql/*/bin | sort -V | tail -1)
  mkdir -p "$folder"
  if is_root; then chown postgres: "$folder"; fi
  if [ ! -e "$folder/PG_VERSION" ]; then
    (as_postgres "$postgres_bin/initdb" -D "$folder" -U postgres -A trust -E UTF8 --locale=C.UTF-8 >"$state/log/initdb.log")
    printf 'local all postgres trust\nhost all all 127.0.0.1/32 scram-sha-256\n' |
      (as_postgres tee "$folder/pg_hba.conf" >/dev/null)
  fi
  run postgres as_postgres "$postgres_bin/postgres" -D "$folder" -p $postgres \
    -c listen_addresses=127.0.0.1 -c unix_socket_directories="$folder"
}

sql() { (as_postgres "$postgres_bin/psql" -h "$state/postgres" -p $postgres -U postgres -v ON_ERROR_STOP=1 -X -q -A -t -c "$1"); }

# The role and the database.
make_ledger() {
  for _ in $(seq 300); do
    (as_postgres "$postgres_bin/pg_isready" -q -h "$state/postgres" -p $postgres) && break
    sleep 0.1
  done
  [ -n "$(sql "SELECT 1 FROM pg_roles WHERE rolname = 'chatkeep'")" ] || sql "CREATE ROLE chatkeep LOGIN"
  sql "ALTER ROLE chatkeep PASSWORD '$(cat "$state/settings/ledger-password")'"
  [ -n "$(sql "SELECT 1 FROM pg_database WHERE datname = 'ledger'")" ] || sql "CREATE DATABASE ledger OWNER chatkeep"
}

start_azurite() {
  [ -e "$state/azurite/key" ] || openssl rand -base64 32 >"$state/azurite/key"
  run azurite env AZURITE_ACCOUNTS="chatkeep:$(cat "$state/azurite/key")" \
    node "$azurite_root/node_modules/azurite/dist/src/blob/main.js" --blobHost 127.0.0.1 --blobPort $azurite \
    --location "$state/azurite" --skipApiVersionCheck --disableTelemetry --silent
}

# sas ACCOUNT KEY: a shared access signature for the account, as the service's documentation describes it.
sas() {
  local version=2020-10-02 expiry=2099-01-01T00:00:00Z permissions=rwdlac key signature
  key=$(printf %s "$2" | base64 -d | od -An -v -tx1 | tr -d ' \n')
  signature=$(printf '%s\n' "$1" $permissions b co '' $expiry '' https,http $version |
    openssl dgst -sha256 -mac HMAC -macopt "hexkey:$key" -binary | base64)
  signature=${signature//+/%2B} signature=${signature//\//%2F} signature=${signature//=/%3D}
  printf 'sv=%s&ss=b&srt=co&sp=%s&se=2099-01-01T00%%3A00%%3A00Z&spr=https%%2Chttp&sig=%s' $version $permissions "$signature"
}

start_dovecot() {
  local mail_user mail_group server_user login_user mail_password
  mail_password=$(cat "$state/settings/mail-password")
  if is_root; then
    mail_user=nobody server_user=dovecot login_user=dovenull
    chown nobody "$state/dovecot/mail"
  else
    mail_user=$(id -un) server_user=$(id -un) login_user=$(id -un)
  fi
  mail_group=$(id -gn $mail_user)
  fill <"$here/templates/dovecot.conf" >"$state/dovecot/dovecot.conf"
  run dovecot env PATH="$PATH:/usr/sbin" dovecot -F -c "$state/dovecot/dovecot.conf"
}
