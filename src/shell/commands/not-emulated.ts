/**
 * Programs that a real node has and the lab has not: they say so in one line and end with exit code 2, so that nobody
 * takes their silence for an answer. This table is the list that README quotes.
 */
import { type Command, failed } from '../command.ts';

export const NOT_EMULATED: Readonly<Record<string, string>> = {
  'systemctl service journalctl': 'there are no services',
  'iptables iptables-restore ip6tables nft ipvsadm': 'iptables-save lists the rules, nothing changes them',
  'docker crictl ctr nerdctl podman': 'there are no containers, only their network namespaces',
  'kubeadm kubelet helm kubectx kubens k9s stern': 'the cluster is made by the scenario file',
  'aws gcloud az eksctl': 'the cloud is the fabric of the scenario file',
  'curl wget nc ncat socat telnet nmap openssl arping fping hping3':
    'use ping, traceroute, or expectations with proto: tcp',
  'dig nslookup host getent': 'there is no DNS',
  'tc brctl lsmod modprobe bpftool wg dmesg': 'devices have no drivers',
  'tshark termshark ngrep': 'write a capture with tcpdump -w',
  'iperf netperf': 'use iperf3',
  'nsenter lsns unshare': 'go to a pod with kubectl exec',
  'ps top htop free df lsof strace pgrep pkill killall uptime': 'there are no processes',
  'man info tmux screen reset tput stty': 'this is a shell over an emulated machine, not a terminal',
  'vi vim nano emacs': 'write files with cat <<EOF > FILE',
  'apt apt-get dpkg snap yum dnf apk': 'there are no packages',
  'vagrant reboot shutdown poweroff halt': 'use node stop NODE and node start NODE',
  'ifconfig iwconfig': 'use ip addr and ip link',
};

export const notEmulated: Readonly<Record<string, Command>> = Object.fromEntries(
  Object.entries(NOT_EMULATED).flatMap(([names, why]) =>
    names
      .split(' ')
      .map(name => [name, async () => failed(`${name}: not emulated in this lab: ${why}\n`, 2)]),
  ),
);
