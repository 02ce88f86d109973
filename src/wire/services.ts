/**
 * /etc/services and /etc/protocols of Debian 12 (netbase 6.4), which tools look names up in: `NAME[,ALIAS…]:PORT` and the
 * transports, t(cp) u(dp) s(ctp) d(ccp). Of several names of a port the first one is printed.
 */
export type Transport = 'tcp' | 'udp' | 'sctp';

const SERVICES = `
  tcpmux:1t echo:7tu discard,sink,null:9tu systat,users:11t daytime:13tu netstat:15t qotd,quote:17t
  chargen,ttytst,source:19tu ftp-data:20t ftp:21t fsp,fspd:21u ssh:22t telnet:23t smtp,mail:25t
  time,timserver:37tu whois,nicname:43t tacacs:49tu domain:53tu bootps:67u bootpc:68u tftp:69u gopher:70t
  finger:79t http,www:80t kerberos,kerberos5,krb5,kerberos-sec:88tu iso-tsap,tsap:102t acr-nema,dicom:104t
  pop3,pop-3:110t sunrpc,portmapper:111tu auth,authentication,tap,ident:113t nntp,readnews,untp:119t
  ntp:123u epmap,loc-srv:135t netbios-ns:137u netbios-dgm:138u netbios-ssn:139t imap2,imap:143t snmp:161tu
  snmp-trap,snmptrap:162tu cmip-man:163tu cmip-agent:164tu mailq:174t xdmcp:177u bgp:179t smux:199t
  qmtp:209t z3950,wais:210t ipx:213u ptp-event:319u ptp-general:320u pawserv:345t zserv:346t
  rpc2portmap:369tu codaauth2:370tu clearcase,Clearcase:371u ldap:389tu svrloc:427tu https:443tu snpp:444t
  microsoft-ds:445t kpasswd:464tu submissions,ssmtp,smtps,urd:465t saft:487t isakmp:500u rtsp:554tu nqs:607t
  asf-rmcp:623u qmqp:628t ipp:631t ldp:646tu exec:512t biff,comsat:512u login:513t who,whod:513u
  shell,cmd,syslog:514t syslog:514u printer,spooler:515t talk:517u ntalk:518u route,router,routed:520u
  gdomap:538tu uucp,uucpd:540t klogin:543t kshell,krcmd:544t dhcpv6-client:546u dhcpv6-server:547u
  afpovertcp:548t nntps,snntp:563t submission:587t ldaps:636tu tinc:655tu silc:706t kerberos-adm:749t
  domain-s:853tu rsync:873t ftps-data:989t ftps:990t telnets:992t imaps:993t pop3s:995t socks:1080t
  proofd:1093t rootd:1094t openvpn:1194tu rmiregistry:1099t lotusnote,lotusnotes:1352t ms-sql-s:1433t
  ms-sql-m:1434u ingreslock:1524t datametrics,old-radius:1645tu sa-msg-port,old-radacct:1646tu kermit:1649t
  groupwise:1677t l2f,l2tp:1701u radius:1812tu radius-acct,radacct:1813tu cisco-sccp:2000t nfs:2049tu
  gnunet:2086tu rtcm-sc104:2101tu gsigatekeeper:2119t gris:2135t cvspserver:2401t venus:2430tu
  venus-se:2431tu codasrv:2432tu codasrv-se:2433tu mon:2583tu dict:2628t f5-globalsite:2792t gsiftp:2811t
  gpsd:2947t gds-db,gds_db:3050t icpv2,icp:3130u isns:3205tu iscsi-target:3260t mysql:3306t
  ms-wbt-server:3389t nut:3493tu distcc:3632t daap:3689t svn,subversion:3690t suucp:4031t sysrqd:4094t
  sieve:4190t epmd:4369t remctl:4373t f5-iquery:4353t ntske:4460t ipsec-nat-t:4500u iax:4569u mtn:4691t
  radmin-port:4899t sip:5060tu sip-tls:5061tu xmpp-client,jabber-client:5222t
  xmpp-server,jabber-server:5269t cfengine:5308t mdns:5353u postgresql,postgres:5432t freeciv,rptp:5556t
  amqps:5671t amqp:5672ts x11,x11-0:6000t x11-1:6001t x11-2:6002t x11-3:6003t x11-4:6004t x11-5:6005t
  x11-6:6006t x11-7:6007t gnutella-svc:6346tu gnutella-rtr:6347tu redis:6379t sge-qmaster,sge_qmaster:6444t
  sge-execd,sge_execd:6445t mysql-proxy:6446t babel:6696u ircs-u:6697t bbs:7000t afs3-fileserver:7000u
  afs3-callback:7001u afs3-prserver:7002u afs3-vlserver:7003u afs3-kaserver:7004u afs3-volser:7005u
  afs3-bos:7007u afs3-update:7008u afs3-rmtsys:7009u font-service,xfs:7100t http-alt,webcache:8080t
  puppet:8140t bacula-dir:9101t bacula-fd:9102t bacula-sd:9103t xmms2:9667t nbd:10809t zabbix-agent:10050t
  zabbix-trapper:10051t amanda:10080t dicom:11112t hkp:11371t db-lsp:17500t dcap:22125t gsidcap:22128t
  wnn6:22273t kerberos4,kerberos-iv,kdc:750ut kerberos-master,kerberos_master:751u kerberos-master:751t
  passwd-server,passwd_server:752u krb-prop,krb_prop,krb5_prop,hprop:754t zephyr-srv:2102u zephyr-clt:2103u
  zephyr-hm:2104u iprop:2121t supfilesrv:871t supfiledbg:1127t poppassd:106t moira-db,moira_db:775t
  moira-update,moira_update:777t moira-ureg,moira_ureg:779u spamd:783t skkserv:1178t predict:1210u
  rmtcfg:1236t xtel:1313t xtelw:1314t zebrasrv:2600t zebra:2601t ripd:2602t ripngd:2603t ospfd:2604t
  bgpd:2605t ospf6d:2606t ospfapi:2607t isisd:2608t fax:4557t hylafax:4559t munin,lrrd:4949t rplay:5555u
  nrpe:5666t nsca:5667t canna:5680t syslog-tls:6514t sane-port,sane,saned:6566t ircd:6667t zope-ftp:8021t
  tproxy:8081t omniorb:8088t clc-build-daemon:8990t xinetd:9098t git:9418t zope:9673t webmin:10000t
  kamanda:10081t amandaidx:10082t amidxtape:10083t sgi-cmsd:17001u sgi-crsd:17002u sgi-gcd:17003u
  sgi-cad:17004t binkp:24554t asp:27374tu csync2:30865t dircproxy:57000t tfido:60177t fido:60179t`;

const LETTERS: Readonly<Record<Transport, string>> = { tcp: 't', udp: 'u', sctp: 's' };

interface Tables {
  /** `22t` -> `ssh`. */
  readonly names: ReadonlyMap<string, string>;
  /** `ssh` -> 22 and `t`, once for each entry. */
  readonly ports: ReadonlyMap<string, readonly { readonly port: number; readonly transports: string }[]>;
}
let tables: Tables | undefined;

/** Made when the first name is wanted: few packets are ever printed. */
function read(): Tables {
  const names = new Map<string, string>();
  const ports = new Map<string, { port: number; transports: string }[]>();
  for (const entry of SERVICES.trim().split(/\s+/)) {
    const [words = '', where = ''] = entry.split(':');
    const [, port = '', transports = ''] = /^(\d+)(\w+)$/.exec(where) ?? [];
    const all = words.split(',');
    for (const letter of transports) if (!names.has(port + letter)) names.set(port + letter, all[0]!);
    for (const name of all) ports.set(name, [...(ports.get(name) ?? []), { port: Number(port), transports }]);
  }
  return { names, ports };
}

export function serviceName(port: number, transport: Transport): string | undefined {
  tables ??= read();
  return tables.names.get(port + LETTERS[transport]);
}

/** The port of a name, and the transports that have it there. */
export function servicePort(
  name: string,
): { readonly port: number; readonly transports: ReadonlySet<Transport> } | undefined {
  tables ??= read();
  const entries = tables.ports.get(name);
  if (entries === undefined) return undefined;
  const { port } = entries[0]!;
  const letters = entries
    .filter(entry => entry.port === port)
    .map(({ transports }) => transports)
    .join('');
  const all = (Object.keys(LETTERS) as Transport[]).filter(each => letters.includes(LETTERS[each]));
  return { port, transports: new Set(all) };
}

const PROTOCOLS = `
  ip,IP:0 hopopt,HOPOPT:0 icmp,ICMP:1 igmp,IGMP:2 ggp,GGP:3 ipencap,IP-ENCAP:4 st,ST:5 tcp,TCP:6 egp,EGP:8
  igp,IGP:9 pup,PUP:12 udp,UDP:17 hmp,HMP:20 xns-idp,XNS-IDP:22 rdp,RDP:27 iso-tp4,ISO-TP4:29 dccp,DCCP:33
  xtp,XTP:36 ddp,DDP:37 idpr-cmtp,IDPR-CMTP:38 ipv6,IPv6:41 ipv6-route,IPv6-Route:43 ipv6-frag,IPv6-Frag:44
  idrp,IDRP:45 rsvp,RSVP:46 gre,GRE:47 esp,IPSEC-ESP:50 ah,IPSEC-AH:51 skip,SKIP:57 ipv6-icmp,IPv6-ICMP:58
  ipv6-nonxt,IPv6-NoNxt:59 ipv6-opts,IPv6-Opts:60 rspf,RSPF,CPHB:73 vmtp,VMTP:81 eigrp,EIGRP:88
  ospf,OSPFIGP:89 ax.25,AX.25:93 ipip,IPIP:94 etherip,ETHERIP:97 encap,ENCAP:98 pim,PIM:103
  ipcomp,IPCOMP:108 vrrp,VRRP:112 l2tp,L2TP:115 isis,ISIS:124 sctp,SCTP:132 fc,FC:133
  mobility-header,Mobility-Header:135 udplite,UDPLite:136 mpls-in-ip,MPLS-in-IP:137 manet:138 hip,HIP:139
  shim6,Shim6:140 wesp,WESP:141 rohc,ROHC:142 ethernet,Ethernet:143 mptcp,MPTCP:262`;

let protocolNumbers: ReadonlyMap<string, number> | undefined;

/** A protocol number by name or alias, as capitals are written. */
export function protocolNumber(name: string): number | undefined {
  protocolNumbers ??= new Map(
    PROTOCOLS.trim()
      .split(/\s+/)
      .flatMap(entry => {
        const [words = '', number = ''] = entry.split(':');
        return words.split(',').map(word => [word, Number(number)] as const);
      }),
  );
  return protocolNumbers.get(name);
}
