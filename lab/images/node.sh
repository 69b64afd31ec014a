#!/bin/sh
# What makes a node of a system: as an AMI it boots by itself, and as a machine of ours it gets packages where there is no
# network. Run by mmdebstrap with the system's directory, once its packages are installed; then come lines of a sources.list that the
# system itself does not have, and the names of what roles install: that is held, with all that the system lacks for it, in a
# repository on the node's own disk.
set -eu
root=$1 more=$2
shift 2

# ZooKeeper asks for a whole Java, desktop and all; it draws nothing. A package that holds nothing says that it is there.
java=$(dpkg-query --admindir="$root/var/lib/dpkg" --show --showformat='${Version}' default-jre-headless 2>/dev/null) || java=
if [ "$java" ]; then
    part=$root/tmp/default-jre
    mkdir -p "$part/DEBIAN"
    cat >"$part/DEBIAN/control" <<CONTROL
Package: default-jre
Version: $java
Architecture: all
Depends: default-jre-headless
Maintainer: the lab
Description: Java without a screen, for a server
CONTROL
    dpkg-deb --build "$part" "$part.deb"
    chroot "$root" dpkg --install /tmp/default-jre.deb
    rm -r "$part" "$part.deb"
fi

export APT_CONFIG="$MMDEBSTRAP_APT_CONFIG"
apt-get clean # of what the system was made of
if [ "$more" ]; then
    # The libraries of another release come in now, where nothing runs with them yet. It need not be the next one, from which alone
    # packages know how to take over each other's files.
    printf '%s' "$more" >"$root/etc/apt/sources.list.d/more.list"
    apt-get update
    chroot "$root" apt-get install --yes --no-install-recommends --option Dpkg::Options::=--force-overwrite "$@"
    chroot "$root" apt-get purge --yes "$@"
    apt-get clean
fi
apt-get install --yes --no-install-recommends --download-only "$@"
mkdir -p "$root/srv/packages"
mv "$root"/var/cache/apt/archives/*.deb "$root/srv/packages"
cd "$root/srv/packages"
for file in *.deb; do
    dpkg-deb --field "$file"
    printf 'Filename: ./%s\nSize: %s\nSHA256: %s\n\n' "$file" "$(stat -c %s "$file")" "$(sha256sum "$file" | cut -d ' ' -f 1)"
done >Packages
printf 'Date: %s\nSHA256:\n %s %s Packages\n' "$(date -Ru)" "$(sha256sum Packages | cut -d ' ' -f 1)" "$(stat -c %s Packages)" >Release
chmod -R a+rX .
rm -f "$root/etc/apt/sources.list" "$root"/etc/apt/sources.list.d/*
echo 'deb [trusted=yes] file:/srv/packages ./' >"$root/etc/apt/sources.list.d/packages.list"

# Of ten machines on one, none does what the others do as well, and what they say can be read outside.
chroot "$root" systemctl set-default multi-user.target
chroot "$root" systemctl mask apt-daily.timer apt-daily-upgrade.timer console-getty.service dpkg-db-backup.timer \
    e2scrub_all.timer e2scrub_reap.service fstrim.timer systemd-logind.service systemd-tmpfiles-clean.timer
mkdir -p "$root/etc/systemd/journald.conf.d" "$root/etc/systemd/system.conf.d"
cat >"$root/etc/systemd/journald.conf.d/lab.conf" <<CONF
[Journal]
Storage=persistent
SystemMaxUse=32M
ForwardToConsole=yes
MaxLevelConsole=info
CONF
cat >"$root/etc/systemd/system.conf.d/lab.conf" <<CONF
[Manager]
ShowStatus=no
LogColor=no
CONF
