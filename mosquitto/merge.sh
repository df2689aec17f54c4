#!/bin/sh
# Joins the accounts of fleets and of devices into the files of the device listener, for native instances and containers.
#   sh merge.sh FLEETS DEVICES TARGET
# FLEETS is a folder with passwords and acl; DEVICES is the file of the api, with a line device:fleet:hash for each account, and may be missing;
# TARGET is the folder of the joined passwords and acl.
# Each device gets a block of its own (device-acl). Its user name is the name of the device, so the block denies what the patterns of fleets
# would allow it in a fleet of that name. A device whose name another account has gets none: the access list is shared.
set -eu
umask 077

devices=$2
[ -f "$devices" ] || devices=/dev/null
cat "$1/passwords" >"$3/passwords.new"
cat "$1/acl" >"$3/acl.new"
echo >>"$3/acl.new"
awk -F: -v passwords="$3/passwords.new" -v acl="$3/acl.new" '
  file == "passwords" { taken[$1]; next }
  file == "acl" { if (/^user /) taken[substr($0, 6)]; next }
  file == "block" { block = block $0 "\n"; next }
  NF != 3 || $1 !~ name || $2 !~ name || $1 in taken { next }
  {
    print $1 ":" $3 >>passwords
    text = block
    gsub(/<device>/, $1, text)
    gsub(/<fleet>/, $2, text)
    printf "%s", text >>acl
  }
' name='^[A-Za-z0-9_.-]+$' file=passwords "$1/passwords" file=acl "$1/acl" file=block "$(dirname "$0")/device-acl" file=devices "$devices"
mv "$3/passwords.new" "$3/passwords"
mv "$3/acl.new" "$3/acl"
