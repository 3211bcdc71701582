import type { GraphQLError, parse } from 'graphql';
import { type Plugin, createGraphQLError, createYoga, maskError } from 'graphql-yoga';
import { limits } from './depth.ts';
import { publicError } from './errors.ts';
import { type Connection, type RequestContext, type World, contextOf } from './request.ts';
import { schema } from './schema.ts';

const MAX_DEPTH = 12;
const MAX_FIELDS = 300;
const MAX_TOKENS = 2_000;

/** The GraphQL endpoint, as a handler for Express. Each request has a context of its own, whose scopes end with it. */
export function graphql(world: World) {
  const limited: Plugin = {
    onParse: ({ parseFn, setParseFn }) => {
      const parsed = parseFn as typeof parse;
      setParseFn((source: string) => parsed(source, { maxTokens: MAX_TOKENS }));
    },
    onValidate: ({ addValidationRule }) => {
      addValidationRule(limits(MAX_DEPTH, MAX_FIELDS));
    },
  };
  return createYoga<Connection, RequestContext>({
    schema,
    context: ({ req, request }) => contextOf(world, req.headers, request.signal),
    plugins: [limited],
    maskedErrors: { maskError: (error) => masked(error, world.report) },
    multipart: false,
    graphiql: false,
    landingPage: false,
    cors: false,
    logging: false,
  });
}

/** Errors of GraphQL itself, such as a syntax error, are meant for whoever wrote the query; all others are sifted. */
function masked(error: unknown, report: World['report']): Error {
  if (error instanceof Error && maskError(error, '') === error) return error;
  const { status, code, message } = publicError(error);
  if (status === 500) report(error);
  const http = code === 'UNAUTHENTICATED' ? { http: { status } } : {};
  const { nodes = null, path = null } = error as Partial<GraphQLError>;
  return createGraphQLError(message, { nodes, path, extensions: { code, ...http } });
}
