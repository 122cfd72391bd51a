import type { IncomingMessage, ServerResponse } from 'node:http';
import type { RequestInfo } from '../auth/viewer.ts';
import type { Services } from './services.ts';

/** A request to a module's route. It has no viewer: the route authenticates it by a token in the path. */
export interface RouteRequest {
  request: IncomingMessage;
  response: ServerResponse;
  info: RequestInfo;
  /** The path after the prefix. */
  rest: string;
}

/** A path prefix whose requests a module handles without GraphQL. */
export interface HttpRoute {
  /** Such as `/uploads/`. Also the label of the route in metrics. */
  prefix: string;
  /** Maximum time to receive the whole request, in milliseconds. */
  requestMs: number;
  /** Maximum pause while receiving the body, in milliseconds. */
  idleMs: number;
  handle(services: Services, request: RouteRequest): Promise<void>;
}
