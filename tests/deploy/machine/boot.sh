#!/bin/bash
# A machine of its own around systemd, in namespaces: this one's files beneath, and nothing that is written stays.
# Run inside: unshare --mount --pid --fork --cgroup --uts --ipc
# usage: boot.sh FOLDER CHECKOUT PYTHON-PREFIX SITE-PACKAGES ; FOLDER holds berceau.env, secrets.env and look.sh, and gets `seen`
set -eu
folder=$1 checkout=$2 python=$3 packages=$4
mkdir "$folder/top"
mount --make-rprivate /
mount -t tmpfs tmpfs "$folder/top"
mkdir "$folder/top/upper" "$folder/top/work" "$folder/top/root"
root=$folder/top/root
mount -t overlay overlay -o "lowerdir=/,upperdir=$folder/top/upper,workdir=$folder/top/work" "$root"
mkdir -p "$root"/opt/{python,packages,checkout,seen,berceau/bin} "$root/etc/berceau" "$root/var/backups/berceau"
mount --bind "$python" "$root/opt/python"
mount --bind "$packages" "$root/opt/packages"
mount --bind "$checkout" "$root/opt/checkout"
mount --bind "$folder" "$root/opt/seen"
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
mount -t sysfs sysfs "$root/sys"
mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
mount -t tmpfs tmpfs "$root/run"
mount -t tmpfs tmpfs "$root/tmp"
cat >"$root/opt/berceau/bin/berceau" <<'END'
#!/bin/sh
export PYTHONPATH=/opt/checkout:/opt/packages PYTHONDONTWRITEBYTECODE=1 LD_LIBRARY_PATH=/opt/python/lib
exec /opt/python/bin/python3 -m services.cli "$@"
END
chmod 755 "$root/opt/berceau/bin/berceau"
chroot "$root" useradd --system --home-dir /var/lib/berceau --shell /usr/sbin/nologin berceau
chroot "$root" chown berceau: /var/backups/berceau
cp "$folder/berceau.env" "$folder/secrets.env" "$root/etc/berceau/"
chmod 600 "$root/etc/berceau/secrets.env"
cp "$checkout"/deploy/systemd/*.service "$checkout"/deploy/systemd/*.timer "$root/etc/systemd/system/"
rm -f "$root/etc/machine-id"
echo 0123456789abcdef0123456789abcdef >"$root/etc/machine-id"
printf '[Unit]\nDefaultDependencies=no\nWants=systemd-journald.service look.service\n' >"$root/etc/systemd/system/look.target"
cat >"$root/etc/systemd/system/look.service" <<'END'
[Unit]
DefaultDependencies=no
[Service]
Type=oneshot
ExecStart=/bin/bash /opt/seen/look.sh
ExecStopPost=/bin/systemctl --force --force exit
END
export container=other
exec chroot "$root" /lib/systemd/systemd --system --unit=look.target --show-status=no
