import { setTimeout as delay } from 'node:timers/promises';
import type { ContentBlock } from '@modelcontextprotocol/sdk/types.js';
import { z } from 'zod';
import { InvalidStateError } from '../../../src/platform/lib/errors.ts';
import type { Catalog } from '../../../src/platform/mcp-server/catalog.ts';
import type { McpContext } from '../../../src/platform/mcp-server/context.ts';
import type { PromptArgument, PromptDefinition } from '../../../src/platform/mcp-server/define-prompt.ts';
import { defineResource } from '../../../src/platform/mcp-server/define-resource.ts';
import { defineTool, type Tool } from '../../../src/platform/mcp-server/define-tool.ts';

// The tools, resources and prompts that the conformance suite requires, with its names and texts.

const PNG = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg==';
const WAV = 'UklGRiQAAABXQVZFZm10IBAAAAABAAEAQB8AAEAfAAABAAgAZGF0YQAAAAA=';

const image = { type: 'image', data: PNG, mimeType: 'image/png' } as const;
const text = (words: string) => ({ type: 'text', text: words }) as const;
const resource = (uri: string, mimeType: string, words: string) =>
  ({ type: 'resource', resource: { uri, mimeType, text: words } }) as const;

const about = { title: 'Conformance', description: 'Required by the conformance suite.', access: 'agent:read' } as const;

function tool(name: string, content: ContentBlock[], run: (context: McpContext) => Promise<void> = async () => {}): Tool {
  return defineTool({
    ...about,
    name,
    writes: false,
    input: {},
    output: {},
    content: () => content,
    run: async (context) => {
      await run(context);
      return {};
    },
  });
}

const tools: Tool[] = [
  tool('test_simple_text', [text('This is a simple text response for testing.')]),
  tool('test_image_content', [image]),
  tool('test_audio_content', [{ type: 'audio', data: WAV, mimeType: 'audio/wav' }]),
  tool('test_embedded_resource', [resource('test://embedded-resource', 'text/plain', 'This is an embedded resource content.')]),
  tool('test_multiple_content_types', [
    text('Multiple content types test:'),
    image,
    resource('test://mixed-content-resource', 'application/json', '{"test":"data","value":123}'),
  ]),
  tool('test_error_handling', [], async () => {
    throw new InvalidStateError('This tool intentionally returns an error for testing');
  }),
  tool('test_tool_with_progress', [text('Done.')], async ({ progress }) => {
    await progress(0, 100);
    await delay(50);
    await progress(50, 100);
    await delay(50);
    await progress(100, 100);
  }),
  defineTool({
    ...about,
    name: 'json_schema_2020_12_tool',
    writes: false,
    input: {
      name: z.string().optional(),
      address: z.object({ street: z.string().optional(), city: z.string().optional() }).meta({ id: 'address' }).optional(),
    },
    output: {},
    run: async () => ({}),
  }),
];

const resources = [
  defineResource({
    ...about,
    uri: 'test://static-text',
    name: 'static-text',
    mimeType: 'text/plain',
    list: async () => ({ resources: [{ uri: 'test://static-text', name: 'static-text' }] }),
    read: async () => ({ text: 'This is the content of the static text resource.' }),
  }),
  defineResource({
    ...about,
    uri: 'test://static-binary',
    name: 'static-binary',
    mimeType: 'image/png',
    list: async () => ({ resources: [{ uri: 'test://static-binary', name: 'static-binary' }] }),
    read: async () => ({ blob: PNG }),
  }),
  defineResource({
    ...about,
    uri: 'test://template/{id}/data',
    name: 'template',
    mimeType: 'application/json',
    read: async (_context, { id }) => ({ text: JSON.stringify({ id, templateTest: true, data: `Data for ID: ${id}` }) }),
  }),
];

const required = (name: string): PromptArgument => ({ name, description: 'An argument.', required: true });

const prompts: PromptDefinition[] = [
  {
    ...about,
    name: 'test_simple_prompt',
    arguments: [],
    run: async () => [{ role: 'user', content: text('This is a simple prompt for testing.') }],
  },
  {
    ...about,
    name: 'test_prompt_with_arguments',
    arguments: [{ ...required('arg1'), complete: async () => ['testing'] }, required('arg2')],
    run: async (_context, { arg1, arg2 }) => [
      { role: 'user', content: text(`Prompt with arguments: arg1='${arg1}', arg2='${arg2}'`) },
    ],
  },
  {
    ...about,
    name: 'test_prompt_with_embedded_resource',
    arguments: [required('resourceUri')],
    run: async (_context, { resourceUri = '' }) => [
      { role: 'user', content: resource(resourceUri, 'text/plain', 'Embedded resource content for testing.') },
      { role: 'user', content: text('Please process the embedded resource above.') },
    ],
  },
  {
    ...about,
    name: 'test_prompt_with_image',
    arguments: [],
    run: async () => [
      { role: 'user', content: image },
      { role: 'user', content: text('Please analyze the image above.') },
    ],
  },
];

export const conformanceCatalog: Partial<Catalog> = { tools, resources, prompts };
