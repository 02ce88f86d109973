/** The walkthrough as somebody pastes it: prompts of both shapes, the manifest printed first, tcpdump on another node. */

import { readFileSync } from 'node:fs';
import { assert, fromRoot, suite } from '../kit.ts';
import { settled, sitDown, type Typist } from './typist.ts';

const t = suite<{ typist: Typist }>('shell/walkthrough', undefined, 30_000);

t.before(async context => {
  context.typist = await sitDown('scenarios/kans.yaml');
});
t.after(({ typist }) => typist.leave());

const lines = (text: string): string[] => text.split('\n').map(line => line.trimEnd());

t('it begins at k8s-m, as root', ({ typist }) => assert.is(typist.shell.prompt, 'root@k8s-m:~# '));

t('the pool is in IPIP mode, routes to other nodes lead to tunl0', async ({ typist }) => {
  const table = await typist.run('root@k8s-m:~# ip route | grep bird | grep -v blackhole');
  assert.equal(lines(table), [
    '172.16.34.0/24 via 192.168.20.100 dev tunl0 proto bird onlink',
    '172.16.158.0/24 via 192.168.10.101 dev tunl0 proto bird onlink',
    '172.16.184.0/24 via 192.168.10.102 dev tunl0 proto bird onlink',
    '',
  ]);
});

t('the manifest lies in the home of root, and is what runs', async ({ typist }) => {
  const text = await typist.run('(⎈|HomeLab:N/A) root@k8s-m:~# cat node3-pod3.yaml');
  assert.is(text, readFileSync(fromRoot('scenarios/kans/node3-pod3.yaml'), 'utf8'));
  assert.is(
    await typist.run('(⎈|HomeLab:N/A) root@k8s-m:~# k apply -f node3-pod3.yaml'),
    'pod/pod1 unchanged\npod/pod2 unchanged\npod/pod3 unchanged\n',
  );
});

t('IPIP off: routes leave by Ethernet, one line of typing later', async ({ typist }) => {
  assert.is(
    await typist.run(
      'root@k8s-m:~# calicoctl get ippool default-ipv4-ippool -o yaml | sed -e "s/ipipMode: Always/ipipMode: Never/" | calicoctl apply -f -',
    ),
    "Successfully applied 1 'IPPool' resource(s)\n",
  );
  assert.equal(lines(await typist.run('root@k8s-m:~# ip route | grep bird')), [
    '172.16.34.0/24 via 192.168.10.1 dev ens5 proto bird',
    'blackhole 172.16.116.0/24 proto bird',
    '172.16.158.0/24 via 192.168.10.101 dev ens5 proto bird',
    '172.16.184.0/24 via 192.168.10.102 dev ens5 proto bird',
    '',
  ]);
});

t('the same subnet talks, the other one does not', async ({ typist }) => {
  assert.match(
    await typist.run('k exec -it pod1 -- ping -c 1 172.16.184.4'),
    '64 bytes from 172.16.184.4: icmp_seq=1 ttl=62',
  );
  const silent = await typist.type('k exec -it pod1 -- ping -c 2 172.16.34.1');
  assert.is(
    settled(silent),
    'PING 172.16.34.1 (172.16.34.1) 56(84) bytes of data.\n\n--- 172.16.34.1 ping statistics ---\n' +
      '2 packets transmitted, 0 received, 100% packet loss, time T\n\ncommand terminated with exit code 1\n',
  );
  assert.is(typist.exitCode, 1);
});

t('CrossSubnet, as the post prints it', async ({ typist }) => {
  assert.is(
    await typist.run(
      `(⎈|HomeLab:N/A) root@k8s-m:~# calicoctl patch ippool default-ipv4-ippool -p '{"spec":{"ipipMode":"CrossSubnet"}}'`,
    ),
    "Successfully patched 1 'IPPool' resource\n",
  );
  assert.equal(lines(await typist.run('root@k8s-m:~# calicoctl get ippool -o wide')), [
    'NAME                  CIDR            NAT    IPIPMODE      VXLANMODE   DISABLED   DISABLEBGPEXPORT   SELECTOR',
    'default-ipv4-ippool   172.16.0.0/16   true   CrossSubnet   Never       false      false              all()',
    '',
    '',
  ]);
  assert.equal(lines(await typist.run('root@k8s-m:~# ip route | grep bird')), [
    '172.16.34.0/24 via 192.168.20.100 dev tunl0 proto bird onlink',
    'blackhole 172.16.116.0/24 proto bird',
    '172.16.158.0/24 via 192.168.10.101 dev ens5 proto bird',
    '172.16.184.0/24 via 192.168.10.102 dev ens5 proto bird',
    '',
  ]);
});

t("the pods' table", async ({ typist }) => {
  assert.is(
    settled(await typist.run('root@k8s-m:~# k get pods -o wide')),
    'NAME   READY   STATUS    RESTARTS   AGE   IP             NODE     NOMINATED NODE   READINESS GATES\n' +
      'pod1   1/1     Running   0          AGE   172.16.158.3   k8s-w1   <none>           <none>\n' +
      'pod2   1/1     Running   0          AGE   172.16.184.4   k8s-w2   <none>           <none>\n' +
      'pod3   1/1     Running   0          AGE   172.16.34.1    k8s-w0   <none>           <none>\n',
  );
});

t('pod1 and pod3 ping each other, and tcpdump on k8s-w1 shows the tunnel in use', async ({ typist }) => {
  assert.match(
    await typist.type('root@k8s-w1:~# tcpdump -ni tunl0 icmp &'),
    'listening on tunl0, link-type RAW (Raw IP)',
  );
  const output = settled(await typist.run('root@k8s-m:~# kubectl exec -it pod1 -- ping -c 1 172.16.34.1'));
  assert.match(output, '64 bytes from 172.16.34.1: icmp_seq=1 ttl=62 time=T ms\n');
  assert.match(output, 'TIME IP 172.16.158.3 > 172.16.34.1: ICMP echo request, id N, seq 1, length 64\n');
  assert.match(output, 'TIME IP 172.16.34.1 > 172.16.158.3: ICMP echo reply, id N, seq 1, length 64\n');
  assert.match(await typist.type('kill %1'), '2 packets captured\n2 packets received by filter\n');
  assert.match(await typist.run('kubectl exec -it pod3 -- ping -c 1 172.16.158.3'), 'ttl=62');
});

t.run();
