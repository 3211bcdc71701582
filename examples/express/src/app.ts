import express, { type ErrorRequestHandler, type Express, type Request } from 'express';
import type { FieldRule } from 'tidemark';
import { type ExpressHost, expressHost } from 'tidemark/express';
import { sseHost } from 'tidemark/sse';
import { circleOf, editOf, stateVariableOf, structureOf } from '../../campaign/bodies.ts';
import {
  invalidateStructureCascade,
  publishSettlementUpdated,
  publishStateVariableUpdated,
} from '../../campaign/changes.ts';
import type { Tide, User, model } from '../../campaign/model.ts';
import type { Rows } from '../../campaign/rows.ts';
import { campaignOf, settlementOf } from '../../campaign/tree.ts';

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
    response.json(await host.scopeOf(request).spatial.near('settlement', circleOf(request.query)));
  });

  app.patch('/settlements/:id', async (request, response) => {
    const world = host.scopeOf(request);
    const written = await rows.editSettlement(request.params.id, editOf(bodyOf(request)));
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
    const written = await rows.putStructure(structureOf(id, settlementId, bodyOf(request)));
    const receipt = await invalidateStructureCascade(world, written, world.principal?.name);
    response.set('x-after', receipt.toString()).json(written.after);
  });
  app.put('/variables/:id', async (request, response) => {
    const world = host.scopeOf(request);
    const written = await rows.putStateVariable(stateVariableOf(request.params.id, bodyOf(request)));
    const receipt = await publishStateVariableUpdated(world, written, world.principal?.name);
    response.set('x-after', receipt.toString()).json(written.after);
  });

  app.get('/rules', async (_request, response) => {
    response.json(await tide.rules.list());
  });
  // Refused as it is checked: 400 with what is wrong, 409 if somebody else has saved it since.
  app.put('/rules/:id', async (request, response) => {
    const rule = { ...(bodyOf(request) as FieldRule), id: request.params.id };
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

function answer(response: express.Response, found: object | null): void {
  if (found === null) response.status(404).json({ error: { code: 'NOT_FOUND' } });
  else response.json(found);
}

const bodyOf = ({ body }: Request): object => (body ?? {}) as object;

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
