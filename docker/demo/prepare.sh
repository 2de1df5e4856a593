#!/bin/sh
# Makes the two instances of docker/compose.yaml in A_DIR and B_DIR, with test keys, and introduces them to each other. Once they are there
# they stay as they are.
set -eu
umask 077
A=${A_DIR:-/srv/a}
B=${B_DIR:-/srv/b}
SECRETS=${SECRETS_DIR:-/run/secrets}
if [ -e "$A/prepared" ]; then
  echo "The instances are there already."
  exit 0
fi
if [ -e "$A/config" ] || [ -e "$B/config" ]; then
  echo "An earlier start was broken off and has left half an instance: docker compose down --volumes, and begin again." >&2
  exit 1
fi

# shellcheck disable=SC2086 # several options
pec init "$A" --name "Provider A" --domain pec-a.test --antivirus "${CLAMD:-clamav:3310}" ${A_OPTIONS:-}
# shellcheck disable=SC2086
pec init "$B" --name "Provider B" --domain pec-b.test --antivirus none ${B_OPTIONS:-}

# Each trusts the other's test authority and revocation list, has its record, and knows where its mail goes.
cat "$B/config/test_authority.pem" >> "$A/config/pec_anchors.pem"
cat "$A/config/test_authority.pem" >> "$B/config/pec_anchors.pem"
cp "$B/config/test_authority_crl.pem" "$A/config/other_authority_crl.pem"
cp "$A/config/test_authority_crl.pem" "$B/config/other_authority_crl.pem"
crls='trust.crl=config/test_authority_crl.pem, config/other_authority_crl.pem'
pec index export "$A" "$A/config/own.ldif"
pec index export "$B" "$B/config/own.ldif"
pec index import "$A" "$B/config/own.ldif"
pec index import "$B" "$A/config/own.ldif"

# Provider A: database server, LDAP, Dovecot, rspamd, time stamps, time servers.
cat "$SECRETS/mariadb_pec" > "$A/config/mariadb_password"
cat "$SECRETS/ldap_admin" > "$A/config/ldap_password"
cp "${TSA_ANCHORS:-/srv/tsa/authority.pem}" "$A/config/tsa_authority.pem"
pec set "$A" "$crls" "routes.pec-b.test=${B_MX:-mail.pec-b.test:25}" \
  ledger.engine=mysql "ledger.host=${MARIADB_HOST:-mariadb}" "ledger.port=${MARIADB_PORT:-3306}" \
  ledger.password_file=config/mariadb_password \
  directory.engine=ldap "ldap.urls=${LDAP_URL:-ldap://openldap:389}" \
  ldap.bind_dn=cn=admin,dc=pec ldap.bind_password_file=config/ldap_password \
  store.embedded=false "store.lmtp=${LMTP:-dovecot:24}" \
  spam.enabled=true "clock.servers_a=${NTP_A:-}" "clock.servers_b=${NTP_B:-}" \
  "timestamp.urls=${TSA_URL:-http://tsa:3161/}" timestamp.anchors=config/tsa_authority.pem \
  "monitor.listen=${A_MONITOR:-127.0.0.1:9464}"
sed -i "s/^host = .*/host = ${RSPAMD_HOST:-rspamd}/; s/^port = .*/port = ${RSPAMD_PORT:-11333}/" "$A/config/rspamd.ini"
pec set "$B" "$crls" "routes.pec-a.test=${A_MX:-mail.pec-a.test:25}" "monitor.listen=${B_MONITOR:-127.0.0.1:9464}"

# Provider A's users are in LDAP, where its own domain and its receipts mailbox must be, too. One user each, with the same password.
pec domain add "$A" pec-a.test
for user in "$A ricevute@pec-a.test" "$A mario@pec-a.test" "$B luigi@pec-b.test"; do
  # shellcheck disable=SC2086 # directory and address
  pec mailbox add ${user} --lasting < "$SECRETS/mario_password"
done
touch "$A/prepared"
