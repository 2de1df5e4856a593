#!/bin/sh
# Makes the secrets of the trial that are not there yet, in docker/secrets.
set -eu
cd "$(dirname "$0")"
umask 077
mkdir -p secrets
for name in mariadb_pec ldap_admin mario_password; do
  [ -s "secrets/$name" ] || openssl rand -hex 16 > "secrets/$name"
  # The containers' users read them by way of a mount.
  chmod 644 "secrets/$name"
done
echo "The password of mario@pec-a.test and luigi@pec-b.test is in docker/secrets/mario_password."
