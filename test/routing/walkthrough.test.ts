/** The walkthrough, typed as published: its commands, their answers, the addresses. */
import { Lab } from '../../src/lab.ts';
import { assert, fromRoot, suite } from '../kit.ts';

const t = suite<{ lab: Lab }>('routing/walkthrough', undefined, 30_000);

t.before(async context => {
  context.lab = await Lab.load(fromRoot('scenarios/kans.yaml'), { workers: 0 });
  await context.lab.converge();
});
t.after(({ lab }) => lab.close());

t('the pods have the addresses of the post', async ({ lab }) => {
  const { stdout } = await lab.exec('root@k8s-m:~# k get pods -o wide');
  const rows = stdout
    .trimEnd()
    .split('\n')
    .map(line => line.split(/ {2,}/));
  assert.equal(rows[0], [
    'NAME',
    'READY',
    'STATUS',
    'RESTARTS',
    'AGE',
    'IP',
    'NODE',
    'NOMINATED NODE',
    'READINESS GATES',
  ]);
  assert.equal(
    rows.slice(1).map(row => [row[0], row[1], row[2], row[5], row[6]]),
    [
      ['pod1', '1/1', 'Running', '172.16.158.3', 'k8s-w1'],
      ['pod2', '1/1', 'Running', '172.16.184.4', 'k8s-w2'],
      ['pod3', '1/1', 'Running', '172.16.34.1', 'k8s-w0'],
    ],
  );
});

t("k8s-m's table is that of the published log", async ({ lab }) => {
  const { stdout } = await lab.exec('ip route');
  assert.equal(
    stdout.split('\n').map(line => line.trimEnd()),
    [
      'default via 192.168.10.1 dev ens5 proto dhcp src 192.168.10.10 metric 100',
      '172.16.34.0/24 via 192.168.20.100 dev tunl0 proto bird onlink',
      'blackhole 172.16.116.0/24 proto bird',
      '172.16.158.0/24 via 192.168.10.101 dev tunl0 proto bird onlink',
      '172.16.184.0/24 via 192.168.10.102 dev tunl0 proto bird onlink',
      '192.168.0.2 via 192.168.10.1 dev ens5 proto dhcp src 192.168.10.10 metric 100',
      '192.168.10.0/24 dev ens5 proto kernel scope link src 192.168.10.10 metric 100',
      '192.168.10.1 dev ens5 proto dhcp scope link src 192.168.10.10 metric 100',
      '',
    ],
  );
});

t('IPIP off: the pipe of the post, and what it prints', async ({ lab }) => {
  const { stdout, exitCode } = await lab.exec(
    'root@k8s-m:~# calicoctl get ippool default-ipv4-ippool -o yaml | sed -e "s/ipipMode: Always/ipipMode: Never/" | calicoctl apply -f -',
  );
  assert.is(stdout, "Successfully applied 1 'IPPool' resource(s)\n");
  assert.is(exitCode, 0);
  await lab.converge();
  assert.is((await lab.ping('pod1', 'pod2')).way, 'direct');
  const { result, died } = await lab.ping('pod1', 'pod3');
  assert.not.ok(result.answered);
  assert.equal([died?.machine, died?.reason], ['vpc', 'NO_ROUTE']);
});

t('a ping that dies is silent, as in the post', async ({ lab }) => {
  const { stdout, exitCode } = await lab.exec('kubectl exec pod1 -- ping -c 2 172.16.34.1');
  assert.match(
    stdout,
    /^PING 172\.16\.34\.1 \(172\.16\.34\.1\) 56\(84\) bytes of data\.\n\n--- 172\.16\.34\.1 ping statistics ---\n2 packets transmitted, 0 received, 100% packet loss, time \d+ms\n/,
  );
  assert.is(exitCode, 1);
});

t('CrossSubnet cures it, and tunl0 has the next address of the queue', async ({ lab }) => {
  const { stdout } = await lab.exec(
    `calicoctl patch ippool default-ipv4-ippool -p '{"spec":{"ipipMode":"CrossSubnet"}}'`,
  );
  assert.is(stdout, "Successfully patched 1 'IPPool' resource\n");
  await lab.converge();
  const wide = await lab.exec('calicoctl get ippool -o wide');
  assert.is(
    wide.stdout,
    'NAME                  CIDR            NAT    IPIPMODE      VXLANMODE   DISABLED   DISABLEBGPEXPORT   SELECTOR   \n' +
      'default-ipv4-ippool   172.16.0.0/16   true   CrossSubnet   Never       false      false              all()      \n\n',
  );
  const tunl0 = (await lab.devices('k8s-w0')).find(device => device.name === 'tunl0');
  assert.equal(
    tunl0?.addresses.map(({ address, length }) => [address, length]),
    [[0xac102202, 32]],
  );
  const ping = await lab.exec('kubectl exec pod1 -- ping -c 1 172.16.34.1');
  assert.match(ping.stdout, /64 bytes from 172\.16\.34\.1: icmp_seq=1 ttl=62 time=/);
});

t('the manifest of the post is still what runs', async ({ lab }) => {
  const { stdout } = await lab.exec('kubectl apply -f node3-pod3.yaml');
  assert.is(stdout, 'pod/pod1 unchanged\npod/pod2 unchanged\npod/pod3 unchanged\n');
});

t('each node of the lab lives on a thread of its own', async () => {
  const lab = await Lab.load(fromRoot('scenarios/kans.yaml'));
  const threads = lab.placement.map(place => place.threadId);
  assert.is(new Set(threads).size, threads.length);
  assert.ok(threads.every(id => id > 0));
  await lab.close();
});

t.run();
