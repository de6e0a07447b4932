#!/bin/sh
# Runs once, when the volume is new: a role and a database per service, closed to every other role.
set -eu
for service in order inventory payment notification monitor; do
    psql --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres \
        --set name="farandole_$service" --set password="$FARANDOLE_ROLE_PASSWORD" <<'SQL'
CREATE ROLE :"name" LOGIN PASSWORD :'password';
CREATE DATABASE :"name" OWNER :"name";
REVOKE ALL ON DATABASE :"name" FROM PUBLIC;
SQL
done
