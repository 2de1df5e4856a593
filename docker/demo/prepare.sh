#!/bin/sh
# Makes the two instances of docker/compose.yaml in A_DIR and B_DIR, with test keys, and introduces them to each other. What is there
# stays as it is.
set -eu
umask 077
A=${A_DIR:-/srv/a}
B=${B_DIR:-/srv/b}
SECRETS=${SECRETS_DIR:-/run/secrets}
if [ -e "$A/config/pec.ini" ]; then
  echo "The instances are there already."
  exit 0
fi

pec init "$A" --name "Provider A" --domain pec-a.test --antivirus "${CLAMD:-clamav:3310}"
pec init "$B" --name "Provider B" --domain pec-b.test --antivirus none

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

# Provider A: database server, LDAP, Dovecot, rspamd, metrics for the other containers.
cat "$SECRETS/mariadb_pec" > "$A/config/mariadb_password"
pec set "$A" "$crls" "routes.pec-b.test=${B_MX:-mail.pec-b.test:25}" \
  ledger.engine=mysql "ledger.host=${MARIADB_HOST:-mariadb}" "ledger.port=${MARIADB_PORT:-3306}" \
  ledger.password_file=config/mariadb_password \
  directory.engine=ldap "ldap.urls=${LDAP_URL:-ldap://openldap:389}" \
  store.embedded=false "store.lmtp=${LMTP:-dovecot:24}" \
  spam.enabled=true "monitor.listen=${MONITOR_A:-0.0.0.0:9464}"
pec set "$B" "$crls" "routes.pec-a.test=${A_MX:-mail.pec-a.test:25}" "monitor.listen=${MONITOR_B:-0.0.0.0:9464}"

password=$(cat "$SECRETS/mario_password")
printf '%s\n' "$password" | pec mailbox add "$B" luigi@pec-b.test --lasting
