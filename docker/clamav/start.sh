#!/bin/bash
# Fetches signatures where there are none, keeps them fresh, and runs clamd. Either process that ends ends the container.
set -eu
trap exit TERM INT
until ls /var/lib/clamav/*.c[lv]d >/dev/null 2>&1; do
  freshclam --daemon-notify=/dev/null || sleep 30
done
freshclam --daemon --foreground &
clamd &
wait -n
