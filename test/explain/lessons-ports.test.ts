import { explainedLessons } from './lessons.ts';

explainedLessons({
  'bird-not-ready': {
    verdict: 'NO_ROUTE at tor there',
    says: ['172.16.5.0/24 is the block of node-2, and no route leads there: node-1'],
    cures: ['bgp let through'],
  },
  'passive-connect': {
    verdict: 'NO_ROUTE at tor there',
    says: ["node-1's session with node-2 10.0.0.2 is Passive"],
    cures: ['bgp in let through'],
  },
}).run();
