/** The command log of the reference lab on AWS: IPIP Always, then Direct, with that log's own pods. */
import { assert, suite } from '../kit.ts';
import { settled, sitDown, type Typist } from './typist.ts';

const t = suite<{ typist: Typist }>('shell/kans-log', undefined, 30_000);

const pod = (name: string, node: string): string =>
  `apiVersion: v1\nkind: Pod\nmetadata: {name: ${name}}\nspec: {nodeName: ${node}, containers: [{name: ${name}, image: nicolaka/netshoot, command: [tail], args: ["-f", /dev/null]}]}\n`;

t.before(async context => {
  context.typist = await sitDown('test/fixtures/shell/kans-log.yaml');
});
t.after(({ typist }) => typist.leave());

t('ipam show after the installation', async ({ typist }) => {
  assert.is(
    await typist.run('calicoctl ipam show --show-blocks'),
    `+----------+-----------------+-----------+------------+--------------+
| GROUPING |      CIDR       | IPS TOTAL | IPS IN USE |   IPS FREE   |
+----------+-----------------+-----------+------------+--------------+
| IP Pool  | 172.16.0.0/16   |     65536 | 7 (0%)     | 65529 (100%) |
| Block    | 172.16.116.0/24 |       256 | 1 (0%)     | 255 (100%)   |
| Block    | 172.16.158.0/24 |       256 | 4 (2%)     | 252 (98%)    |
| Block    | 172.16.184.0/24 |       256 | 1 (0%)     | 255 (100%)   |
| Block    | 172.16.34.0/24  |       256 | 1 (0%)     | 255 (100%)   |
+----------+-----------------+-----------+------------+--------------+
`,
  );
});

t('ipam check finds no problem', async ({ typist }) => {
  const text = await typist.run('calicoctl ipam check');
  assert.match(text, 'Found 4 IPAM blocks.\n IPAM block 172.16.116.0/24 affinity=host:k8s-m:\n');
  assert.match(text, 'Workloads and nodes are using 7 IPs.');
  assert.match(text, '  k8s-w1 has 4 allocations\n');
  assert.match(text, 'Node with most allocations has 4; median is 1\n');
  assert.ok(text.endsWith('Check complete; found 0 problems.\n'));
});

t("k8s-m's table, the lines of DHCP included", async ({ typist }) => {
  assert.is(
    await typist.run('ip route'),
    `default via 192.168.10.1 dev ens5 proto dhcp src 192.168.10.10 metric 100 
172.16.34.0/24 via 192.168.20.100 dev tunl0 proto bird onlink 
blackhole 172.16.116.0/24 proto bird 
172.16.158.0/24 via 192.168.10.101 dev tunl0 proto bird onlink 
172.16.184.0/24 via 192.168.10.102 dev tunl0 proto bird onlink 
192.168.0.2 via 192.168.10.1 dev ens5 proto dhcp src 192.168.10.10 metric 100 
192.168.10.0/24 dev ens5 proto kernel scope link src 192.168.10.10 metric 100 
192.168.10.1 dev ens5 proto dhcp scope link src 192.168.10.10 metric 100 
`,
  );
});

t('bird.cfg of k8s-m: its address sorts first, so it waits for all three', async ({ typist }) => {
  const name = await typist.run(
    `kubectl get pods -n kube-system -l k8s-app=calico-node --field-selector spec.nodeName=k8s-m -o jsonpath='{.items[0].metadata.name}'`,
  );
  const bird = await typist.run(
    `kubectl exec -n kube-system ${name} -- cat /etc/calico/confd/config/bird.cfg | grep -E "neighbor|passive"`,
  );
  assert.is(
    bird,
    ['192.168.20.100', '192.168.10.101', '192.168.10.102']
      .map(
        peer =>
          `  neighbor ${peer} as 64512;\n  passive on; # Mesh is unidirectional, peer will connect to us.\n`,
      )
      .join(''),
  );
});

t("k8s-w1's table by route -n, the lines with a gateway", async ({ typist }) => {
  assert.is(
    await typist.run("ssh k8s-w1 route -n | egrep '(Destination|UG)'"),
    `Destination     Gateway         Genmask         Flags Metric Ref    Use Iface
0.0.0.0         192.168.10.1    0.0.0.0         UG    100    0        0 ens5
172.16.34.0     192.168.20.100  255.255.255.0   UG    0      0        0 tunl0
172.16.116.0    192.168.10.10   255.255.255.0   UG    0      0        0 tunl0
172.16.184.0    192.168.10.102  255.255.255.0   UG    0      0        0 tunl0
192.168.0.2     192.168.10.1    255.255.255.255 UGH   100    0        0 ens5
`,
  );
});

t('its own pods come behind the blackhole', async ({ typist }) => {
  const text = await typist.run('ssh k8s-w1 ip route | grep 172.16.158');
  assert.match(
    text,
    /^blackhole 172\.16\.158\.0\/24 proto bird \n172\.16\.158\.1 dev cali\w{11} scope link \n172\.16\.158\.2 dev cali\w{11} scope link \n172\.16\.158\.3 dev cali\w{11} scope link \n$/,
  );
});

t('tunl0: MTU 8981, the first address of the block', async ({ typist }) => {
  const text = await typist.run('ip addr show tunl0');
  assert.match(text, /^\d+: tunl0@NONE: <NOARP,UP,LOWER_UP> mtu 8981 /);
  assert.match(text, '    inet 172.16.116.0/32 scope global tunl0\n');
});

t('node status: three peers of the mesh', async ({ typist }) => {
  assert.is(
    settled(await typist.run('calicoctl node status')),
    `Calico process is running.

IPv4 BGP status
+----------------+-------------------+-------+----------+-------------+
|  PEER ADDRESS  |     PEER TYPE     | STATE |  SINCE   |    INFO     |
+----------------+-------------------+-------+----------+-------------+
| 192.168.20.100 | node-to-node mesh | up    | CLOCK | Established |
| 192.168.10.101 | node-to-node mesh | up    | CLOCK | Established |
| 192.168.10.102 | node-to-node mesh | up    | CLOCK | Established |
+----------------+-------------------+-------+----------+-------------+

IPv6 BGP status
No IPv6 peers found.

`,
  );
});

t('two pods on k8s-w1: .4 and .5, index 3 inside, proxy ARP', async ({ typist }) => {
  await typist.run(`cat <<'EOF' > node1-pod2.yaml\n${pod('pod1', 'k8s-w1')}---\n${pod('pod2', 'k8s-w1')}EOF`);
  assert.is(await typist.run('kubectl apply -f node1-pod2.yaml'), 'pod/pod1 created\npod/pod2 created\n');
  assert.is(
    await typist.run('calicoctl get wep'),
    `WORKLOAD   NODE     NETWORKS          INTERFACE         
pod1       k8s-w1   172.16.158.4/32   calice0906292e2   
pod2       k8s-w1   172.16.158.5/32   calibd2348b4f67   

`,
  );
  await typist.run('kubectl exec -it pod1 -- zsh');
  assert.is(typist.shell.prompt, 'root@pod1:~# ');
  assert.match(await typist.run(' pod1  ~  ip -br -c link'), /^lo .*\ntunl0@NONE +DOWN .*\neth0@if\d+ +UP /);
  assert.match(await typist.run('ip -d link show eth0'), /^3: eth0@if\d+: .* mtu 8981 /);
  assert.is(
    await typist.run('ip route'),
    'default via 169.254.1.1 dev eth0 \n169.254.1.1 dev eth0 scope link \n',
  );
  assert.match(await typist.run('ping -c 1 172.16.158.5'), 'ttl=63');
  assert.match(await typist.run('ip neigh'), '169.254.1.1 dev eth0 lladdr ee:ee:ee:ee:ee:ee ');
  assert.is(await typist.type('kubectl get pods'), 'bash: kubectl: command not found\n');
  assert.is(await typist.type('exit'), 'exit\n');
});

t('nothing of a ping between pods of one node is on ens5 or tunl0', async ({ typist }) => {
  await typist.run('root@k8s-w1:~# tcpdump -ni ens5 icmp or proto 4 &');
  await typist.run('root@k8s-w1:~# tcpdump -ni tunl0 icmp &');
  await typist.run('kubectl exec pod1 -- ping -c 2 172.16.158.5');
  const summary = await typist.type('kill %1 %2');
  assert.is(summary.match(/^0 packets captured$/gm)?.length, 2);
});

t('the Internet is reached with the address of the node', async ({ typist }) => {
  await typist.run('root@k8s-w1:~# tcpdump -ni ens5 -c 2 icmp &');
  const output = settled(await typist.run('kubectl exec pod1 -- ping -c 1 8.8.8.8'));
  assert.match(output, 'IP 192.168.10.101 > 8.8.8.8: ICMP echo request');
  assert.match(output, 'IP 8.8.8.8 > 192.168.10.101: ICMP echo reply');
});

t('made anew, pod1 gets .6: released addresses go to the tail', async ({ typist }) => {
  assert.is(await typist.run('kubectl delete pod pod1'), 'pod "pod1" deleted\n');
  await typist.run(
    `cat <<EOF | kubectl apply -f -\n${pod('pod1', 'k8s-w1')}---\n${pod('pod3', 'k8s-w0')}EOF`,
  );
  assert.is(
    await typist.run(
      `kubectl get pods -o jsonpath='{range .items[*]}{.metadata.name}{"\\t"}{.status.podIP}{"\\n"}{end}'`,
    ),
    'pod1\t172.16.158.6\npod2\t172.16.158.5\npod3\t172.16.34.1\n',
  );
});

t('to the other subnet: outside protocol 4 between nodes, on tunl0 the plain packet', async ({ typist }) => {
  await typist.run('root@k8s-w1:~# tcpdump -ni ens5 -c 1 proto 4 &');
  await typist.run('root@k8s-w1:~# tcpdump -ni tunl0 -c 1 &');
  const output = settled(await typist.run('kubectl exec pod1 -- ping -c 1 172.16.34.1'));
  assert.match(
    output,
    'TIME IP 192.168.10.101 > 192.168.20.100: IP 172.16.158.6 > 172.16.34.1: ICMP echo request, id N, seq 1, length 64',
  );
  assert.match(
    output,
    /^TIME IP 172\.16\.158\.6 > 172\.16\.34\.1: ICMP echo request, id N, seq 1, length 64$/m,
  );
});

t('a TCP connection between pods offers an MSS of 8941', async ({ typist }) => {
  await typist.run('kubectl exec pod3 -- iperf3 -s -1 -D');
  await typist.run('root@k8s-w1:~# tcpdump -ni tunl0 -c 1 "tcp[tcpflags] & tcp-syn != 0" &');
  const output = await typist.run('kubectl exec pod1 -- iperf3 -c 172.16.34.1 -n 1K');
  assert.match(output, /172\.16\.158\.6\.\d+ > 172\.16\.34\.1\.5201: Flags \[S\], .*options \[mss 8941,/);
});

t('Direct: the gateway of the other subnet is the recursive one', async ({ typist }) => {
  await typist.run(
    'calicoctl get ippool default-ipv4-ippool -o yaml | sed -e "s/ipipMode: Always/ipipMode: Never/" | calicoctl apply -f -',
  );
  assert.match(
    await typist.run('calicoctl get ippool -o wide'),
    /default-ipv4-ippool +172\.16\.0\.0\/16 +true +Never +Never/,
  );
  assert.is(
    await typist.run("ssh k8s-w1 route -n | egrep '(Destination|UG)' | head -5"),
    `Destination     Gateway         Genmask         Flags Metric Ref    Use Iface
0.0.0.0         192.168.10.1    0.0.0.0         UG    100    0        0 ens5
172.16.34.0     192.168.10.1    255.255.255.0   UG    0      0        0 ens5
172.16.116.0    192.168.10.10   255.255.255.0   UG    0      0        0 ens5
172.16.184.0    192.168.10.102  255.255.255.0   UG    0      0        0 ens5
`,
  );
});

t('Direct: each ping between pods of one node is four packets on any device', async ({ typist }) => {
  await typist.run('root@k8s-w1:~# tcpdump -ni any icmp &');
  const output = settled(await typist.run('kubectl exec pod1 -- ping -c 1 172.16.158.5'));
  const order = [...output.matchAll(/^TIME (cali\w+) (In |Out)/gm)].map(
    ([, device, way]) => `${device} ${way!.trim()}`,
  );
  const [one, two] = ['calice0906292e2', 'calibd2348b4f67'];
  assert.equal(order, [`${one} In`, `${two} Out`, `${two} In`, `${one} Out`]);
  await typist.run('kill %1');
});

t('Direct: requests to the other subnet leave un-NATed, and nothing comes back', async ({ typist }) => {
  await typist.run('root@k8s-w1:~# tcpdump -ni ens5 icmp &');
  const output = settled(await typist.type('kubectl exec pod1 -- ping -c 38 172.16.34.1'));
  assert.match(output, '38 packets transmitted, 0 received, 100% packet loss, time T\n');
  assert.is(output.match(/IP 172\.16\.158\.6 > 172\.16\.34\.1: ICMP echo request/g)?.length, 38);
  assert.not.match(output, 'echo reply');
  await typist.run('kill %1');
  assert.match(await typist.run('kubectl exec pod1 -- ping -c 1 8.8.8.8'), '1 received');
});

t('Direct: the node itself fails the same way', async ({ typist }) => {
  assert.match(await typist.type('ssh k8s-w1 ping -c 1 -W 1 172.16.34.1'), '0 received');
});

t('natOutgoing off: the Internet is lost, pods are not; on again: back at once', async ({ typist }) => {
  const patch = (on: boolean): string =>
    `calicoctl patch ippool default-ipv4-ippool -p '{"spec":{"natOutgoing":${on}}}'`;
  await typist.run(patch(false));
  assert.match(await typist.type('kubectl exec pod1 -- ping -c 1 -W 1 8.8.8.8'), '100% packet loss');
  assert.match(await typist.run('kubectl exec pod1 -- ping -c 1 172.16.158.5'), '1 received');
  await typist.run(patch(true));
  assert.match(await typist.run('kubectl exec pod1 -- ping -c 1 8.8.8.8'), '1 received');
});

t('CrossSubnet: tunl0 for the other subnet only, and it works again', async ({ typist }) => {
  await typist.run(`calicoctl patch ippool default-ipv4-ippool -p '{"spec":{"ipipMode":"CrossSubnet"}}'`);
  const text = await typist.run('ssh k8s-w1 ip route | grep "proto bird" | grep -v blackhole');
  assert.is(
    text,
    '172.16.34.0/24 via 192.168.20.100 dev tunl0 proto bird onlink \n172.16.116.0/24 via 192.168.10.10 dev ens5 proto bird \n172.16.184.0/24 via 192.168.10.102 dev ens5 proto bird \n',
  );
  assert.match(await typist.run('kubectl exec pod1 -- ping -c 1 172.16.34.1'), 'ttl=62');
});

t.run();
