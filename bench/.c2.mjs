import { createTidemark } from 'tidemark';
import { redis } from 'tidemark/redis';
import { throwAwayRedis, clientsOf, connectTo } from './redis.mjs';
import { model, TTL_MS, countingOrigin } from './world.mjs';
const server = await throwAwayRedis({});
const ids = Array.from({length:50},(_, i) => `structure-${i}`);
const origin = countingOrigin({ byId: new Map(ids.map(id=>[id,{id,settlementId:'s',level:1}])) });
const clients = clientsOf(server.port);
const parts = redis(clients);
const T={bump:[],pub:[],all:[],gap:[]}; 
const marks = { ...parts.marks, bump: async (...a) => { const t=performance.now(); const r = await parts.marks.bump(...a); T.bump.push(performance.now()-t); return r; } };
let pubs=0, t0=0; const bus = { ...parts.bus, publish: async (...a) => { if (pubs++===0) t0=performance.now(); const r = await parts.bus.publish(...a); if (--pubs===0) T.pub.push(performance.now()-t0); return r; } };
const tide = createTidemark({ model, origin: { structure: { byIds: origin.byIds } }, ttlMs: TTL_MS, ...parts, marks, bus });
await tide.ready(); const settlement = { id: 's', kingdomId: 'k' };
const idle = async () => { for (let q=0;q<3;q++){ await new Promise(r=>setTimeout(r,1)); if (clients.client.commandQueue.length>0) q=0; } };
await tide.getMany('structure', ids); await idle();
for (let i=0;i<600;i++) { const t=performance.now(); await tide.change({ type:'settlement', id:'s', op:'delete', before: settlement }); T.all.push(performance.now()-t); if (process.argv[2]!=='bare') await tide.getMany('structure', ids); await idle(); }
for (const [k,v] of Object.entries(T)) { const w=v.slice(100).sort((a,b)=>a-b); console.log(k, w.length, 'min', w[0]?.toFixed(3), 'p10', w[50]?.toFixed(3), 'med', w[w.length>>1]?.toFixed(3)); }
process.exit();
