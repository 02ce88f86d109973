/** The tools one by one: what they print, what they refuse and how (facts of the real ones, and their words). */
import { assert, suite } from '../kit.ts';
import { settled, sitDown, type Typist } from './typist.ts';

const t = suite<{ typist: Typist }>('shell/commands', undefined, 30_000);

t.before(async context => {
  context.typist = await sitDown('scenarios/kans.yaml');
});
t.after(({ typist }) => typist.leave());

const POOL = 'apiVersion: projectcalico.org/v3\nkind: IPPool\nmetadata: {name: other}\nspec: ';
const apply = (verb: string, text: string): string => `cat <<'EOF' | calicoctl ${verb} -f -\n${text}\nEOF`;

/** Line, what it prints (a pattern is searched for), exit code. */
const TABLE: readonly (readonly [line: string, output: string | RegExp, exitCode?: number])[] = [
  // calicoctl
  [
    'calicoctl get ippool',
    'NAME                  CIDR            SELECTOR   \ndefault-ipv4-ippool   172.16.0.0/16   all()      \n\n',
  ],
  [
    'calicoctl get ippool nope',
    'resource does not exist: IPPool(nope) with error: ippools.crd.projectcalico.org "nope" not found\n',
    1,
  ],
  ['calicoctl get bgppeer', 'NAME   PEERIP   NODE   ASN   \n\n'],
  ['calicoctl get bgpconfig', 'NAME   LOGSEVERITY   MESHENABLED   ASNUMBER   \n\n'],
  ['calicoctl get nodes', 'NAME     \nk8s-m    \nk8s-w0   \nk8s-w1   \nk8s-w2   \n\n'],
  [
    'calicoctl get nodes k8s-m -o wide',
    'NAME    ASN       IPV4               IPV6   \nk8s-m   (64512)   192.168.10.10/24          \n\n',
  ],
  ['calicoctl get wep -A', /^NAMESPACE +WORKLOAD +NODE +NETWORKS +INTERFACE +\n/],
  [
    'calicoctl get ippool -o custom-columns=NAME,IPIPMODE',
    'NAME                  IPIPMODE   \ndefault-ipv4-ippool   Always     \n\n',
  ],
  ['calicoctl get ippool -o xml', "unrecognized output format 'xml'\n", 1],
  ['calicoctl get foo', "Failed to get resources: resource type 'foo' is not supported\n", 1],
  [
    'calicoctl get globalnetworkpolicy',
    'calicoctl get globalnetworkpolicy: this kind is not emulated in this lab\n',
    2,
  ],
  [
    'calicoctl get',
    "Invalid option: 'calicoctl get'. Use flag '--help' to read about a specific subcommand.\n",
    1,
  ],
  [
    'calicoctl frobnicate',
    /^Unknown command: "frobnicate"\nUsage:\n {2}calicoctl \[options\] <command> \[<args>...\]\n/,
    1,
  ],
  [
    'calicoctl version',
    'Client Version:    v3.28.1\nGit commit:        601856343\nCluster Version:   v3.28.1\nCluster Type:      k8s,bgp,kubeadm,kdd\n',
  ],
  [
    'calicoctl apply -f nope.yaml',
    'Failed to execute command: open nope.yaml: no such file or directory\n',
    1,
  ],
  ['echo -n | calicoctl apply -f -', 'No resources specified\n', 1],
  [
    apply('apply', `${POOL}{cidr: 10.0.0.0/28}`),
    "Failed to apply 'IPPool' resource: [error with field IPPool.Spec.CIDR = '10.0.0.0/28' (IP pool size is too small for use with Calico IPAM. It must be equal to or greater than the block size.)]\n",
    1,
  ],
  [
    apply('apply', `${POOL}{cidr: 10.0.0.0/16, ipipMode: Always, vxlanMode: Always}`),
    /^Failed to apply 'IPPool' resource: \[error with field /,
    1,
  ],
  [
    apply('apply', `${POOL}{cidr: 172.16.8.0/21}`),
    /IPPool\(other\) CIDR overlaps with IPPool\(default-ipv4-ippool\) CIDR 172\.16\.0\.0\/16/,
    1,
  ],
  [
    apply('replace', `${POOL}{cidr: 10.0.0.0/16}`),
    /^Failed to replace 'IPPool' resource: \[resource does not exist: IPPool\(other\) with error: /,
    1,
  ],
  [apply('create', `${POOL}{cidr: 10.7.0.0/16}`), "Successfully created 1 'IPPool' resource(s)\n"],
  [
    apply('create', `${POOL}{cidr: 10.7.0.0/16}`),
    /^Failed to create 'IPPool' resource: \[resource already exists: IPPool\(other\) with error: /,
    1,
  ],
  ['calicoctl delete ippool other', "Successfully deleted 1 'IPPool' resource(s)\n"],
  [
    'calicoctl delete ippool other',
    /^Failed to delete 'IPPool' resource: \[resource does not exist: IPPool\(other\) with error: .*\]\n$/,
    1,
  ],
  [
    'calicoctl patch ippool default-ipv4-ippool -p nonsense',
    "Failed to patch 'IPPool' resource: [invalid JSON document]\n",
    1,
  ],
  [
    `calicoctl patch ippool default-ipv4-ippool -p '{"spec":{"ipipMode":"Sometimes"}}'`,
    /^Failed to patch 'IPPool' resource: \[error with field /,
    1,
  ],
  [
    `calicoctl patch felixconfiguration default --type='merge' -p '{"spec":{"logSeverityScreen":"Info"}}'`,
    /^Failed to patch 'FelixConfiguration' resource: \[resource does not exist: FelixConfiguration\(default\)/,
    1,
  ],
  ['calicoctl label nodes k8s-m rack=rack1', 'Successfully set label rack on nodes k8s-m\n'],
  ['calicoctl label nodes k8s-m rack=rack2', /already/, 1],
  ['calicoctl label nodes k8s-m rack=rack2 --overwrite', 'Successfully updated label rack on nodes k8s-m\n'],
  ['calicoctl label nodes k8s-m rack --remove', 'Successfully removed label rack from nodes k8s-m.\n'],
  ['calicoctl ipam show --ip=172.16.9.9', '172.16.9.9 is not assigned\n'],
  [
    'calicoctl ipam show --ip=172.16.158.3',
    /^IP 172\.16\.158\.3 is in use\nAttributes:\n {2}namespace: default\n {2}node: k8s-w1\n {2}pod: pod1\n {2}timestamp: /,
  ],
  [
    'calicoctl ipam show --show-configuration',
    '+--------------------+-------+\n|      PROPERTY      | VALUE |\n+--------------------+-------+\n| StrictAffinity     | false |\n| AutoAllocateBlocks | true  |\n| MaxBlocksPerHost   |     0 |\n+--------------------+-------+\n',
  ],
  ['calicoctl ipam configure --strictaffinity=true', 'Successfully set StrictAffinity to: true\n'],
  ['calicoctl ipam configure --strictaffinity=false', 'Successfully set StrictAffinity to: false\n'],
  // kubectl
  ['kubectl get pods -o name', 'pod/pod1\npod/pod2\npod/pod3\n'],
  ['kubectl get pod/pod1 -o jsonpath={.status.podIP}', '172.16.158.3'],
  [
    `k get no -o jsonpath='{.items[*].status.addresses[?(@.type=="InternalIP")].address}'`,
    '192.168.10.10 192.168.20.100 192.168.10.101 192.168.10.102',
  ],
  ['kubectl get pods --field-selector spec.nodeName=k8s-w1 -o name', 'pod/pod1\n'],
  [
    'kubectl get pods -n kube-system -l k8s-app=kube-dns -o name',
    'pod/coredns-55cb58b774-7x9kq\npod/coredns-55cb58b774-q5wzt\n',
  ],
  ['kubectl get pods -n nowhere', 'No resources found in nowhere namespace.\n'],
  ['kubectl get pod nope', 'Error from server (NotFound): pods "nope" not found\n', 1],
  ['kubectl get ippools -o name', 'ippool.crd.projectcalico.org/default-ipv4-ippool\n'],
  ['kubectl get widgets', `error: the server doesn't have a resource type "widgets"\n`, 1],
  ['kubectl get svc', 'kubectl get svc: this kind is not emulated in this lab\n', 2],
  ['kubectl get pods --nope', "error: unknown flag: --nope\nSee 'kubectl get --help' for usage.\n", 1],
  [
    'kubectl get pods -o fancy',
    /^error: unable to match a printer suitable for the output format "fancy"/,
    1,
  ],
  ['kubectl frobnicate', 'error: unknown command "frobnicate" for "kubectl"\n', 1],
  ['kubectl rollout status ds', 'kubectl rollout: not emulated in this lab\n', 2],
  ['kubectl exec pod1 -- hostname', 'pod1\n'],
  ['kubectl exec pod1 -- false', 'command terminated with exit code 1\n', 1],
  [
    'kubectl exec pod1 -- nosuch',
    /OCI runtime exec failed: exec failed: unable to start container process: exec: "nosuch": executable file not found in \$PATH: unknown\n$/,
    1,
  ],
  ['kubectl exec nope -- hostname', 'Error from server (NotFound): pods "nope" not found\n', 1],
  ['kubectl apply -f nope.yaml', 'error: the path "nope.yaml" does not exist\n', 1],
  ['kubectl label pod pod1 app=web', 'pod/pod1 labeled\n'],
  ['kubectl label pod pod1 app=db', "error: 'app' already has a value (web), and --overwrite is false\n", 1],
  ['kubectl get pods -L app', /^NAME +READY +STATUS +RESTARTS +AGE +APP\npod1 .* web\n/],
  ['kubectl label pod pod1 app-', 'pod/pod1 unlabeled\n'],
  ['kubectl logs pod1', ''],
  ['kubectl get ns default', /^NAME {6}STATUS {3}AGE\ndefault {3}Active {3}/],
  ['kubectl get all', /^NAME {7}READY .*\npod\/pod1 {3}1\/1 /],
  [
    'kubectl get pods -o custom-columns=WHO:.metadata.name,IP:.status.podIP,NO:.spec.nope',
    'WHO    IP             NO\npod1   172.16.158.3   <none>\npod2   172.16.184.4   <none>\npod3   172.16.34.1    <none>\n',
  ],
  ['kubectl get pods --sort-by=.status.podIP -o name', 'pod/pod3\npod/pod1\npod/pod2\n'],
  ['kubectl annotate pod pod1 a=b', 'pod/pod1 annotated\n'],
  ['kubectl annotate pod pod1 a=c', /--overwrite is false but found/, 1],
  [
    `kubectl patch ippool default-ipv4-ippool --type merge -p '{"spec":{"natOutgoing":true}}'`,
    'ippool.crd.projectcalico.org/default-ipv4-ippool patched (no change)\n',
  ],
  [
    `kubectl patch ippool default-ipv4-ippool -p '{"spec":{"natOutgoing":true}}'`,
    /^Error from server \(UnsupportedMediaType\)/,
    1,
  ],
  ['kubectl wait --for=condition=Ready pod/pod1 --timeout=5s', 'pod/pod1 condition met\n'],
  [
    'kubectl wait --for=delete pod/pod1 --timeout=5s',
    'error: timed out waiting for the condition on pods/pod1\n',
    1,
  ],
  ['kubectl exec pod1 hostname', /^pod1\nkubectl exec \[POD\] \[COMMAND\] is DEPRECATED /],
  [
    'kubectl exec pod1 -c nope -- hostname',
    'Error from server (BadRequest): container nope is not valid for pod pod1\n',
    1,
  ],
  ['kubectl exec -n kube-system deploy/coredns -- hostname', 'coredns-55cb58b774-7x9kq\n'],
  [
    'kubectl exec -n kube-system ds/nope -- hostname',
    'Error from server (NotFound): daemonsets.apps "nope" not found\n',
    1,
  ],
  ["kubectl exec pod1 -- sh -c 'ip route | wc -l'", '2\n'],
  [
    'kubectl describe pod pod1',
    /^Name: {13}pod1\nNamespace: {8}default\n[\s\S]*\nNode: {13}k8s-w1\/192\.168\.10\.101\n[\s\S]*\nIP: {15}172\.16\.158\.3\n/,
  ],
  // ip and the rest of the network
  [
    'ip route get 172.16.34.1',
    '172.16.34.1 via 192.168.20.100 dev tunl0 src 172.16.116.0 uid 0 \n    cache \n',
  ],
  ['ip route get 192.168.10.10', 'local 192.168.10.10 dev lo src 192.168.10.10 uid 0 \n    cache <local> \n'],
  ['ip route get 172.16.116.77', 'RTNETLINK answers: Invalid argument\n', 2],
  ['ip route get nonsense', 'Error: inet prefix is expected rather than "nonsense".\n', 1],
  ['ip route add 10.9.0.0/16 via 192.168.10.101', ''],
  ['ip route add 10.9.0.0/16 via 192.168.10.101', 'RTNETLINK answers: File exists\n', 2],
  ['ip route show 10.9.0.0/16', '10.9.0.0/16 via 192.168.10.101 dev ens5 \n'],
  ['ip route replace 10.9.0.0/16 via 192.168.10.102 proto static metric 0', ''],
  ['ip r show proto static', '10.9.0.0/16 via 192.168.10.102 dev ens5 proto static \n'],
  ['ip route del 10.9.0.0/16', ''],
  ['ip route del 10.9.0.0/16', 'RTNETLINK answers: No such process\n', 2],
  ['ip route add 10.9.0.0/16 via 10.200.0.1', 'Error: Nexthop has invalid gateway.\n', 2],
  ['ip route add 10.9.0.0/16 dev nope', 'Cannot find device "nope"\n', 1],
  ['ip route add 10.9.0.1/16 via 192.168.10.101', 'Error: Invalid prefix for given prefix length.\n', 2],
  [
    'ip -j route show default',
    '[{"dst":"default","gateway":"192.168.10.1","dev":"ens5","protocol":"dhcp","prefsrc":"192.168.10.10","metric":100,"flags":[]}]\n',
  ],
  ['ip -br addr show ens5', 'ens5             UP             192.168.10.10/24 fe80::c0ff:fea8:a0a/64 \n'],
  [
    'ip -4 -o addr show tunl0',
    /^\d+: tunl0 +inet 172\.16\.116\.0\/32 scope global tunl0\\ +valid_lft forever preferred_lft forever\n$/,
  ],
  ['ip link show nope', 'Device "nope" does not exist.\n', 1],
  ['ip link set tunl0 mtu 1400', ''],
  ['ip link show tunl0', /^\d+: tunl0@NONE: <NOARP,UP,LOWER_UP> mtu 1400 qdisc noqueue state UNKNOWN /],
  ['ip link set tunl0 mtu 8981', ''],
  ['ip addr add 10.5.0.1/24 dev ens5', ''],
  ['ip addr add 10.5.0.1/24 dev ens5', 'Error: ipv4: Address already assigned.\n', 2],
  ['ip addr add 10.5.0.2/24 dev ens5', ''],
  [
    'ip -4 addr show ens5 | grep 10.5',
    '    inet 10.5.0.1/24 scope global ens5\n    inet 10.5.0.2/24 scope global secondary ens5\n',
  ],
  ['ip route show 10.5.0.0/24', '10.5.0.0/24 dev ens5 proto kernel scope link src 10.5.0.1 \n'],
  ['ping -c 1 -I 10.5.0.2 10.5.0.1', /1 received/],
  ['ip addr del 10.5.0.1/24 dev ens5', ''],
  ['ip route show 10.5.0.0/24', ''],
  ['ip addr del 10.5.0.9/24 dev ens5', 'Error: ipv4: Address not found.\n', 2],
  ['ip addr add 10.5.0.1/24 dev nope', 'Cannot find device "nope"\n', 1],
  ['ip addr add 10.5.0.1/33 dev ens5', 'Error: any valid prefix is expected rather than "10.5.0.1/33".\n', 1],
  ['ip addr add 10.5.0.1/24', 'Not enough information: "dev" argument is required.\n', 1],
  ['ip neigh add 192.168.10.77 lladdr 02:00:00:00:00:01 dev ens5', ''],
  ['ip neigh add 192.168.10.77 lladdr 02:00:00:00:00:01 dev ens5', 'RTNETLINK answers: File exists\n', 2],
  ['ip neigh show 192.168.10.77', '192.168.10.77 dev ens5 lladdr 02:00:00:00:00:01 PERMANENT \n'],
  ['arp -n 192.168.10.77', /^Address .*\n192\.168\.10\.77 +ether +02:00:00:00:00:01 +CM +ens5\n$/],
  ['ip neigh del 192.168.10.77 dev ens5', ''],
  ['ip neigh del 192.168.10.77 dev ens5', 'RTNETLINK answers: No such file or directory\n', 2],
  [
    'ip -d route show default',
    'unicast default via 192.168.10.1 dev ens5 proto dhcp scope global src 192.168.10.10 metric 100 \n',
  ],
  ['route add -net 10.9.0.0/16 gw 192.168.10.1', ''],
  ['route add -net 10.9.0.0/16 gw 192.168.10.1', 'SIOCADDRT: File exists\n', 7],
  ['ip -s route flush root 10.9.0.0/16', /^\n\*\*\* Round 1, deleting 1 entries \*\*\*\n/],
  ['route del -net 10.9.0.0/16', 'SIOCDELRT: No such process\n', 7],
  ['ip route flush', '"ip route flush" requires arguments.\n', 1],
  ['ip tunnel show', 'tunl0: any/ip remote any local any ttl inherit nopmtudisc\n'],
  ['ip route show dev nope', 'Cannot find device "nope"\n', 1],
  ['bridge fdb show dev nope', 'Cannot find device "nope"\n', 255],
  ['bridge frob', 'Object "frob" is unknown, try "bridge help".\n', 255],
  ['arp 192.168.10.55', '192.168.10.55 (192.168.10.55) -- no entry\n'],
  [
    'ss -tln',
    'State  Recv-Q Send-Q Local Address:Port Peer Address:PortProcess\nLISTEN 0      4096         0.0.0.0:179       0.0.0.0:*          \n',
  ],
  [
    'kubectl exec pod1 -- conntrack -L',
    'conntrack v1.4.6 (conntrack-tools): 0 flow entries have been shown.\n',
  ],
  ['kubectl exec pod1 -- ping -c 1 8.8.8.8 | grep -c ttl=', '1\n'],
  [
    'ssh k8s-w1 conntrack -L -p icmp -n 2> /dev/null',
    /^icmp {5}1 \d+ src=172\.16\.158\.3 dst=8\.8\.8\.8 type=8 code=0 id=\d+ src=8\.8\.8\.8 dst=192\.168\.10\.101 type=0 code=0 id=\d+ mark=0 use=1\n$/,
  ],
  [
    'ssh k8s-w1 conntrack -L -p tcp --dport 179 -s 192.168.10.101',
    /^tcp {6}6 4319\d\d ESTABLISHED src=192\.168\.10\.101 dst=192\.168\.10\.10 sport=\d+ dport=179 src=192\.168\.10\.10 dst=192\.168\.10\.101 sport=179 dport=\d+ \[ASSURED\] mark=0 use=1\nconntrack v1\.4\.6 \(conntrack-tools\): 1 flow entries have been shown\.\n$/,
  ],
  ['ssh k8s-w1 conntrack -D -p icmp', /: 1 flow entries have been deleted\.\n$/],
  [
    'ssh k8s-w1 conntrack -F',
    'conntrack v1.4.6 (conntrack-tools): connection tracking table has been emptied.\n',
  ],
  ['ssh k8s-w1 conntrack -C', /^[0-3]\n$/],
  [
    'ipset save cali40masq-ipam-pools',
    'create cali40masq-ipam-pools hash:net family inet hashsize 1024 maxelem 1048576\nadd cali40masq-ipam-pools 172.16.0.0/16\n',
  ],
  ['ipset list -n', 'cali40all-ipam-pools\ncali40masq-ipam-pools\ncali40all-hosts-net\n'],
  [
    'ipset test cali40all-hosts-net 192.168.20.100',
    'Warning: 192.168.20.100 is in set cali40all-hosts-net.\n',
  ],
  ['ipset test cali40all-ipam-pools 8.8.8.8', '8.8.8.8 is NOT in set cali40all-ipam-pools.\n', 1],
  ['iptables -L', /^iptables: not emulated in this lab: iptables-save lists/, 2],
  [
    'kubectl exec pod1 -- tracepath -n 172.16.34.1',
    / 1\?: \[LOCALHOST\] {22}pmtu 8981\n( 1: {2}192\.168\.10\.101 {38} {2}0\.\d{3}ms \n){2} 2: {2}no reply\n 3: {2}172\.16\.34\.1 {41} {2}0\.\d{3}ms reached\n {5}Resume: pmtu 8981 hops 3 back 3 \n$/,
  ],
  ['tracepath -m 2 -p 70000 8.8.8.8', /out of range: 0 <= value <= 65535\n$/, 1],
  [
    'kubectl exec pod1 -- mtr -r -n -c 4 172.16.34.1',
    /^Start: 2024-09-22T\d\d:\d\d:\d\d\+0000\nHOST: pod1 {24}Loss% {3}Snt {3}Last {3}Avg {2}Best {2}Wrst StDev\n {2}1\.\|-- 192\.168\.10\.101 {13}0\.0% {5}4 {4}0\.0 {3}0\.0 {3}0\.0 {3}0\.0 {3}0\.0\n {2}2\.\|-- \?{3} {23}100\.0 {5}4 {4}0\.0 {3}0\.0 {3}0\.0 {3}0\.0 {3}0\.0\n {2}3\.\|-- 172\.16\.34\.1 {16}0\.0% {5}4 {4}0\.\d {3}0\.\d {3}0\.\d {3}0\.\d {3}0\.0\n$/,
  ],
  ['mtr 8.8.8.8', 'mtr: only reports (-r) are emulated in this lab\n', 2],
  ['mtr -T -r 8.8.8.8', 'mtr -T: not emulated in this lab\n', 2],
  ['ss -ti', 'ss -i: not emulated in this lab\n', 2],
  ['ping -c 1 k8s-w1', /^PING k8s-w1 \(192\.168\.10\.101\) 56\(84\) bytes of data\.\n64 bytes from /],
  ['ping -c 1 nowhere', 'ping: nowhere: Name or service not known\n', 2],
  ['kubectl get node k8s-m -o yaml', /^ {4}node-role\.kubernetes\.io\/control-plane: ""$/m],
  [
    'ip -j -p link show tunl0',
    /^\[ \{\n {8}"ifindex": 3,\n {8}"link": null,\n {8}"ifname": "tunl0",\n {8}"flags": \[ "NOARP","UP","LOWER_UP" \],\n[\s\S]*\} \]\n$/,
  ],
  ['ip frobnicate', 'Object "frobnicate" is unknown, try "ip help".\n', 1],
  ['ip route frobnicate', 'Command "frobnicate" is unknown, try "ip route help".\n', 255],
  ['ip rule', '0:\tfrom all lookup local\n32766:\tfrom all lookup main\n32767:\tfrom all lookup default\n'],
  [
    'ping -c 1 -s 9000 -M do 192.168.10.101',
    /ping: local error: message too long, mtu=9001|local error: message too long, mtu: 9001/,
    1,
  ],
  ['tcpdump -i nope', 'tcpdump: nope: No such device exists\n(No such device exists)\n', 1],
  ['tcpdump -i ens5 icmp and and', "tcpdump: can't parse filter expression: syntax error\n", 1],
  [
    'birdcl show protocols',
    /^BIRD v0\.3\.3\+birdv1\.6\.8 ready\.\nname {5}proto {4}table {4}state {2}since {7}info\nstatic1 {2}Static {3}master {3}up {5}/,
  ],
  [
    'birdcl -s /var/run/calico/bird.ctl show route for 172.16.158.3',
    /\n172\.16\.158\.0\/24 +via 192\.168\.10\.101 on ens5 \[Mesh_192_168_10_101 /,
  ],
  ['birdcl show route count', 'BIRD v0.3.3+birdv1.6.8 ready.\n9 of 9 routes for 9 networks\n'],
  [
    'birdcl show route export Mesh_192_168_10_101',
    /^BIRD .* ready\.\n172\.16\.116\.0\/24 {4}blackhole \[static1 [\d:]{8}\] \* \(200\)\n$/,
  ],
  ['birdcl show protocols \'"Mesh_*"\' | grep -c BGP', '3\n'],
  ['birdcl show protocols nope', /\nnope is not a protocol\n$/, 1],
  ['birdcl show route 10.0.0.0/8', /\nNetwork not in table\n$/, 1],
  ['birdcl show route frob', /\nsyntax error\n$/, 1],
  ['birdcl frob', /\nNo such command\. Press `\?' for help\.\n$/, 1],
  ['birdcl show route where net ~ 1.0.0.0/8', 'birdcl show route where: not emulated in this lab\n', 2],
  ['birdcl configure', 'birdcl configure: not emulated in this lab\n', 2],
  [
    'kubectl exec -n kube-system ds/calico-node -- grep -c "^protocol bgp" /etc/calico/confd/config/bird.cfg',
    '3\n',
  ],
  [
    'kubectl exec -n kube-system ds/calico-node -- head -2 /etc/calico/confd/config/bird_aggr.cfg',
    '# Generated by confd\nprotocol static {\n',
  ],
  ['ls /etc/calico', /No such file or directory/, 2],
  ['sysctl net.ipv4.ip_forward', 'net.ipv4.ip_forward = 1\n'],
  ['sysctl -w net.ipv4.ip_forward=1', 'net.ipv4.ip_forward = 1\n'],
  ['sysctl -w net.ipv4.tcp_ecn=1', 'net.ipv4.tcp_ecn = 1\n'],
  ['sysctl -w net.ipv4.tcp_sack=0', 'net.ipv4.tcp_sack = 0\n'],
  ['sysctl net.ipv4.nonsense', 'sysctl: net.ipv4.nonsense: not emulated in this lab\n', 2],
  ['sysctl -n net/ipv4/ip_forward', '1\n'],
  [
    'sysctl net.ipv4.conf.nope.rp_filter',
    'sysctl: cannot stat /proc/sys/net/ipv4/conf/nope/rp_filter: No such file or directory\n',
    1,
  ],
  ['sysctl -w net.ipv4.ip_forward=x', 'sysctl: setting key "net.ipv4.ip_forward": Invalid argument\n', 1],
  ['sysctl -q -w net.ipv4.conf.all.rp_filter=2', ''],
  ['cat /proc/sys/net/ipv4/conf/all/rp_filter', '2\n'],
  ['echo 0 > /proc/sys/net/ipv4/conf/all/rp_filter', ''],
  ["sysctl -a -r 'all.rp'", 'net.ipv4.conf.all.rp_filter = 0\n'],
  ['echo 9 > /proc/sys/net/ipv4/conf/all/rp_filter', 'bash: write error: Invalid argument\n', 1],
  ['echo 1 > /proc/sys/net/ipv4/nonsense', 'bash: write error: Permission denied\n', 1],
  ['cat /proc/sys/net/ipv4/conf/*/forwarding', '1\n1\n1\n1\n'],
  ['grep k8s-w0 /etc/hosts', '192.168.20.100 k8s-w0\n'],
  ['hostname other', /not changed in this lab\n$/, 2],
  // the shell itself, and the lab
  ['nosuch --flag', 'bash: nosuch: command not found\n', 127],
  ['systemctl restart kubelet', 'systemctl: not emulated in this lab: there are no services\n', 2],
  ['ssh nowhere hostname', 'ssh: Could not resolve hostname nowhere: Name or service not known\n', 255],
  ['ssh root@192.168.10.102 "hostname; ip route | wc -l"', /^k8s-w2\n\d+\n$/],
  ['root@k8s-w1:~# hostname', 'k8s-w1\n'],
  ['hostname', 'k8s-m\n'],
  ['cd /tmp', ''],
  ['X=1 ; pwd', '/tmp\n'],
  ['echo $X; cd', '1\n'],
  ['false', '', 1],
  ['echo $?', '1\n'],
  ["alias kp='kubectl get pods -o name'", ''],
  ['kp | head -1', 'pod/pod1\n'],
  ['alias np=hostname', ''],
  ['true && np | cat', 'k8s-m\n'],
  ['twice() { echo $1 $1; }', ''],
  ['twice a | cat', 'a a\n'],
  ['ssh k8s-w1 hostname \\| tr a-z A-Z', 'K8S-W1\n'],
  ["ssh k8s-w1 echo '$HOSTNAME'", 'k8s-w1\n'],
  ['timeout 3 ping 192.168.10.101 | tail -3', /^3 packets transmitted, 3 received/m],
  ['timeout 1 sleep 5', '', 124],
  ['time sleep 1.5', '\nreal\t0m1.500s\nuser\t0m0.000s\nsys\t0m0.000s\n'],
  ['$ hostname', 'k8s-m\n'],
  ['[root@k8s-w1 ~]# hostname', 'k8s-w1\n'],
  ['history | tail -1', /history \| tail -1\n$/],
  ['for n in k8s-w1 k8s-w2; do ssh $n hostname; done', 'k8s-w1\nk8s-w2\n'],
  ['sudo hostname', 'k8s-m\n'],
  ['matrix pod1 pod3', '      pod1     pod3\npod1   ·       tunl0\npod3  tunl0     ·\n2 of 2 pairs talk\n'],
  ['link down k8s-w0/eth9', 'link: there is no NIC k8s-w0/eth9\n', 2],
  ['run forever', /^usage: run DURATION/, 2],
  ['fg', 'bash: fg: current: no such job\n', 1],
];

for (const [line, output, exitCode = 0] of TABLE) {
  t(`${line.replaceAll('\n', ' ').slice(0, 90)}`, async ({ typist }) => {
    const printed = await typist.type(line);
    if (typeof output === 'string') assert.is(printed, output);
    else assert.match(printed, output);
    assert.is(typist.exitCode, exitCode);
  });
}

t('kubectl get pods -w shows what changes, until it is stopped', async ({ typist }) => {
  await typist.type('kubectl get pods -w &');
  const text = `cat <<EOF | kubectl apply -f -\napiVersion: v1\nkind: Pod\nmetadata: {name: extra}\nspec: {nodeName: k8s-w2, containers: [{name: a, image: b}]}\nEOF`;
  const seen = (await typist.run(text)) + (await typist.run('run 3s'));
  assert.match(
    seen,
    /^extra {3}0\/1 {5}Pending {3}0 {10}\ds\npod\/extra created\nextra {3}1\/1 {5}Running {3}0 {10}\ds\n$/,
  );
  await typist.run('kubectl delete pod extra');
  await typist.type('kill %1');
});

t('a cable is pulled and plugged in', async ({ typist }) => {
  await typist.run('link down k8s-w0/ens5');
  assert.match(await typist.type('ping -c 1 -W 1 192.168.20.100'), '0 received');
  await typist.run('link up k8s-w0/ens5');
  assert.match(await typist.run('ping -c 1 -W 1 192.168.20.100'), '1 received');
});

t('BIRD is stopped and started by runit', async ({ typist }) => {
  assert.is(await typist.run('root@k8s-w2:~# sv down bird'), 'ok: down: bird: 0s, normally up\n');
  assert.match(
    await typist.run('ssh k8s-w2 calicoctl node status'),
    'The BGP backend process (BIRD) is not running.',
  );
  assert.match(await typist.run('calicoctl node status'), /192\.168\.10\.102 \| node-to-node mesh \| start/);
  assert.is(await typist.run('root@k8s-w2:~# sv up bird'), 'ok: run: bird: (pid 67) 0s\n');
  await typist.run('run 20s');
  assert.match(await typist.run('calicoctl node status'), /192\.168\.10\.102 \| node-to-node mesh \| up/);
});

t('a node without power answers nobody', async ({ typist }) => {
  await typist.run('node stop k8s-w2');
  assert.is(
    await typist.type('ssh k8s-w2 hostname'),
    'ssh: connect to host k8s-w2 port 22: No route to host\n',
  );
  assert.match(
    await typist.type('kubectl exec pod2 -- hostname'),
    'dial tcp 192.168.10.102:10250: connect: no route to host',
  );
  assert.match(await typist.type('ping -c 1 -W 1 192.168.10.102'), '0 received');
  await typist.run('node start k8s-w2');
  await typist.run('run 30s');
  assert.is(await typist.run('ssh k8s-w2 hostname'), 'k8s-w2\n');
});

t('a capture is written, and read with another filter', async ({ typist }) => {
  await typist.type('tcpdump -ni ens5 -w /tmp/ping.pcap icmp &');
  await typist.run('ping -c 2 192.168.10.101');
  assert.match(await typist.type('kill %1'), '4 packets captured');
  const { stdout, stderr } = await typist.shell.exec('tcpdump -nr /tmp/ping.pcap icmp[icmptype] = icmp-echo');
  assert.is(
    stderr,
    'reading from file /tmp/ping.pcap, link-type EN10MB (Ethernet), snapshot length 262144\n',
  );
  assert.is(
    settled(stdout),
    [1, 2]
      .map(n => `TIME IP 192.168.10.10 > 192.168.10.101: ICMP echo request, id N, seq ${n}, length 64\n`)
      .join(''),
  );
});

t('without an end of its own a command is stopped after ten seconds', async ({ typist }) => {
  const before = typist.lab.now;
  assert.match(
    await typist.run('ping 192.168.10.101'),
    '10 packets transmitted, 10 received, 0% packet loss',
  );
  assert.ok(typist.lab.now - before < 20e9);
});

t('iperf3 between pods', async ({ typist }) => {
  await typist.type('kubectl exec pod3 -- iperf3 -s &');
  const text = await typist.run('kubectl exec pod1 -- iperf3 -c 172.16.34.1 -n 1M');
  assert.match(text, /^Connecting to host 172\.16\.34\.1, port 5201$/m);
  assert.match(text, / receiver\n\niperf Done\.\n/);
  await typist.type('kill %1');
});

t('history', async ({ typist }) => {
  assert.match(await typist.run('history | tail -1 || true; true'), '');
  assert.match(await typist.run('history'), /\n +\d+ {2}history\n$/);
});

t.run();
