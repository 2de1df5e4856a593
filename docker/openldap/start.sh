#!/bin/sh
# Starts slapd; the first time it makes the tree and takes the administrator's password from the secret.
set -eu
umask 077
password=$(cat /run/secrets/ldap_admin)
printf 'rootpw %s\n' "$(slappasswd -s "$password")" > /srv/ldap/rootpw.conf
if [ ! -e /srv/ldap/data.mdb ]; then
  slapadd -f /etc/pec-ldap/slapd.conf -l /etc/pec-ldap/tree.ldif
fi
install -d -o openldap -g openldap /run/slapd
chown -R openldap:openldap /srv/ldap
exec slapd -f /etc/pec-ldap/slapd.conf -u openldap -g openldap -h 'ldap:///' -d 0
