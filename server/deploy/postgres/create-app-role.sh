#!/bin/sh
# Run once by the postgres image on an empty data folder: the role as which the server works, which cannot rewrite the
# ledger. The server's migrations give it its rights.
set -eu
psql --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" --set password="$TIKI_APP_PASSWORD" <<'SQL'
create role tiki_app login password :'password';
SQL
