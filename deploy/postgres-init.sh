#!/bin/sh
# Makes the roles and the three databases of the deployment. The Postgres image runs it once, on an
# empty volume; running it again is safe and sets the role's password to POSTGRES_PASSWORD:
#   docker compose exec postgres /docker-entrypoint-initdb.d/10-databases.sh
#
# No `set -u`: where a checkout loses the executable bit, the image's entrypoint sources this file
# and would inherit it.
set -e

: "${POSTGRES_PASSWORD:?set it in .env}"

# \getenv instead of -v, so that the password shows up in no process list.
psql --no-psqlrc --no-password --quiet --set ON_ERROR_STOP=1 \
    --username "${POSTGRES_USER:-postgres}" --dbname postgres <<'SQL'
\getenv password POSTGRES_PASSWORD

-- One ordinary role for all three: whoever runs the pipeline needs all three, so a role for each
-- would separate nothing. What matters is that it is no superuser.
SELECT 'CREATE ROLE adtech LOGIN'
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'adtech') \gexec

ALTER ROLE adtech PASSWORD :'password';

-- Who reads the marts is a member of this one; adtech, who may make no roles, gives it its rights.
SELECT 'CREATE ROLE adtech_bi'
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'adtech_bi') \gexec

-- dagster: runs, events, ticks; operational: the sample source; analytics: what the pipeline serves.
SELECT format('CREATE DATABASE %I OWNER adtech', name)
FROM unnest(ARRAY['dagster', 'operational', 'analytics']) AS name
WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = name) \gexec

-- Roles that a team adds for its BI tools start with no access, also to the run history.
SELECT format('REVOKE ALL ON DATABASE %I FROM PUBLIC', name)
FROM unnest(ARRAY['dagster', 'operational', 'analytics']) AS name \gexec

-- The image gave the superuser the same password. Without one it cannot log in over the network,
-- only inside the container: docker compose exec postgres psql -U postgres
ALTER ROLE CURRENT_USER PASSWORD NULL;
SQL
