#!/bin/sh
# Starts Dovecot; without a certificate in /etc/dovecot/tls it makes one that no client trusts, for trials.
set -eu
tls=/etc/dovecot/tls
if [ ! -e $tls/cert.pem ]; then
  umask 077
  mkdir -p $tls
  openssl req -x509 -newkey rsa:2048 -nodes -days 365 -subj /CN=mail.pec-a.test -keyout $tls/key.pem -out $tls/cert.pem
fi
chown vmail:vmail /srv/mail
exec dovecot -F
