import type { IncomingMessage, ServerResponse } from 'node:http';
import type { RequestInfo } from '../auth/viewer.ts';
import type { Services } from './services.ts';

/** A request to a module's route. It has no viewer: the route authenticates it by what is in the path. */
export interface RouteRequest {
  request: IncomingMessage;
  response: ServerResponse;
  info: RequestInfo;
  /** The path after the prefix. */
  rest: string;
}

/** A path prefix that a module answers itself, past GraphQL. */
export interface HttpRoute {
  /** Such as `/uploads/`. Also its name in the metrics. */
  prefix: string;
  /** How long a request may take to arrive, in milliseconds. */
  requestMs: number;
  /** How long the body may pause, in milliseconds. */
  idleMs: number;
  handle(services: Services, request: RouteRequest): Promise<void>;
}
