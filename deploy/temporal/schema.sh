#!/bin/sh
# Temporal's two databases, created and brought to the schema of this release. May run again: every step is a no-op then.
set -eu

prepare() {
  sql="temporal-sql-tool --plugin postgres12 --endpoint postgres --port 5432 --user postgres --database $1"
  $sql create
  $sql setup-schema --version 0.0
  $sql update-schema --schema-dir "/etc/temporal/schema/postgresql/v12/$2/versioned"
}

prepare temporal temporal
prepare temporal_visibility visibility
