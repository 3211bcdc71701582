import express, { type ErrorRequestHandler, type Express, type Request } from 'express';
import type { FieldRule } from 'tidemark';
import { type ExpressHost, expressHost } from 'tidemark/express';
import { sseHost } from 'tidemark/sse';
import {
  invalidateStructureCascade,
  publishSettlementUpdated,
  publishStateVariableUpdated,
} from '../../campaign/changes.ts';
import type { Settlement, StateVariable, Structure, Tide, User, World, model } from '../../campaign/model.ts';
import type { Rows } from '../../campaign/rows.ts';

type Host = ExpressHost<typeof model, User, Request>;

/** Everybody is who they say they are. In an app of your own: a token that is verified, and a request without one refused. */
const userOf = (request: Request): User => ({ name: request.get('x-user') ?? 'somebody' });

/** The whole app, and its host, which ends it. */
export function createApp(tide: Tide, rows: Rows): { readonly app: Express; readonly host: Host } {
  const host: Host = expressHost(tide, {
    scope: (request: Request) => ({ principal: userOf(request), after: request.get('x-after') }),
  });
  const live = sseHost(tide, { authenticate: (request: Request) => ({ principal: userOf(request) }) });
  const app = express().disable('x-powered-by');
  app.use('/health', host.health);
  app.all('/live', (request, response) => live.handle(request, response));
  app.use(express.json({ limit: '100kb' }));

  app.get('/campaigns/:id', async (request, response) => {
    answer(response, await campaignOf(host.scopeOf(request), request.params.id));
  });
  app.get('/settlements/:id', async (request, response) => {
    answer(response, await settlementOf(host.scopeOf(request), request.params.id));
  });
  // `?x=10&y=10&radius=5`: nearest first.
  app.get('/near', async (request, response) => {
    const [x = 0, y = 0, radius = 0] = ['x', 'y', 'radius'].map((name) => Number(request.query[name]));
    response.json(await host.scopeOf(request).spatial.near('settlement', { point: { x, y }, radius }));
  });

  app.patch('/settlements/:id', async (request, response) => {
    const world = host.scopeOf(request);
    const { name, level, x, y } = bodyOf<Settlement>(request);
    const given = Object.entries({ name, level, x, y }).filter(([, value]) => value !== undefined);
    const written = await rows.editSettlement(request.params.id, Object.fromEntries(given));
    if (written === null) {
      answer(response, null);
      return;
    }
    const receipt = await publishSettlementUpdated(world, written, world.principal?.name);
    response.set('x-after', receipt.toString()).json(written.after);
  });
  app.put('/settlements/:of/structures/:id', async (request, response) => {
    const world = host.scopeOf(request);
    const { of: settlementId, id } = request.params;
    if ((await world.get('settlement', settlementId)) === null) {
      answer(response, null);
      return;
    }
    const { kind = 'house', level = 1 } = bodyOf<Structure>(request);
    const written = await rows.putStructure({ id, settlementId, kind, level });
    const receipt = await invalidateStructureCascade(world, written, world.principal?.name);
    response.set('x-after', receipt.toString()).json(written.after);
  });
  app.put('/variables/:id', async (request, response) => {
    const world = host.scopeOf(request);
    const { kingdomId = null, settlementId = null, key = 'unnamed', value = 0 } = bodyOf<StateVariable>(request);
    const written = await rows.putStateVariable({ id: request.params.id, kingdomId, settlementId, key, value });
    const receipt = await publishStateVariableUpdated(world, written, world.principal?.name);
    response.set('x-after', receipt.toString()).json(written.after);
  });

  app.get('/rules', async (_request, response) => {
    response.json(await tide.rules.list());
  });
  // Refused as it is checked: 400 with what is wrong, 409 if somebody else has saved it since.
  app.put('/rules/:id', async (request, response) => {
    const rule = { ...(bodyOf<FieldRule>(request) as FieldRule), id: request.params.id };
    const { rule: saved } = await tide.rules.save(rule, { by: userOf(request).name });
    response.json(saved);
  });
  app.get('/rules/why/:id/:field', async (request, response) => {
    const { id, field } = request.params;
    response.json(await tide.rules.explain('settlement', id, field as 'income' | 'isTradeHub'));
  });

  app.use(host.errors);
  app.use(failed);
  return { app, host };
}

/** The whole tree: a statement for each level and kind where it is cold, however much hangs on it, and none where it is warm. */
async function campaignOf(world: World, id: string) {
  const campaign = await world.get('campaign', id);
  if (campaign === null) return null;
  const kingdoms = await world.children('kingdom', { campaign: id });
  return {
    ...campaign,
    kingdoms: await Promise.all(
      kingdoms.map(async (kingdom) => {
        const settlements = await world.children('settlement', { kingdom: kingdom.id });
        const all = settlements.map((settlement) => settlementOf(world, settlement.id));
        return { ...kingdom, settlements: await Promise.all(all) };
      }),
    ),
  };
}

async function settlementOf(world: World, id: string) {
  const [settlement, structures, variables, computed] = await Promise.all([
    world.get('settlement', id),
    world.children('structure', { settlement: id }),
    world.children('stateVariable', { settlement: id }),
    world.computed('settlement', id),
  ]);
  return settlement && { ...settlement, ...computed, structures, variables };
}

function answer(response: express.Response, found: object | null): void {
  if (found === null) response.status(404).json({ error: { code: 'NOT_FOUND' } });
  else response.json(found);
}

/** Fields that a client sends; in an app of your own they are checked first. */
const bodyOf = <Row>({ body }: Request): Partial<Row> => (body ?? {}) as Partial<Row>;

/** What is left: bodies that are no JSON, and what is our own fault, of which no client hears. */
const failed: ErrorRequestHandler = (error: unknown, _request, response, next) => {
  if (response.headersSent) {
    next(error);
    return;
  }
  const { status = 500 } = (error ?? {}) as { readonly status?: number };
  if (status >= 500) console.error(error);
  response.status(status).json({ error: { code: status < 500 ? 'BAD_REQUEST' : 'INTERNAL' } });
};
