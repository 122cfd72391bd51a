import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import type { AnySchema, SchemaOutput } from '@modelcontextprotocol/sdk/server/zod-compat.js';
import type { RequestOptions } from '@modelcontextprotocol/sdk/shared/protocol.js';
import type { ClientRequest } from '@modelcontextprotocol/sdk/types.js';
import { z } from 'zod';
import { repairInitializeResult } from './reading/read-initialize.ts';

/** The SDK's client, which accepts a greeting with wrong optional members. */
export class TolerantClient extends Client {
  override request<Schema extends AnySchema>(
    request: ClientRequest,
    schema: Schema,
    options?: RequestOptions,
  ): Promise<SchemaOutput<Schema>> {
    if (request.method !== 'initialize') return super.request(request, schema, options);
    const tolerant = z.preprocess(repairInitializeResult, schema as z.ZodType) as unknown as Schema;
    return super.request(request, tolerant, options);
  }
}
