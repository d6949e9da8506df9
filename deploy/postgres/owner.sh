#!/bin/sh
# Run once by the postgres image, in an empty cluster: the database and its owner, who migrates and is no superuser.
set -eu
psql --username postgres --set ON_ERROR_STOP=1 --set password="$CAAS_OWNER_PASSWORD" <<'SQL'
CREATE ROLE caas_owner LOGIN CREATEROLE PASSWORD :'password';
CREATE DATABASE caas OWNER caas_owner;
SQL
