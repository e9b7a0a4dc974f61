# What somebody does who installs Berceau, and what is seen: a line each.
exec >/opt/seen/seen 2>/opt/seen/errors
show() { systemctl show --value -p "$2" "$1"; }
ready() {
    for _ in $(seq 120); do
        curl -sf "http://127.0.0.1:$1/readyz" >/dev/null && echo ready && return
        sleep 0.5
    done
    echo never
}
guarded() { grep -c -e '^CapEff:.0000000000000000$' -e '^NoNewPrivs:.1$' -e '^Seccomp:.2$' "/proc/$(show "$1" MainPID)/status"; }
killed() {
    kill -9 "$(show "$1" MainPID)"
    sleep 3
    echo "$(ready "$2") $(show "$1" NRestarts)"
}
stopped() {
    systemctl stop "$1"
    echo "$(show "$1" ActiveState) $(show "$1" Result) $(show "$1" ExecMainStatus)"
}

systemctl start berceau.service
echo "alone: $(ready 8080) $(show berceau User) $(guarded berceau)"
systemctl start berceau-backup.service
echo "backup: $(show berceau-backup Result) $(find /var/backups/berceau -mindepth 1 -maxdepth 1 | wc -l)"
echo "alone killed: $(killed berceau 8080)"
echo "alone stopped: $(stopped berceau)"
systemctl start berceau-backup.timer
echo "timer: $(show berceau-backup.timer ActiveState)"

cat /opt/seen/cluster.env >>/etc/berceau/berceau.env
(
    set -a
    . /etc/berceau/berceau.env
    . /etc/berceau/secrets.env
    exec /opt/berceau/bin/berceau topics --create --partitions 6 --replicas 1
) >/opt/seen/topics
systemctl start berceau-ingest berceau-matcher berceau-notifier
port=8080
for name in ingest matcher notifier; do
    echo "$name: $(ready $port) $(show berceau-$name User) $(guarded berceau-$name)"
    port=$((port + 1))
done
echo "matcher killed: $(killed berceau-matcher 8081)"
for name in ingest matcher notifier; do
    echo "$name stopped: $(stopped berceau-$name)"
done
echo "left: $(pgrep -c -u berceau)"
