#!/bin/sh
# What makes a MySQL server of a system. Run by mmdebstrap with the system's directory, once its packages are installed.
set -eu
root=$1

# The server's data, with the system's tables and the time zones' names: a server that starts on a copy of it takes a second.
mkdir -p "$root/var/lib/mysql" "$root/var/lib/mysql-files"
chroot "$root" chown app:app /var/lib/mysql /var/lib/mysql-files
zones=$root/tmp/zones.sql
{
    echo 'USE mysql;'
    chroot "$root" mysql_tzinfo_to_sql /usr/share/zoneinfo
} >"$zones"
chroot "$root" mysqld --no-defaults --initialize-insecure --user=app --innodb-redo-log-capacity=8M --init-file=/tmp/zones.sql
rm "$zones"
# Each server has an identity of its own, and its keys: it makes them where they are not there.
rm "$root"/var/lib/mysql/auto.cnf "$root"/var/lib/mysql/*.pem

# It runs as nobody in particular, who may write to its data only; a container may not have the kernel's asynchronous I/O.
cat >"$root/etc/my.cnf" <<CONF
[mysqld]
socket = /var/lib/mysql/mysqld.sock
pid_file = /var/lib/mysql/mysqld.pid
mysqlx = OFF
innodb_use_native_aio = OFF
CONF

# Half of the system is what the server does not need: a whole Perl, tools for files that nobody has, errors in other languages.
rm -r "$root"/usr/share/perl "$root"/usr/share/perl5 "$root"/usr/lib/*/perl "$root"/usr/share/zoneinfo
rm "$root"/usr/bin/myisam* "$root"/usr/bin/mysql_* "$root"/usr/bin/ibd2sdi "$root"/usr/bin/innochecksum \
    "$root"/usr/bin/my_print_defaults "$root"/usr/bin/perror
find "$root/usr/share/mysql" -mindepth 1 -maxdepth 1 -type d ! -name charsets ! -name english -exec rm -r {} +
