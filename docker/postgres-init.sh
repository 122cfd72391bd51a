#!/bin/sh
# Run once by the postgres image, as its superuser, when the data volume is new: creates the login of the
# API server and the worker. It owns nothing and is subject to row-level security; the migrations grant it the
# role agentbase_app, which it must inherit. A changed password needs ALTER ROLE, not this script.
# Not -u: where the file is not executable the image's entrypoint reads it into its own shell.
set -e

# Read by psql from its own environment: an argument would show the password in the process list.
psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" <<'SQL'
\getenv password AGENTBASE_DB_PASSWORD
\getenv role DATABASE_SERVER_ROLE
\getenv database POSTGRES_DB
BEGIN;
CREATE ROLE :"role" LOGIN INHERIT NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS
  PASSWORD :'password';
REVOKE ALL ON DATABASE :"database" FROM PUBLIC;
GRANT CONNECT ON DATABASE :"database" TO :"role";
COMMIT;
SQL
