import type { Viewer } from '../../../src/platform/auth/viewer.ts';
import type { TestGraph } from '../../testkit/graph.ts';
import { asViewer, createTenant, type TestTenant } from '../../testkit/tenants.ts';

// biome-ignore lint/suspicious/noExplicitAny: the shape depends on the selection of each test.
export type Result = any;

/** The result of a mutation: its payload or its error. Top-level errors are thrown, as `CODE: message`. */
export async function mutate(
  graph: TestGraph,
  viewer: Viewer,
  name: string,
  input: Record<string, unknown>,
  payload: string,
): Promise<Result> {
  const title = name.charAt(0).toUpperCase() + name.slice(1);
  const answer = await graph.execute(
    viewer,
    `mutation ($input: ${title}Input!) { result: ${name}(input: $input) {
      __typename ... on ${title}Payload { ${payload} } ... on UserError { message code path }
    } }`,
    { input },
  );
  if (answer.messages.length > 0) throw new Error(`${answer.codes[0]}: ${answer.messages.join('; ')}`);
  return answer.data?.result;
}

/** Returns the data of a query. Throws its first error. */
export async function query(graph: TestGraph, viewer: Viewer, source: string, variables = {}): Promise<Result> {
  const answer = await graph.execute(viewer, source, variables);
  if (answer.messages.length > 0) throw new Error(`${answer.codes[0]}: ${answer.messages.join('; ')}`);
  return answer.data;
}

/** A tenant whose owner is a platform administrator. */
export async function platformTenant(graph: TestGraph): Promise<TestTenant> {
  const tenant = await createTenant(graph, { rows: ['api_keys'] });
  await graph.ownerQuery('UPDATE users SET is_platform_admin = true WHERE id = $1', [tenant.owner.userId]);
  return tenant;
}

/** Registers and configures a server of the tenant, and refreshes its tools once. Returns its id. */
export async function readyServer(
  graph: TestGraph,
  tenant: TestTenant,
  url: string,
  configuration: Record<string, unknown> = {},
): Promise<string> {
  const owner = asViewer(tenant);
  const { server } = await mutate(
    graph,
    owner,
    'registerMcpServer',
    { name: 'Tools', transport: 'STREAMABLE_HTTP', url },
    'server { id }',
  );
  await configure(graph, owner, server.id, configuration);
  await mutate(graph, owner, 'refreshMcpTools', { serverId: server.id }, 'config { id }');
  return server.id;
}

export function configure(graph: TestGraph, viewer: Viewer, serverId: string, input: Record<string, unknown>): Promise<Result> {
  return mutate(
    graph,
    viewer,
    'configureMcpServer',
    { serverId, ...input },
    'config { id uuid enabled secretNames envNames config }',
  );
}

export function refresh(graph: TestGraph, viewer: Viewer, serverId: string): Promise<Result> {
  return mutate(graph, viewer, 'refreshMcpTools', { serverId }, 'config { refreshedAt refreshError }');
}

export function execute(
  graph: TestGraph,
  viewer: Viewer,
  serverId: string,
  name: string,
  given: Record<string, unknown> = {},
  rest: Record<string, unknown> = {},
): Promise<Result> {
  const payload = 'output execution { uuid status errorCode errorMessage parameters result serverInstance user { email } }';
  return mutate(graph, viewer, 'executeMcpTool', { serverId, name, arguments: given, ...rest }, payload);
}

export interface ToolRow {
  id: string;
  name: string;
  status: string;
  changed: boolean;
  definitionHash: string;
  description: string | null;
  approvedBy: { email: string } | null;
}

/** The tools of a server by name. */
export async function tools(graph: TestGraph, viewer: Viewer, serverId: string): Promise<Record<string, ToolRow>> {
  const data = await query(
    graph,
    viewer,
    `query ($serverId: ID!) { mcpTools(first: 100, filter: { serverId: $serverId }) { nodes {
      id name status changed definitionHash description approvedBy { email } } } }`,
    { serverId },
  );
  return Object.fromEntries(data.mcpTools.nodes.map((tool: ToolRow) => [tool.name, tool]));
}

export interface LoggedCall {
  tool_name: string;
  status: string;
  error_code: string | null;
  error_message: string | null;
  parameters: unknown;
  result: unknown;
  user_id: string | null;
}

/** The recorded executions of a tenant, oldest first. */
export function loggedCalls(graph: TestGraph, tenant: TestTenant): Promise<LoggedCall[]> {
  return graph.ownerQuery<LoggedCall>('SELECT * FROM mcp_tool_executions WHERE tenant_id = $1 ORDER BY id', [tenant.id]);
}

/** The names of the tables in which any column of any row contains the text. */
export async function rowsWith(graph: TestGraph, text: string): Promise<string[]> {
  const tables = await graph.ownerQuery<{ name: string }>(
    `SELECT c.oid::regclass::text AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE n.nspname NOT IN ('pg_catalog', 'information_schema') AND c.relkind IN ('r', 'p') AND NOT c.relispartition ORDER BY 1`,
  );
  const found: string[] = [];
  for (const { name } of tables) {
    const rows = await graph.ownerQuery(`SELECT FROM ${name} t WHERE strpos(t::text, $1) > 0`, [text]);
    if (rows.length > 0) found.push(name);
  }
  return found;
}
